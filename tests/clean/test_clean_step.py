from __future__ import annotations

import pickle
import subprocess
import sys
import time

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.step import CleanStep
from m4corpus.ledger import Entry
from m4corpus.records import Document, Page

KITE = '<div class="mw-parser-output"><p>A kite flies.</p></div>'


def run(pages: list[Page], config: CleanConfig | None = None) -> tuple[list[Document], list[Entry]]:
    step = pickle.loads(pickle.dumps(CleanStep(config or CleanConfig())))
    entries: list[Entry] = []
    step.ledger = entries.append
    return list(step.run(iter(pages))), entries


def page(name: str, content: str, media_type: str = "text/html") -> Page:
    return Page(
        name, "test", f"{name}.html", media_type, content, url="u", language_hint="en", hint_from="path", revision="1",
        fetched_at="2026", licence="CC0", metadata={"k": "v"},
    )  # fmt: skip


def test_every_page_is_accounted_for_and_carried_over() -> None:
    bomb = "<div>" * 200_000
    pages = [page("a", KITE), page("b", bomb), page("c", "a\0b"), page("d", "\ud800"), page("e", ""), page("f", KITE)]
    documents, entries = run(pages)
    assert [(e.id, e.outcome, e.slug) for e in entries] == [
        ("a", "kept", ""),
        ("b", "failed", "too-deep"),
        ("c", "failed", "control-characters"),
        ("d", "failed", "lone-surrogates"),
        ("e", "failed", "empty-text"),
        ("f", "kept", ""),
    ]
    first = documents[0]
    assert (first.id, first.source, first.locator, first.text) == ("a", "test", "a.html", "A kite flies.")
    assert (first.url, first.language_hint, first.hint_from, first.revision) == ("u", "en", "path", "1")
    assert (first.fetched_at, first.licence, first.metadata) == ("2026", "CC0", {"k": "v"})


def test_fifty_megabytes_of_nesting_are_refused_within_seconds() -> None:
    start = time.monotonic()
    bomb = "<div>" * 10_000_000
    _, entries = run([page("a", bomb), page("b", KITE)], CleanConfig(max_chars=100_000_000))
    assert [e.slug for e in entries] == ["too-deep", ""]
    assert time.monotonic() - start < 10


def test_a_flat_bomb_is_stopped_by_its_limits() -> None:
    pages = [page("a", "<p>x" * 1_000_000), page("b", KITE)]
    _, entries = run(pages, CleanConfig(memory_mib=64))
    assert [e.slug for e in entries] == ["memory", ""]
    _, entries = run(pages, CleanConfig(time_limit_s=1))
    assert [e.slug for e in entries] == ["timeout", ""]


def test_the_same_under_any_hash_seed() -> None:
    program = (
        "from m4corpus.clean.config import CleanConfig\n"
        "from m4corpus.clean.detect import clean_page\n"
        "from m4corpus.records import Page\n"
        "part = '<p>' + 'The kite flies. ' * 9 + '</p><ul><li>a\u200db</li></ul>'\n"
        "parts = ''.join(f'<h2>{number}</h2>{part}' for number in range(20))\n"
        "html = f'<html><body><nav>Home</nav><article><h1>Kite</h1>{parts}</article></body></html>'\n"
        "print(repr(clean_page(Page('1', 's', 'l', 'text/html', html), CleanConfig())))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1
