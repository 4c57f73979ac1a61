from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4corpus.clean.blocks import Blocks
from m4corpus.records import BLOCK_KINDS

TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \n\t\r\xad\u200b\u200d\u0301é凧\x07"), max_size=20
)
ADDED = st.lists(st.tuples(st.sampled_from(BLOCK_KINDS), TEXT, st.integers(0, 3), st.integers(0, 2)), max_size=12)


@given(ADDED)
def test_offsets_are_exact_and_nothing_lies_between_blocks(added: list[tuple[str, str, int, int]]) -> None:
    blocks = Blocks()
    for kind, text, level, group in added:
        blocks.add(kind, text, level=level, group=group)
    text, found = blocks.finish()
    end = 0
    for number, block in enumerate(found):
        gap = text[end : block.start]
        assert gap == "" if number == 0 else gap in ("\n", "\n\n")
        inside = text[block.start : block.end]
        assert inside.strip()
        assert "\r" not in inside
        if block.kind != "code":
            assert inside == " ".join(inside.split())
        end = block.end
    assert end == len(text)
    assert text == unicodedata.normalize("NFC", text)
    assert not set(text) & set("\x07\xad\ufeff")


def test_items_of_one_list_stand_on_consecutive_lines() -> None:
    blocks = Blocks()
    first, second = blocks.new_group(), blocks.new_group()
    for text, group in [("a", first), ("b", first), ("c", second)]:
        blocks.add("list_item", text, level=1, group=group)
    blocks.add("table_row", "d", group=second)
    assert blocks.finish()[0] == "a\nb\n\nc\n\nd"


def test_code_keeps_its_lines_and_prose_does_not() -> None:
    blocks = Blocks()
    blocks.add("code", "\n\na:\r\n    b  \n")
    blocks.add("paragraph", " a:\n    b\u00a0 c ")
    assert blocks.finish()[0] == "a:\n    b\n\na: b c"


def test_what_shows_nothing_is_no_block() -> None:
    blocks = Blocks()
    for text in ("", " \n ", "\xad", "\u200b\u200e", "\x07"):
        blocks.add("paragraph", text)
    assert blocks.finish() == ("", [])


def test_joiners_stay() -> None:
    blocks = Blocks()
    blocks.add("paragraph", "می\u200cخواهم ක්\u200dෂ")
    assert blocks.finish()[0] == "می\u200cخواهم ක්\u200dෂ"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="banner"):
        Blocks().add("banner", "x")
