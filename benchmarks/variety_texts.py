"""Real texts of known variety: WorldCuisines' questions, MediaWiki's message catalogues, the quickstart corpus."""

from __future__ import annotations

import csv
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: WorldCuisines id -> the right answer. Han script of Medan cannot be told from other Min Nan: its answer is that.
QUESTIONS = {
    "arabic": {"ar": "ar"},
    "sinitic": {"yue": "yue", "zh_cn": "zh", "nan": "nan-Hani", "nan_spoken": "nan-Latn-ID"},
    "malayic": {"id_formal": "id", "id_casual": "id"},
    "spanish": {"es": "es-ES"},
    "register-id": {"id_formal": "id-ID-x-formal", "id_casual": "id-x-casual"},
    "register-ja": {"ja_formal": "ja-JP-x-formal", "ja_casual": "ja-x-casual"},
    "register-ko": {"ko_formal": "ko-KR-x-formal", "ko_casual": "ko-x-casual"},
    "register-ru": {"ru_formal": "ru-RU-x-formal", "ru_casual": "ru-x-casual"},
    "register-jv": {"jv_krama": "jv-x-krama", "jv_ngoko": "jv-ID-x-ngoko"},
    "register-su": {"su_loma": "su-ID-x-loma"},
    "register-si": {"si_formal_spoken": "si-LK-x-spoken"},
}
#: Catalogue -> the answer that is right.
CATALOGUES = {
    "arabic": {"ar": "ar", "arz": "arz-EG", "ary": "ary"},
    "sinitic": {
        "yue-hant": "yue", "zh-hans": "zh", "zh-hant": "zh", "nan-hant": "nan-Hani", "nan-latn-pehoeji": "nan-Latn",
        "nan-latn-tailo": "nan-Latn",
    },
    "malayic": {"id": "id", "ms": "ms-MY", "min": "min-ID"},
    "portuguese": {"pt": "pt-PT", "pt-br": "pt-BR"},
}  # fmt: skip
#: Templates looked at while the markers were chosen; the other seven were not.
SEEN_TEMPLATES = frozenset({"1", "9", "17", "56", "70", "79", "81"})
#: Characters that make a document out of messages; Chinese says as much in a third.
DOCUMENT = 500
_MARKUP = re.compile(r"\{\{.*?\}\}|<[^>]*>|\$\d|https?://\S+|\[\[|\]\]|'''?|&\w+;")
_PLACEHOLDER = re.compile(r"<[A-Z][^>]*>")


@dataclass(frozen=True)
class Text:
    """``source`` is the set or catalogue, ``unit`` what the text shares with its likes: a template, a block of keys."""

    text: str
    gold: str
    source: str
    unit: str


def questions(folder: Path, sets: dict[str, str]) -> Iterator[Text]:
    """WorldCuisines' open questions without the instruction to print only the answer, and without places."""
    places = _places(folder.parent / "location_and_cuisine.csv")
    for source, gold in sets.items():
        for line in (folder / f"{source}_small_eval_task1.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            text = row["open_ended_prompt"].rsplit("\n\n", 1)[0]
            yield Text(places.sub("X", _PLACEHOLDER.sub("", text)), gold, source, row["prompt_id"])


def messages(folder: Path, catalogues: dict[str, str], documents: bool) -> Iterator[Text]:
    """Messages of 40 characters or more without markup, or documents of at least 500 made of several in a row.

    The messages of one key are translations of one another: they share one of twenty units.
    """
    for source, gold in catalogues.items():
        least = (DOCUMENT if documents else 40) // (3 if source.startswith(("zh", "yue", "nan-h")) else 1)
        rows = json.loads((folder / f"{source}.json").read_text(encoding="utf-8"))
        gathered: dict[str, str] = {}
        for key, message in rows.items():
            if key == "@metadata":
                continue
            unit = str(zlib.crc32(key.encode()) % 20)
            text = gathered.pop(unit, "") + " ".join(_MARKUP.sub(" ", message).split())
            if len(text) >= least:
                yield Text(text, gold, source, unit)
            elif documents:
                gathered[unit] = f"{text}\n"


def catalogue_folder(downloads: Path) -> Path | None:
    """Where the newest MediaWiki among the downloads keeps its messages, or None."""
    found = sorted(downloads.glob("mediawiki/*/core/languages/i18n"))
    return found[-1] if found else None


def _places(table: Path) -> re.Pattern[str]:
    """Matches the names of places and cuisines in every language of WorldCuisines."""
    if not table.is_file():
        return re.compile(r"(?!)")
    with table.open(encoding="utf-8", newline="") as stream:
        names = {cell.strip() for row in csv.DictReader(stream) for cell in row.values() if cell}
    longest = sorted((n for n in names if len(n) >= 3 and "<" not in n), key=lambda n: (-len(n), n))
    return re.compile("|".join(map(re.escape, longest)))
