"""What must not be published, nor shown: tokens, keys, passwords in addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

#: What is looked for: in words, what one of which every such secret has in lower case, and its form. The first is
#: looked for before the second, which takes a hundred times as long.
PATTERNS = (
    ("a Hugging Face token", (b"hf_", b"api_org_"), rb"\b(?:hf|api_org)_[A-Za-z0-9]{30,}\b"),
    ("an AWS access key", (b"akia", b"asia"), rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    (
        "an AWS secret key",
        (b"secret_access_key",),
        rb"(?i:secret_access_key)[\"']?\s{0,4}[=:]\s{0,4}[\"']?[A-Za-z0-9/+]{40}",
    ),
    ("a private key", (b"-----begin",), rb"-----BEGIN (?:[A-Z]{1,12} ){0,2}PRIVATE KEY-----"),
    (
        "a GitHub token",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        rb"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b",
    ),
    ("a password in an address", (b"://",), rb"://[^\s/:@\"'<>]{1,100}:[^\s/@\"'<>]{1,100}@[\w.-]"),
)
_FORMS = [(what, marks, re.compile(form)) for what, marks, form in PATTERNS]
#: The same where texts stand side by side in memory with nothing between them: there a word may begin anywhere.
_LOOSE = [(what, marks, re.compile(form.replace(rb"\b", b""))) for what, marks, form in PATTERNS]
_TOKEN = re.compile(
    r"\b(?:hf|api_org)_[A-Za-z0-9]{8,}|(?i:bearer\s+)[A-Za-z0-9._~+/=-]{8,}|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"
    r"|(?i:(?<=[?&])[\w-]*(?:token|signature|credential|key|sig)=)[^\s&,'\"]+"
)
_REMOVED = "[removed]"


def found_in(content: bytes) -> str:
    """What secret a text holds, in words; empty when none. The secret itself is not told."""
    return _found(content, _FORMS)


def found_in_rows(batch: pa.RecordBatch, id_column: str = "id") -> Iterator[tuple[str, str]]:
    """Id and secret of rows with one in any of their texts, however deep. Most batches cost one search a column."""
    suspects = [name for name, column in zip(batch.schema.names, batch.columns, strict=True) if _suspect(column)]
    if not suspects:
        return
    ids = batch.column(id_column).to_pylist()
    for name in suspects:
        for id, value in zip(ids, batch.column(name).to_pylist(), strict=True):
            if secret := found_in("\n".join(_texts(value)).encode()):
                yield str(id), secret


def _found(content: bytes, forms: Sequence[tuple[str, Sequence[bytes], re.Pattern[bytes]]]) -> str:
    folded = content.lower()
    for what, marks, form in forms:
        if any(mark in folded for mark in marks) and form.search(content):
            return what
    return ""


def scrubbed(text: str, *tokens: str | None) -> str:
    """``text`` without tokens: the given ones, and whatever looks like one."""
    for token in tokens:
        if token:
            text = text.replace(token, _REMOVED)
    return _TOKEN.sub(_REMOVED, text)


def _suspect(column: pa.Array) -> bool:
    """Whether a column's texts, taken together, hold something that looks like a secret."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_map(kind):
        return _suspect(column.keys) or _suspect(column.items)
    if pa.types.is_list(kind):
        return _suspect(column.flatten())
    if pa.types.is_struct(kind):
        return any(_suspect(child) for child in column.flatten())
    if not pa.types.is_string(kind):
        return False
    # The buffer of a slice may hold neighbours as well: a match there costs a second look, no more.
    data = column.buffers()[2]
    return data is not None and bool(_found(data.to_pybytes(), _LOOSE))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from _texts(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _texts(child)
