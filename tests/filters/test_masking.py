from __future__ import annotations

import pytest

from m4corpus.filters.config import FilterConfig
from m4corpus.filters.masking import masked
from m4corpus.filters.step import FilterStep
from m4corpus.records import Block, Document

ALL = ("email", "phone", "ip")


def mask(text: str, *kinds: str) -> str:
    return masked(Document("d", "s", "l", "", text), kinds or ALL)[0].text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to ana.b+kites@mail.example.org.", "Write to [email]."),
        ("(müller@exämple.de)", "([email])"),
        ("メールはana@example.jpまで", "メールは[email]まで"),
        ("Call +44 20 7946 0958, or +1 (202) 555-0143.", "Call [phone], or [phone]."),
        ("from 8.8.8.8 and 2001:4860:4860::8888", "from [ip] and [ip]"),
    ],
)
def test_what_is_masked(text: str, expected: str) -> None:
    assert mask(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "@ana wrote kites@home", "a@b", "1,200 + 300 = 1,500", "ISBN 978-0-306-40615-7",
        "from 1990-03-14 to 2001-11-02",
        "+12 °C", "version 8.8.8.8", "127.0.0.1 and 192.168.0.1", "999.1.1.1", "section 1.2.3.4.5", "10:30:45", "a::b",
        "+49 (30 12345678", "2+3456789",
    ],
)  # fmt: skip
def test_what_is_not(text: str) -> None:
    assert mask(text) == text


def test_only_what_was_asked_for() -> None:
    assert mask("a@example.org 8.8.8.8", "ip") == "a@example.org [ip]"


def test_blocks_still_hold_their_text_and_counts_are_recorded() -> None:
    lines = ["Kites", "Ask a@example.org or b@example.org.", "a@example.org", "The end."]
    blocks, at = [], 0
    for line in lines:
        blocks.append(Block("paragraph", 0, at, at + len(line)))
        at += len(line) + 1
    document = Document("d", "s", "l", "", "\n".join(lines), blocks, metadata={"kept": "yes"})
    step = FilterStep(FilterConfig(min_chars=None, mask=("email",)))
    (result,) = step.run(iter([document]))
    assert [result.text[b.start : b.end] for b in result.blocks] == [
        "Kites", "Ask [email] or [email].", "[email]", "The end.",
    ]  # fmt: skip
    assert result.metadata == {"kept": "yes", "masked": "email=3"}
    assert step.facts == {"masked-email": 3}


def test_nothing_is_masked_by_default() -> None:
    document = Document(
        "d", "s", "l", "", "Write to a@example.org, the man who made every kite that this village has had."
    )
    (result,) = FilterStep().run(iter([document]))
    assert result.text == document.text
    assert result.metadata == {}


def test_long_runs_take_linear_time() -> None:
    for text in ("a." * 50_000, "+1" + " 1" * 50_000, "1." * 50_000, ":1" * 50_000, "a" * 100_000 + "@", "a@" * 30_000):
        mask(text)
