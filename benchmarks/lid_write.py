"""Writing what ships: the model file, its settings, and the table of the languages it knows."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lid_labels import NEIGHBOURS, iso_names

from m4corpus import languages as registry

#: The language a script stands for, where hardly any other is written in it.
BY_SCRIPT = {
    "Armn": "hye", "Cher": "chr", "Geor": "kat", "Grek": "ell", "Gujr": "guj", "Guru": "pan", "Hang": "kor",
    "Java": "jav", "Jpan": "jpn", "Khmr": "khm", "Knda": "kan", "Laoo": "lao", "Mlym": "mal", "Mong": "khk",
    "Nkoo": "nqo", "Olck": "sat", "Orya": "ori", "Sinh": "sin", "Sund": "sun", "Taml": "tam", "Telu": "tel",
    "Tfng": "zgh", "Thaa": "div", "Thai": "tha", "Yiii": "iii",
}  # fmt: skip
#: Languages beside the 42 and their neighbours that texts on the web are often in.
COMMON = frozenset((
    "sqi", "hye", "bel", "bos", "dan", "nld", "est", "fin", "lug", "ell", "guj", "heb", "hun", "isl", "kaz", "kat",
    "lat", "lav", "lit", "mkd", "mri", "nno", "fas", "pol", "pan", "srp", "sna", "slk", "slv", "som", "sot", "swe",
    "tso", "tsn", "tur", "ukr", "vie", "cym", "xho", "zul", "deu", "cat", "hrv", "epo", "eus", "afr", "mlg", "khm",
    "lao", "mya", "kur", "kmr", "uig",
))  # fmt: skip
#: How much the probability of any other language counts; and of one that is met far less than its nearest relative.
RARE_WEIGHT = 0.15
WEIGHTS = {"nno": 0.3, "roh": 0.15}


def settings(model: Path, labels: Iterable[str], temperatures: list[tuple[int, float]]) -> dict[str, Any]:
    """The content of ``language-model.json``."""
    common = COMMON | NEIGHBOURS | {language.code for language in registry.languages()}
    codes = {label.split("_")[0] for label in labels}
    return {
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "by_script": BY_SCRIPT,
        "temperatures": temperatures,
        "weights": {**dict.fromkeys(sorted(codes - common), RARE_WEIGHT), **WEIGHTS},
    }


def write_settings(path: Path, content: dict[str, Any]) -> None:
    """Write the settings, a line for each key."""
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
    path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def write_table(path: Path, labels: Iterable[str]) -> None:
    """Bring ``tables/lid.csv`` in line with what the model knows: names and labels in it are kept.

    A language the model does not know stays, as one that a hint may name.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["code"]: row for row in csv.DictReader(file)}
    scripts: dict[str, list[str]] = {}
    for code, script in sorted(label.split("_") for label in labels):
        scripts.setdefault(code, []).extend(
            ["Hans", "Hant", "Hani"] if script == "Hani" and code != "jpn" else [script]
        )
    for script, code in BY_SCRIPT.items():
        scripts.setdefault(code, []).append(script)
    for code, found in scripts.items():
        row = rows.setdefault(code, {"label": code, "code": code, "name": iso_names().get(code, code), "scripts": ""})
        usual = [script for script in row["scripts"].split("|") if script]
        row["scripts"] = "|".join(usual + [script for script in found if script not in usual])
    for code, row in rows.items():
        row["known"] = "yes" if code in scripts else "no"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["label", "code", "name", "scripts", "known"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows.values(), key=lambda row: row["label"]))
