"""Other fastText language identifiers in place of the carried one: GlotLID, OpenLID, lid.176, or one's own.

A model is pinned by the SHA-256 of its file, wherever that comes from. Its labels are read as ISO 639: ``eng_Latn``,
``en``, ``eng``, ``zh-yue``, with or without fastText's ``__label__``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from m4corpus import languages as registry
from m4corpus.errors import UserError
from m4corpus.identify.config import ModelFile
from m4corpus.identify.fasttext_model import LanguageModel
from m4corpus.identify.labels import code_of_tag
from m4corpus.identify.resources import verify_model
from m4corpus.identify.script import compatible, dominant_script

# Labels asked for: what is less likely than all of these says nothing.
_CANDIDATES = 30
_LABEL = re.compile(r"(?P<language>[A-Za-z]{2,3}(?:-[a-z-]+)?)(?:[_-](?P<script>[A-Z][a-z]{3}))?")


class Identifier(Protocol):
    """What names languages: the carried model or another."""

    def probabilities(self, texts: Sequence[str], scripts: Sequence[str] | None = None) -> list[dict[str, float]]:
        """For each text, in its script where that is known, the probability of each ISO 639-3 code worth naming."""
        ...


def load_model(model: ModelFile | None) -> Identifier:
    """The model asked for, the carried one for None; ``IntegrityError`` when its file is not the one pinned."""
    return PluggedModel(model) if model else LanguageModel()


class PluggedModel:
    """A fastText model of the user's choice, with the interface of ``LanguageModel``."""

    def __init__(self, model: ModelFile) -> None:
        import fasttext

        path = locate(model)
        verify_model(path, model.sha256)
        try:
            self._model: Any = fasttext.load_model(str(path))
        except ValueError as error:
            raise UserError(f"{path.name} is no fastText model", hint="`identify.model` takes .bin or .ftz.") from error
        self._labels = {name: read_label(name) for name in self._model.get_labels()}
        if not any(code for code, _ in self._labels.values()):
            raise UserError(
                f"{path.name} has no label that names a language: its first is {next(iter(self._labels), 'missing')!r}",
                hint="Labels must be ISO 639 codes, with or without a script: __label__en, __label__eng_Latn.",
            )

    def probabilities(self, texts: Sequence[str], scripts: Sequence[str] | None = None) -> list[dict[str, float]]:
        """For each text, the probability of each code whose label is of no other script."""
        scripts = scripts or [dominant_script(text).code for text in texts]
        names, values = self._model.predict([" ".join(text.split()) for text in texts], k=_CANDIDATES)
        return [self._sum(*found) for found in zip(scripts, names, values, strict=True)]

    def _sum(self, script: str, names: Sequence[str], values: Any) -> dict[str, float]:
        sums: dict[str, float] = {}
        for name, value in zip(names, values, strict=True):
            code, written = self._labels[name]
            if code and (not written or compatible(script, (written,))):
                sums[code] = min(1.0, sums.get(code, 0.0) + float(value))
        return sums


def read_label(label: str) -> tuple[str, str]:
    """ISO 639-3 code and ISO 15924 script (empty where the label has none) of a label; no code where it has none.

    Codes of the 42 are the registry's, so that ``ara``, ``arb`` and ``ar`` are all ``arb``; three letters that neither
    it nor the carried model knows are taken as they are.
    """
    found = _LABEL.fullmatch(label.removeprefix("__label__"))
    if not found:
        return "", ""
    tag, script = found["language"].lower(), found["script"] or ""
    language = registry.resolve(tag)
    code = language.code if language else code_of_tag(tag) or (tag if len(tag) == 3 else "")
    return code, script


def locate(model: ModelFile) -> Path:
    """The file on this machine, fetched from the Hub at its pinned revision where it is there."""
    if model.path:
        return Path(model.path)
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return Path(hf_hub_download(model.repo, model.file, revision=model.revision))
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError) as error:
        raise UserError(
            f"the Hub has no {model.file} in {model.repo} at {model.revision}", hint="Check `identify.model`."
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot fetch {model.file} of {model.repo} from the Hub: {type(error).__name__}",
            hint="Check the network, or download the file and give its `path`.",
        ) from error
