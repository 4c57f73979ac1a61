"""What holds for the chunks of any text, in any script, with any tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from m4corpus.chunk.config import ChunkConfig
from m4corpus.chunk.drive import drive
from m4corpus.chunk.sentences import sentences
from m4corpus.chunk.split import Span, split
from m4corpus.embed.encoder import Encoder
from m4corpus.ledger import Fail
from m4corpus.records import Block

Count = Callable[[Sequence[str]], list[int]]

PIECES = [
    "The kite flies. ", "Dr. Smith, e.g., paid $1,000.50! ", "word ", "supercalifragilistic" * 3,
    "\n", "\n\n",
    "ว่าวเป็นของเล่นพื้นบ้าน ", "ที่เด็กๆชอบเล่นในฤดูร้อน", "ខ្លែងគឺជាល្បែងប្រជាប្រិយ។ ", "ຫຼິ້ນວ່າວ ", "ང་ཚོ་ཡིན། ",
    "风筝是一种传统的玩具。", "春天，孩子们放风筝；很快乐", "凧は正月に揚げる。", "연을 날린다. 바람이 분다! ", "한글",
    "पतंग उड़ती है। ", "क्षत्रिय और ज्ञान, ", "কার্তিক মাসে ", "ተስፋ አለ። ", "یہ پتنگ ہے۔ ", "هل طارت؟ نعم، ", "పతంగి ఎగురుతుంది. ",
    "👨‍👩‍👧‍👦", "🇫🇷🇩🇪🇯🇵", "e\u0301\u0323", " \u0301", "\u200d", "\u200b",
    "\u0600", " ", "\t", "\u3000", "\r\n", "\u2028", "…", "።", "!?", "x" * 40,
]  # fmt: skip
LANGUAGES = ["eng", "tha", "khm", "lao", "bod", "cmn", "jpn", "kor", "hin", "amh", "urd", "arb", "tel", "yue", "", "x"]
SCRIPTS = ["Latn", "Thai", "Khmr", "Hani", "Deva", "Arab", "Zzzz", ""]


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[Block]]:
    """A text of blocks as the cleaner lays them out: joined by line breaks, headings among them."""
    text, blocks = "", []
    part = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join)
    for body in draw(st.lists(part, max_size=8)):
        kind = draw(st.sampled_from(["paragraph", "heading", "list_item", "table_row", ""]))
        level = draw(st.integers(1, 6)) if kind == "heading" else 0
        separator = draw(st.sampled_from(["\n", "\n\n"])) if text else ""
        body = body.encode("utf-8", "ignore").decode()
        if kind:
            blocks.append(Block(kind, level, len(text + separator), len(text + separator + body)))
        text += separator + body
    return text, blocks


configs = st.builds(
    lambda size, share, level, least: ChunkConfig(size, int(size * share), level, least),
    st.integers(8, 40), st.floats(0, 0.99), st.integers(0, 6), st.integers(0, 40),
)  # fmt: skip


def chunks(
    document: tuple[str, list[Block]], language: str, script: str, config: ChunkConfig, count: Count
) -> list[Span]:
    text, blocks = document
    found = drive([split(text, sentences(text, blocks, language, script), config, count([""])[0])], count)[0]
    if isinstance(found, Fail):
        assert found.slug == "grapheme-over-budget"
        assert any(count([cluster])[0] > config.size for cluster in regex.findall(r"\X", text))
        return []
    assert isinstance(found, list)
    check(text, found, config, count)
    return found


def check(text: str, found: list[Span], config: ChunkConfig, count: Count) -> None:
    boundaries = {0, len(text), *(m.end() for m in regex.finditer(r"\X", text))}
    covered = 0
    for span in found:
        assert span.start in boundaries
        assert span.end in boundaries
        assert text[span.start : span.end].strip()
        assert span.tokens == count([text[span.start : span.end]])[0] <= config.size
        assert not text[covered : span.start].strip()  # nothing is skipped
        assert text[max(covered, span.start) : span.end].strip()  # and each chunk adds something
        covered = span.end
    assert not text[covered:].strip()
    for before, after in pairwise(found):
        assert before.start < after.start


common = settings(max_examples=200, deadline=None, derandomize=True)


@common
@given(documents(), st.sampled_from(LANGUAGES), st.sampled_from(SCRIPTS), configs)
def test_any_text_with_a_simple_tokenizer(
    words: Count, document: tuple[str, list[Block]], language: str, script: str, config: ChunkConfig
) -> None:
    chunks(document, language, script, config, words)


@common
@given(documents(), st.sampled_from(LANGUAGES), st.sampled_from(SCRIPTS), configs)
def test_any_text_with_the_encoders_tokenizer(
    encoder: Encoder, document: tuple[str, list[Block]], language: str, script: str, config: ChunkConfig
) -> None:
    chunks(document, language, script, config, encoder.count_tokens)


@common
@given(st.text(max_size=300), st.sampled_from(LANGUAGES), configs)
def test_random_characters(words: Count, text: str, language: str, config: ChunkConfig) -> None:
    text = text.encode("utf-8", "ignore").decode()
    chunks((text, []), language, "", config, words)


@common
@given(documents(), st.sampled_from(LANGUAGES), st.sampled_from(SCRIPTS), configs)
def test_sentences_stay_whole_and_overlap_is_bounded(
    words: Count, document: tuple[str, list[Block]], language: str, script: str, config: ChunkConfig
) -> None:
    text, blocks = document
    found = chunks(document, language, script, config, words)
    units = sentences(text, blocks, language, script)
    for before, after in pairwise(found):
        if after.start < before.end:
            shared = text[after.start : before.end]
            assert words([shared])[0] - 2 <= config.overlap + shared.count("\n")
    after_heading = False
    for unit in units:
        fits = words([text[unit.start : unit.end]])[0] <= config.size
        if found and fits and not after_heading and not unit.heading:
            assert any(span.start <= unit.start and unit.end <= span.end for span in found)
        after_heading = bool(unit.heading)


@pytest.mark.parametrize(
    "text", ["x" * 50_000, "a " * 20_000, "ก" * 20_000, "e\u0301" * 10_000, "." * 20_000, '(" ' * 9_000]
)
def test_long_lines_without_sentences(words: Count, text: str) -> None:
    chunks((text, []), "eng", "Latn", ChunkConfig(), words)
