"""The stage that labels each document with its language and script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from m4corpus.identify.config import IdentifyConfig, ModelFile
from m4corpus.identify.decide import Decision, decide
from m4corpus.identify.evidence import in_script, prose, sample
from m4corpus.identify.flags import flags_of, label_romanised, romanisation
from m4corpus.identify.labels import read_hint
from m4corpus.identify.plugin import Identifier, load_model
from m4corpus.identify.script import dominant_script
from m4corpus.identify.second_opinion import SecondOpinion
from m4corpus.identify.segments import annotate, mixtures
from m4corpus.identify.sinitic import is_cantonese
from m4corpus.identify.varieties.judge import VarietyJudge
from m4corpus.ledger import Verdict
from m4corpus.records import Document
from m4corpus.steps import Step


class IdentifyStep(Step):
    """Annotates documents and drops none: ``und`` and ``Zzzz`` where nothing can be said.

    The language model judges a sample of the prose, in its dominant script alone; langdetect is asked only where that
    is unsure or differs from the hint, and its answer recorded in ``second_language``, where it informs but does not
    decide.
    A variety is given where source or text show it surely enough (:mod:`m4corpus.identify.varieties`); where they do
    not, ``variety_evidence`` says why.
    """

    name = "identify"
    batch_size = 256

    def __init__(self, config: IdentifyConfig | None = None) -> None:
        super().__init__()
        self.config = config or IdentifyConfig()
        self._model: Identifier | None = None
        self._second: SecondOpinion | None = None
        self._varieties: VarietyJudge | None = None

    def prepare(self) -> None:
        """Load the language model, verifying its checksum."""
        self._model = _loaded(self.config.model)
        self._second = SecondOpinion()
        self._varieties = VarietyJudge(self.config.varieties)

    def close(self) -> None:
        """Let go of the models, so that the step can be pickled again."""
        self._model = self._second = self._varieties = None

    def process(self, record: Document) -> Iterable[Document]:
        """The document with its labels."""
        return self._label([record])

    def process_batch(self, records: Sequence[Document]) -> list[list[Document] | Verdict]:
        """As :meth:`process`; the model reads the whole batch at once."""
        return [[document] for document in self._label(records)]

    def _label(self, documents: Sequence[Document]) -> list[Document]:
        if self._model is None:
            raise RuntimeError("IdentifyStep.prepare() has not been called")
        samples = [sample(prose(document), self.config.sample_chars) for document in documents]
        scripts = [dominant_script(text).code for text in samples]
        texts = [in_script(text, script) for text, script in zip(samples, scripts, strict=True)]
        found = self._model.probabilities(texts, scripts)
        decisions = [
            self._annotate(document, text, script, probabilities)
            for document, text, script, probabilities in zip(documents, texts, scripts, found, strict=True)
        ]
        self._read_segments(documents, texts, decisions)
        for document in documents:
            self._tell_variety(document)
        return list(documents)

    def _tell_variety(self, document: Document) -> None:
        if self._varieties is None:
            return
        told = self._varieties.judge(
            prose(document),
            document.language,
            document.script,
            language_confidence=document.language_confidence,
            hint=document.language_hint,
            hint_from=document.hint_from,
            url=document.url,
        )
        document.variety, document.variety_confidence = told.variety, told.confidence
        document.variety_evidence = "; ".join(said for said in (told.evidence, told.abstained) if said)

    def _annotate(self, document: Document, text: str, script: str, probabilities: dict[str, float]) -> Decision:
        hint = read_hint(document.language_hint)
        decision = decide(probabilities, script, is_cantonese(text), hint, self.config)
        document.language = decision.language
        document.script = script
        document.language_confidence = round(decision.confidence, 4)
        document.hint_agreement = decision.agreement
        document.second_language = self._ask(text, decision, hint.code if hint else "")
        return decision

    def _read_segments(
        self, documents: Sequence[Document], texts: Sequence[str], decisions: Sequence[Decision]
    ) -> None:
        """What the parts of the documents say: their mix of languages, their flags, and romanised text."""
        if self._model is None or not self.config.segments:
            return
        latin = [
            romanisation(text, document.text, document.script, decision, read_hint(document.language_hint), self.config)
            for document, text, decision in zip(documents, texts, decisions, strict=True)
        ]
        whole = [document for document, found in zip(documents, latin, strict=True) if not found.found]
        mixed = dict(zip(map(id, whole), mixtures(whole, self._model.probabilities, self.config), strict=True))
        for document, found, decision in zip(documents, latin, decisions, strict=True):
            label_romanised(document, found, self.config.hint_confidence)
            mixture = mixed.get(id(document))
            annotate(document, mixture)
            segments = mixture.segments if mixture else []
            document.flags = flags_of(document, segments, found.found, decision, self.config)

    def _ask(self, text: str, decision: Decision, hinted: str) -> str:
        differs = bool(hinted) and decision.heard != hinted
        if self._second is None or not (differs or decision.heard_confidence < self.config.second_opinion_below):
            return ""
        return self._second.ask(text)


# Once a process: a worker does many tasks, and of a rebuild each has little to do.
@lru_cache(maxsize=1)
def _loaded(model: ModelFile | None) -> Identifier:
    return load_model(model)
