"""What a chunk says of its language, which need not be that of its document."""

from __future__ import annotations

from m4corpus.chunk.config import ChunkConfig
from m4corpus.chunk.labels import passage_languages
from m4corpus.chunk.split import Span
from m4corpus.chunk.step import ChunkStep
from m4corpus.embed.config import EncoderConfig
from m4corpus.records import Block, Document

GERMAN = "Der Drachen wird aus dünnen Leisten und buntem Papier gebaut und an einer langen Schnur geführt."
ENGLISH = "The string is wound on a reel, which a child can hold in both hands while the wind does the work."
RUSSIAN = "Змея делают из тонких реек и цветной бумаги, а потом запускают на длинной нитке в ветреный день."


def document(*parts: tuple[str, str]) -> Document:
    """Paragraphs, each given with its language; of the document as a whole it is German."""
    text, blocks = "", []
    for language, part in parts:
        text += "\n\n" if text else ""
        blocks.append(Block("paragraph", 0, len(text), len(text) + len(part), "" if language == "deu" else language))
        text += part
    return Document(
        "d", "test", "d.html", "Drachen", text, blocks, language="deu", script="Latn", language_confidence=0.97,
        hint_agreement="agree", variety="de-AT", variety_confidence=0.8, variety_evidence="host: .at",
        flags=["untranslated"],
    )  # fmt: skip


def of(doc: Document, start: int, end: int) -> tuple[str, str]:
    return passage_languages(doc, [Span(start, end, 1, start)])[0]


def test_a_passage_is_in_the_language_of_most_of_its_letters() -> None:
    doc = document(("deu", GERMAN), ("eng", ENGLISH), ("deu", GERMAN), ("rus", RUSSIAN))
    english, russian = doc.blocks[1], doc.blocks[3]
    assert of(doc, 0, doc.blocks[0].end) == ("deu", "Latn")
    assert of(doc, english.start, english.end) == ("eng", "Latn")
    assert of(doc, russian.start, russian.end) == ("rus", "Cyrl")
    assert of(doc, english.start - 20, english.end) == ("eng", "Latn")
    assert of(doc, 0, english.start + 40) == ("deu", "Latn")
    assert of(doc, 0, len(doc.text)) == ("deu", "Latn")


def test_passages_that_share_a_foreign_paragraph_each_count_it() -> None:
    doc = document(("deu", GERMAN), ("eng", ENGLISH * 3))
    english = doc.blocks[1]
    ranges = [(0, english.start + 10), (english.start, english.start + 100), (english.start + 50, english.end)]
    spans = [Span(start, end, 1, start) for start, end in ranges]
    assert [language for language, _ in passage_languages(doc, spans)] == ["deu", "eng", "eng"]


def test_digits_decide_nothing() -> None:
    doc = document(("deu", "Drachen"), ("eng", "1234567890 1234567890"))
    assert of(doc, 0, len(doc.text)) == ("deu", "Latn")
    assert of(doc, doc.blocks[1].start, len(doc.text)) == ("deu", "Latn")


def test_chunks_carry_the_labels_of_their_document() -> None:
    doc = document(("deu", GERMAN * 3), ("rus", RUSSIAN * 3))
    chunks = list(ChunkStep(ChunkConfig(size=64, overlap=0), EncoderConfig()).run([doc]))
    assert len(chunks) > 2
    assert (chunks[0].language, chunks[0].script) == ("deu", "Latn")
    assert (chunks[-1].language, chunks[-1].script) == ("rus", "Cyrl")
    for chunk in chunks:
        assert chunk.language_confidence == 0.97
        assert chunk.hint_agreement == "agree"
        # A variety of German is none of a passage in Russian.
        variety = ("de-AT", 0.8, "host: .at") if chunk.language == "deu" else ("", 0.0, "")
        assert (chunk.variety, chunk.variety_confidence, chunk.variety_evidence) == variety
        assert chunk.flags == ["untranslated"]
    assert chunks[0].flags is not doc.flags
