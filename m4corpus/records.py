"""The three kinds of record that flow through a recipe, and their Arrow schemas.

``Page`` is what a source delivered, untouched; ``Document`` is its clean text with structure and labels;
``Chunk`` is a passage of one document, the unit that is embedded and retrieved. The schemas are explicit, so a
field that is not declared here can neither appear in an artifact nor be lost on the way into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

#: Fields that Arrow keeps as lists of pairs.
_MAPS = frozenset({"metadata", "language_mix"})
#: Kinds a :class:`Block` may have.
BLOCK_KINDS = ("heading", "paragraph", "list_item", "table_row", "caption", "quote", "code")


@dataclass(slots=True)
class Block:
    """A structural unit of a document: ``text[start:end]``, in characters (code points).

    ``level`` is the depth of a heading (1-6) or of a list item (1 = outermost), and 0 for every other kind.
    ``language`` is the ISO 639-3 code of a block that is in another language than its document, else empty.
    """

    kind: str
    level: int
    start: int
    end: int
    language: str = ""


@dataclass(slots=True)
class Page:
    """One input as its source delivered it.

    ``locator`` says where in the source it was found (``en/kite.html``, ``articles.jsonl.gz:17``);
    ``media_type`` how to read ``content``; ``language_hint`` is the hint as given (an edition code, a BCP-47 tag)
    and ``hint_from`` where it came from (``path``, ``attribute``, ``field``, ``recipe``); both may be empty.
    """

    id: str
    source: str
    locator: str
    media_type: str
    content: str
    title: str = ""
    url: str = ""
    language_hint: str = ""
    hint_from: str = ""
    revision: str = ""
    fetched_at: str = ""
    licence: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """Clean text of one page with its blocks, and the labels later stages add.

    ``language`` is an ISO 639-3 code and ``script`` an ISO 15924 code, as identified from the text; both are empty
    until then and ``und``/``Zzzz`` when nothing can be said. ``language_mix`` is the share of the text, 0 to 1, in each
    language found in it. ``variety`` is a BCP-47 tag, empty when unknown; ``variety_evidence`` says what it rests on.
    ``flags`` are what else was noticed about the language, sorted (``romanised``, ``wrong-script``).
    """

    id: str
    source: str
    locator: str
    title: str
    text: str
    blocks: list[Block] = field(default_factory=list)
    url: str = ""
    language_hint: str = ""
    hint_from: str = ""
    revision: str = ""
    fetched_at: str = ""
    licence: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    cleaner: str = ""
    language: str = ""
    script: str = ""
    language_confidence: float = 0.0
    second_language: str = ""
    hint_agreement: str = ""
    language_mix: dict[str, float] = field(default_factory=dict)
    variety: str = ""
    variety_confidence: float = 0.0
    variety_evidence: str = ""
    flags: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Chunk:
    """A passage: exactly ``document.text[start:end]`` (character offsets), with what is needed to cite it.

    ``index`` counts from 0 within the document, ``tokens`` is its length in the encoder's own tokens,
    ``headings`` the path of headings above it, outermost first. ``language`` is that of most of the passage, which need
    not be its document's, and has no variety then; the other labels are the document's (:class:`Document`). ``image``
    is the SHA-256 (hex) of the image the passage stands for, whose caption its text is; empty for text.
    """

    id: str
    document_id: str
    index: int
    start: int
    end: int
    tokens: int
    text: str
    title: str = ""
    headings: list[str] = field(default_factory=list)
    language: str = ""
    script: str = ""
    language_confidence: float = 0.0
    hint_agreement: str = ""
    variety: str = ""
    variety_confidence: float = 0.0
    variety_evidence: str = ""
    flags: list[str] = field(default_factory=list)
    url: str = ""
    revision: str = ""
    licence: str = ""
    source: str = ""
    image: str = ""


Record = Page | Document | Chunk
R = TypeVar("R", bound=Page | Document | Chunk)


def weight(record: Record) -> int:
    """Characters of the texts that vary most in length: what bounds memory where records are collected."""
    text = len(record.content) if isinstance(record, Page) else len(record.text)
    metadata = {} if isinstance(record, Chunk) else record.metadata
    return text + sum(len(key) + len(value) for key, value in metadata.items())


def weights(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """:func:`weight` of each row of a batch of records."""
    import numpy as np
    import pyarrow.compute as pc

    names = set(batch.schema.names)
    text = batch.column("content" if "content" in names else "text")
    total = np.asarray(pc.utf8_length(text)).astype(np.int64)
    if "metadata" in names:
        maps = batch.column("metadata")
        offsets = np.asarray(maps.offsets)
        for values in (maps.keys, maps.items):
            lengths = np.concatenate([[0], np.cumsum(np.asarray(pc.utf8_length(values)), dtype=np.int64)])
            total += lengths[offsets[1:]] - lengths[offsets[:-1]]
    return total


def schema(kind: type[R]) -> pa.Schema:
    """Arrow schema of a record class, columns in the order of its fields."""
    import pyarrow as pa

    block = pa.struct(
        [
            pa.field("kind", pa.string(), nullable=False),
            pa.field("level", pa.int8(), nullable=False),
            pa.field("start", pa.int32(), nullable=False),
            pa.field("end", pa.int32(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
        ]
    )
    types: dict[str, pa.DataType] = {
        "str": pa.string(),
        "int": pa.int32(),
        "float": pa.float32(),
        "list[str]": pa.list_(pa.string()),
        "list[Block]": pa.list_(block),
        "dict[str, str]": pa.map_(pa.string(), pa.string()),
        "dict[str, float]": pa.map_(pa.string(), pa.float32()),
    }
    return pa.schema([pa.field(f.name, types[str(f.type)], nullable=False) for f in fields(kind)])


def to_batch(records: list[R]) -> pa.RecordBatch:
    """Columns of a non-empty list of records of one kind; map keys are sorted, so equal records give equal bytes."""
    import pyarrow as pa

    kind = type(records[0])
    names = [f.name for f in fields(kind)]
    columns: dict[str, list[Any]] = {name: [getattr(r, name) for r in records] for name in names}
    for name in _MAPS & columns.keys():
        columns[name] = [sorted(mapping.items()) for mapping in columns[name]]
    if "blocks" in columns:
        columns["blocks"] = [
            [{"kind": b.kind, "level": b.level, "start": b.start, "end": b.end, "language": b.language} for b in blocks]
            for blocks in columns["blocks"]
        ]
    table_schema = schema(kind)
    arrays = [pa.array(columns[f.name], type=f.type) for f in table_schema]
    return pa.RecordBatch.from_arrays(arrays, schema=table_schema)


def from_batches(kind: type[R], batches: Iterable[pa.RecordBatch]) -> Iterator[R]:
    """The records of Arrow batches, one by one."""
    for batch in batches:
        for row in batch.to_pylist():
            for name in _MAPS & row.keys():
                row[name] = dict(row[name])
            if "blocks" in row:
                row["blocks"] = [Block(**b) for b in row["blocks"]]
            yield kind(**row)
