"""Small hand-checked tables the package carries, as CSV with a header row."""

from __future__ import annotations

import csv
import hashlib
from importlib.resources import files


def read_table(name: str) -> list[dict[str, str]]:
    """Rows of ``m4corpus/tables/{name}.csv``, in file order; cells are never ``None``."""
    text = (files(__package__) / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), strict=True))


def tables_digest() -> str:
    """SHA-256 (hex) over all tables: part of the fingerprint of what is labelled with them."""
    digest = hashlib.sha256()
    for table in sorted((t for t in files(__package__).iterdir() if t.name.endswith(".csv")), key=lambda t: t.name):
        digest.update(table.read_bytes())
    return digest.hexdigest()
