"""Chunks of whole documents, as the step and the stage make them with the default encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from fresh import modules_loaded_by
from pydantic import ValidationError

from m4corpus.chunk.config import ChunkConfig
from m4corpus.chunk.drive import drive
from m4corpus.chunk.sentences import sentences
from m4corpus.chunk.split import Span, split
from m4corpus.chunk.stage import ChunkStage
from m4corpus.chunk.step import ChunkStep
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import load
from m4corpus.errors import UserError
from m4corpus.ledger import Entry
from m4corpus.records import Block, Chunk, Document
from m4corpus.tables import tables_digest

Count = Callable[[Sequence[str]], list[int]]


def document(parts: list[tuple[str, int, str]], id: str = "d") -> Document:
    text, blocks = "", []
    for kind, level, part in parts:
        text += "\n\n" if text else ""
        blocks.append(Block(kind, level, len(text), len(text) + len(part)))
        text += part
    return Document(
        id, "wiki", "kite.html", "Kite", text, blocks, url="https://example.org/kite", revision="7", licence="CC0-1.0",
        language="eng", script="Latn", variety="en-GB",
    )  # fmt: skip


@pytest.fixture
def chunk() -> Callable[..., list[Chunk]]:
    """Chunks of some documents; the ledger is on the function."""

    def run(documents: list[Document], **options: int) -> list[Chunk]:
        step = ChunkStep(ChunkConfig(**options), EncoderConfig())
        entries.clear()
        step.ledger = entries.append
        return list(step.run(documents))

    entries: list[Entry] = []
    run.entries = entries  # type: ignore[attr-defined]
    return run


def spans(doc: Document, count: Count, config: ChunkConfig) -> list[str]:
    result = drive([split(doc.text, sentences(doc.text, doc.blocks, "eng", "Latn"), config, count([""])[0])], count)[0]
    assert isinstance(result, list)
    assert all(isinstance(span, Span) for span in result)
    return [doc.text[s.start : s.end] for s in result]


def test_a_chunk_says_where_it_comes_from(chunk: Callable[..., list[Chunk]]) -> None:
    body = "Kites were made. " * 40
    doc = document([("heading", 1, "Kite"), ("heading", 2, "Early \n history"), ("paragraph", 0, body)])
    chunks = chunk([doc], size=64, overlap=16)
    assert [c.id for c in chunks] == [f"d#{i}" for i in range(len(chunks))]
    for c in chunks:
        assert c.text == doc.text[c.start : c.end]
        assert (c.document_id, c.title, c.url, c.revision, c.licence, c.source) == (
            "d", "Kite", "https://example.org/kite", "7", "CC0-1.0", "wiki",
        )  # fmt: skip
        assert (c.language, c.script, c.variety) == ("eng", "Latn", "en-GB")
        assert c.headings == ["Kite", "Early history"]
        assert c.tokens <= 64
    assert all(c.tokens > 48 for c in chunks[:-1])


def test_consecutive_chunks_share_whole_sentences(words: Count) -> None:
    # 6 tokens each: "This is sentence number 10."
    doc = document([("paragraph", 0, " ".join(f"This is sentence number {n}." for n in range(10, 22)))])
    texts = spans(doc, words, ChunkConfig(size=32, overlap=11))
    assert [t.split()[4][:2] for t in texts] == ["10", "14", "18"]
    assert all(t.startswith("This") and t.endswith(".") for t in texts)
    assert len(spans(doc, words, ChunkConfig(size=38, overlap=0))) == 2


def test_no_tail_inside_its_predecessor(words: Count) -> None:
    doc = document([("paragraph", 0, " ".join(f"This is sentence number {n}." for n in range(10, 16)))])
    assert spans(doc, words, ChunkConfig(size=38, overlap=30)) == [doc.text]


def test_a_heading_goes_with_what_follows(words: Count) -> None:
    body = "One two three four five six seven eight nine ten."
    doc = document([("paragraph", 0, body), ("heading", 3, "Third"), ("heading", 4, "Fourth"), ("paragraph", 0, body)])
    for size in range(14, 40):
        texts = spans(doc, words, ChunkConfig(size=size, overlap=0))
        assert not any(text.endswith(("Third", "Fourth")) for text in texts), size
        assert any("Third\n\nFourth\n\nOne" in text for text in texts), size


def test_a_heading_at_the_end_of_a_document_is_kept(words: Count) -> None:
    doc = document([("paragraph", 0, "One two three."), ("heading", 2, "See also")])
    assert spans(doc, words, ChunkConfig(size=20, overlap=0, section_min_tokens=0))[-1].endswith("See also")


def test_sections_begin_chunks_unless_what_is_before_is_tiny(words: Count) -> None:
    long = "One two three four five six seven eight nine ten."
    doc = document(
        [("heading", 2, "A"), ("paragraph", 0, long), ("heading", 2, "B"), ("paragraph", 0, "Tiny."),
         ("heading", 3, "C"), ("paragraph", 0, "Two."), ("heading", 2, "D"), ("paragraph", 0, long)]
    )  # fmt: skip
    starts = lambda **o: [t[0] for t in spans(doc, words, ChunkConfig(size=60, overlap=8, **o))]  # noqa: E731
    assert starts(section_min_tokens=0) == ["A", "B", "D"]
    assert starts(section_min_tokens=8) == ["A", "B"]
    assert starts(section_min_tokens=0, section_level=3) == ["A", "B", "C", "D"]
    assert starts(section_min_tokens=12) == ["A", "D"]
    assert starts(section_level=0) == ["A"]


def test_heading_paths_follow_the_text_not_the_headings_a_chunk_ends_with(chunk: Callable[..., list[Chunk]]) -> None:
    long = "One two three four five six seven eight nine ten eleven twelve. " * 2
    doc = document(
        [("paragraph", 0, long), ("heading", 2, "A"), ("heading", 3, "B"), ("paragraph", 0, long), ("heading", 3, "C"),
         ("paragraph", 0, long), ("heading", 2, "D"), ("paragraph", 0, long)]
    )  # fmt: skip
    chunks = chunk([doc], size=40, overlap=0, section_level=6, section_min_tokens=0)
    assert [c.headings for c in chunks] == [[], ["A", "B"], ["A", "C"], ["D"]]


@pytest.mark.parametrize(
    ("text", "seam"),
    [("alpha beta gamma delta, " * 20, ","), ("alpha beta gamma delta " * 20, "a"), ("ab" * 400, ("a", "b"))],
)
def test_an_over_long_sentence_is_cut_at_its_best_seams(words: Count, text: str, seam: str | tuple[str, ...]) -> None:
    texts = spans(document([("paragraph", 0, text.strip())]), words, ChunkConfig(size=16, overlap=4))
    assert len(texts) > 3
    assert all(t.endswith(seam) for t in texts[:-1])


def test_a_cluster_that_fits_no_chunk_fails_the_document_alone(chunk: Callable[..., list[Chunk]]) -> None:
    bad = document([("paragraph", 0, "a" + "\u0301\u0323\u0330" * 200)], "bad")
    good = document([("paragraph", 0, "A kite.")], "good")
    chunks = chunk([good, bad, document([], "empty")], size=16, overlap=4)
    assert [c.id for c in chunks] == ["good#0"]
    outcomes = {e.id: (e.outcome, e.slug) for e in chunk.entries}  # type: ignore[attr-defined]
    assert outcomes["good"] == ("kept", "")
    assert outcomes["empty"] == ("dropped", "no-text")
    assert outcomes["bad"][0] in ("failed", "kept")


def test_batches_do_not_matter(chunk: Callable[..., list[Chunk]], monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [
        document([("heading", 2, f"H{n}"), ("paragraph", 0, f"Kite number {n} flies, high. " * n)], f"d{n:03d}")
        for n in range(1, 40)
    ]
    together = chunk(documents)
    monkeypatch.setattr(ChunkStep, "batch_size", 1)
    assert chunk(documents) == together


def test_overlap_must_leave_room() -> None:
    with pytest.raises(ValidationError, match=r"overlap \(24 tokens\) must be less than size \(24 tokens\)"):
        ChunkConfig(size=24, overlap=24)
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        ChunkConfig(overlap=-1)


def test_an_encoder_that_reads_less_than_a_chunk_is_refused() -> None:
    with pytest.raises(UserError, match="size is 128 tokens, but encoder 'm4-multilingual' reads only 64"):
        ChunkStage(ChunkConfig(), EncoderConfig(max_tokens=64))
    step = ChunkStep(ChunkConfig(size=5000), EncoderConfig())
    with pytest.raises(UserError, match=r"size is 5000 tokens, .* reads only 4096"):
        step.prepare()
    prompt = EncoderConfig(passage_prompt="a passage with a long prompt of many many words: {text}")
    with pytest.raises(UserError, match=r"adds \d+ to every text"):
        ChunkStep(ChunkConfig(size=8, overlap=0), prompt).prepare()


def test_the_prompt_counts() -> None:
    prompted = ChunkStep(ChunkConfig(size=32, overlap=0), EncoderConfig(passage_prompt="A passage to find: {text}"))
    prompted.prepare()
    chunks = list(prompted.process(document([("paragraph", 0, "Kites fly. " * 60)])))
    encoder = load(EncoderConfig(passage_prompt="A passage to find: {text}"))
    assert [c.tokens for c in chunks] == encoder.count_tokens([c.text for c in chunks])
    assert max(c.tokens for c in chunks) <= 32


def test_only_what_moves_chunks_is_pinned() -> None:
    def pinned(**options: object) -> dict[str, str]:
        return ChunkStage(ChunkConfig(), EncoderConfig(**options)).resources()  # type: ignore[arg-type]

    assert pinned() == pinned(query_prompt="query: {text}") == pinned(max_tokens=512)
    assert pinned() != pinned(passage_prompt="passage: {text}")
    assert pinned()["tables"] == tables_digest()
    assert {"regex", "sentencex"} <= set(pinned())


def test_chunking_loads_no_weights() -> None:
    code = (
        "from m4corpus.chunk.config import ChunkConfig\nfrom m4corpus.chunk.step import ChunkStep\n"
        "from m4corpus.embed.config import EncoderConfig\nfrom m4corpus.records import Document\n"
        "(chunk,) = ChunkStep(ChunkConfig(), EncoderConfig()).run([Document('d', 's', 'l', 't', 'A kite.', [])])\n"
        "assert chunk.text == 'A kite.'"
    )
    assert "m4corpus.embed.carried.use_model" not in modules_loaded_by(code)
