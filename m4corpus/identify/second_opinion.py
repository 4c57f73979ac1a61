"""langdetect as a second opinion: 55 languages, about 250 documents a second, repeatable."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from m4corpus.identify.labels import UNDETERMINED, labels


class SecondOpinion:
    """langdetect with a fixed seed, loaded when first asked.

    langdetect draws random n-grams, and sums probabilities in the order its profiles lie in the folder; here both are
    fixed, so the answer depends on the text alone.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def ask(self, text: str) -> str:
        """ISO 639-3 code of the most probable language, ``und`` when the text has no feature langdetect knows."""
        from langdetect.lang_detect_exception import LangDetectException

        detector = _load(self._seed).create()
        detector.append(text)
        try:
            answer = detector.detect()
        except LangDetectException:
            return UNDETERMINED
        known = labels().get(answer.split("-")[0])
        return known.code if known else UNDETERMINED


# Once a process and not once a task: reading the profiles takes as long as asking about a hundred texts.
@lru_cache(maxsize=1)
def _load(seed: int) -> Any:
    from langdetect import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    profiles = sorted(Path(PROFILES_DIRECTORY).iterdir())
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles if path.is_file()])
    factory.set_seed(seed)
    return factory
