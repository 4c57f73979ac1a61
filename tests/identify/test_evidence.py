from __future__ import annotations

import pytest

from m4corpus.identify.evidence import in_script, prose, sample
from m4corpus.records import Block, Document


def document(*pieces: tuple[str, str]) -> Document:
    """A document of blocks, each given as its kind and its text."""
    text, blocks = "", []
    for kind, piece in pieces:
        blocks.append(Block(kind, 0, len(text), len(text) + len(piece)))
        text += piece + "\n\n"
    return Document("d", "test", "d.html", "", text, blocks)


def test_code_is_no_prose() -> None:
    page = document(("paragraph", "first " * 20), ("code", "rm -rf build"), ("list_item", "last"), ("code", "ls"))
    assert "rm" not in prose(page)
    assert "ls" not in prose(page)
    assert prose(page).split() == ["first"] * 20 + ["last"]


def test_a_listing_with_little_around_it_is_read_whole() -> None:
    page = document(("heading", "Poem"), ("code", "all of the text stands here"))
    assert prose(page) == page.text
    assert prose(Document("d", "test", "d.html", "", "no blocks")) == "no blocks"


def test_a_sample_spans_a_long_text_and_leaves_out_addresses() -> None:
    text = "start " * 100 + "middle " * 100 + "end " * 100
    taken = sample(text, 300)
    assert len(taken) <= 302
    assert all(word in taken for word in ("start", "middle", "end"))
    assert sample("see https://example.org/en/page or a@b.org\n\nnow", 300) == "see or now"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("see /etc/network/interfaces there", "see there"),
        ("in debian/dists/bookworm/main/ now", "in now"),
        ("在debian/dists/main/中找到", "在 中找到"),
        ("bread and/or rice, 5 km/h", "bread and/or rice, 5 km/h"),
    ],
)
def test_paths_are_left_out(text: str, left: str) -> None:
    assert sample(text, 300) == left


@pytest.mark.parametrize(
    ("text", "script", "left"),
    [
        ("请运行 apt-get 2 次", "Hans", "请运行 - 2 次"),
        ("東京のAPIです", "Jpan", "東京の です"),
        ("한국(韓國) Korea", "Hang", "한국(韓國)"),
        ("The word кот is Russian", "Latn", "The word is Russian"),
        ("зvйл, kot", "Cyrl", "зvйл,"),
        ("123 !", "Zzzz", "123 !"),
        ("Nothing else, café.", "Latn", "Nothing else, café."),
    ],
)
def test_only_the_letters_of_the_script_are_left(text: str, script: str, left: str) -> None:
    assert in_script(text, script) == left
