"""A record of named fields (a JSONL line, a Parquet row) as a page."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from m4corpus.ledger import Fail
from m4corpus.records import Page
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.hints import language_hint
from m4corpus.sources.inventory import SourceFile

#: Longest id a record may bring along, in characters.
MAX_ID = 1000


def page_of_record(
    source: SourceConfig, file: SourceFile, record: dict[str, Any], fallback: str, locator: str
) -> Page | Failure:
    """The page of one record, or why there is none; ``fallback`` is the id of a record that brings none.

    Fields without a meaning of their own go into the metadata as strings, nested ones as compact JSON. ``record`` is
    used up.
    """
    id = fallback
    try:
        own = record_id(find(record, source.fields.id), "")
        id = fallback if not own else own if source.global_ids else f"{source.name}:{own}"
        return _page(source, file, record, id, locator)
    except Fail as fault:
        return Failure.of(fault, id, locator)


def record_id(value: Any, fallback: str) -> str:
    """``value`` as an id, verbatim; ``fallback`` where there is none. Raises ``Fail("bad-id")``."""
    if value is None or value == "":
        return fallback
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Fail("bad-id", f"a {type(value).__name__}")
    text = str(value)
    if len(text) > MAX_ID:
        raise Fail("bad-id", f"characters={len(text)} limit={MAX_ID}")
    return text


def _page(source: SourceConfig, file: SourceFile, record: dict[str, Any], id: str, locator: str) -> Page:
    names = source.fields
    text = find(record, names.text, missing=record)
    if text is record:
        raise Fail("missing-field", f"field={names.text}")
    if text is None:
        raise Fail("empty-text", f"{names.text}=null")
    if not isinstance(text, str):
        raise Fail("bad-field", f"{names.text} is a {type(text).__name__}")
    if not text or text.isspace():
        raise Fail("empty-text", f"characters={len(text)}")
    if (size := len(text.encode())) > source.max_bytes:
        raise Fail("too-large", f"bytes={size} limit={source.max_bytes}")
    slots = {
        "title": names.title,
        "url": names.url,
        "revision": names.revision,
        "fetched_at": names.timestamp,
        "licence": names.licence,
    }
    # Where the hint comes from elsewhere, a language field is one of the others.
    if source.language == "auto":
        slots["language"] = names.language
    elif source.language.startswith("field:"):
        slots["language"] = source.language.removeprefix("field:")
    values = {slot: find(record, name) for slot, name in slots.items()}
    texts = {slot: scalar(value) for slot, value in values.items()}
    used = [name for slot, name in slots.items() if not isinstance(values[slot], dict | list)]
    for name in [names.id, names.text, *used]:
        _remove(record, name)
    markup = text if names.media_type == "text/html" else ""
    hint, hint_from = language_hint(source.language, file.path, field=texts.pop("language", ""), markup=markup)
    licence = texts.pop("licence") or source.licence
    return Page(
        id=id,
        source=file.source,
        locator=locator,
        media_type=names.media_type,
        content=text,
        language_hint=hint,
        hint_from=hint_from,
        licence=licence,
        metadata=_metadata(source, record),
        **texts,
    )


def find(record: dict[str, Any], name: str, missing: Any = None) -> Any:
    """The field ``name``, or what ``a.b`` leads to where no field is called so; ``missing`` where there is none."""
    if name in record or "." not in name:
        return record.get(name, missing)
    value: Any = record
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return missing
        value = value[part]
    return value


def scalar(value: Any) -> str:
    """A JSON scalar as text; empty for null and for anything nested."""
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, dict | list) else json.dumps(value)


def _remove(record: dict[str, Any], name: str) -> None:
    if name in record or "." not in name:
        record.pop(name, None)
        return
    *folders, last = name.split(".")
    value: Any = record
    for part in folders:
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value.pop(last, None)


def _metadata(source: SourceConfig, record: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    size = 0
    for name, value in record.items():
        # What is null or was used up says nothing.
        if value is None or value == {} or not any(fnmatchcase(name, pattern) for pattern in source.metadata):
            continue
        nested = isinstance(value, dict | list)
        found[name] = json.dumps(value, ensure_ascii=False, separators=(",", ":")) if nested else scalar(value)
        size += len(name.encode()) + len(found[name].encode())
    if size > source.max_metadata_bytes:
        raise Fail("metadata-too-large", f"bytes={size} limit={source.max_metadata_bytes}")
    return found
