"""Small hand-checked tables the package carries, as CSV with a header row."""

from __future__ import annotations

import csv
import hashlib
from importlib.resources import files


def read_table(name: str) -> list[dict[str, str]]:
    """Rows of ``m4corpus/tables/{name}.csv``, in file order; cells are never ``None``."""
    text = (files(__package__) / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), strict=True))


def tables_digest(*names: str) -> str:
    """SHA-256 (hex) over the named tables, over all where none is named: part of the fingerprint of what reads them."""
    digest = hashlib.sha256()
    for table in sorted((t for t in files(__package__).iterdir() if t.name.endswith(".csv")), key=lambda t: t.name):
        if not names or table.name.removesuffix(".csv") in names:
            digest.update(table.read_bytes())
    return digest.hexdigest()
