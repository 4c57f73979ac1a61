"""The stage that labels each document with its language and script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from m4corpus import languages as registry
from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.decide import Decision, decide
from m4corpus.identify.evidence import in_script, prose, sample
from m4corpus.identify.fasttext_model import LanguageModel
from m4corpus.identify.labels import read_hint
from m4corpus.identify.script import dominant_script
from m4corpus.identify.second_opinion import SecondOpinion
from m4corpus.identify.sinitic import is_cantonese
from m4corpus.ledger import Verdict
from m4corpus.records import Document
from m4corpus.steps import Step


class IdentifyStep(Step):
    """Annotates documents and drops none: ``und`` and ``Zzzz`` where nothing can be said.

    lid.176 judges a sample of the prose, in its dominant script alone; langdetect is asked only where that is unsure or
    differs from the hint, and its answer recorded in ``second_language``, where it informs but does not decide.
    ``variety`` is set only from a hint with a region the registry knows (``es-AR``), and only when the text is found
    to be in that language.
    """

    name = "identify"
    batch_size = 256

    def __init__(self, config: IdentifyConfig | None = None) -> None:
        super().__init__()
        self.config = config or IdentifyConfig()
        self._model: LanguageModel | None = None
        self._second: SecondOpinion | None = None

    def prepare(self) -> None:
        """Load lid.176, verifying its checksum."""
        self._model = LanguageModel()
        self._second = SecondOpinion()

    def close(self) -> None:
        """Let go of the models, so that the step can be pickled again."""
        self._model = self._second = None

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
        found = self._model.probabilities(texts)
        for document, text, script, probabilities in zip(documents, texts, scripts, found, strict=True):
            self._annotate(document, text, script, probabilities)
        return list(documents)

    def _annotate(self, document: Document, text: str, script: str, probabilities: dict[str, float]) -> None:
        hint = read_hint(document.language_hint)
        decision = decide(probabilities, script, is_cantonese(text), hint, self.config)
        document.language = decision.language
        document.script = script
        document.language_confidence = round(decision.confidence, 4)
        document.hint_agreement = decision.agreement
        document.second_language = self._ask(text, decision, hint.code if hint else "")
        variety = registry.regional_variety(document.language_hint)
        document.variety = variety.bcp47 if variety and variety.language == decision.language else ""

    def _ask(self, text: str, decision: Decision, hinted: str) -> str:
        differs = bool(hinted) and decision.heard != hinted
        if self._second is None or not (differs or decision.heard_confidence < self.config.second_opinion_below):
            return ""
        return self._second.ask(text)
