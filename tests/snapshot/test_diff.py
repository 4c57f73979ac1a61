"""What a diff calls added, removed, changed and moved; and that it is told alike to people and programs."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snapshot_work import RECIPE, labelled, made

from m4corpus.cli.snapshot import command
from m4corpus.errors import UserError
from m4corpus.snapshot import Snapshot
from m4corpus.snapshot.diff import ADDED, CHANGED, KINDS, MOVED, RELABELLED, REMOVED, SAME, Diff, diff

OLD = [
    labelled("a", "one\ntwo\nthree"),
    labelled("b", "four\nfive"),
    labelled("c", "six", language="swh", variety="sw-KE"),
    labelled("d", "seven\neight"),
    labelled("e", "nine", url="https://x/e"),
    labelled("f", "ten"),
    labelled("g", "eleven", revision="1"),
]
NEW = [
    labelled("a", "one\nnew\ntwo\nthree"),  # a passage more
    labelled("b2", "four\nfive"),  # another id
    labelled("c", "six", language="eng", variety=""),  # another language
    labelled("e", "nine", url="https://x/e2"),  # another address
    labelled("f", "ten"),
    labelled("g", "eleven", revision="2"),
    labelled("h", "twelve", language="swh", variety="sw-KE"),
]


@pytest.fixture(params=[(1, 1), (2, 2), (2, 3), (5, 1)], ids=str)
def found(request: pytest.FixtureRequest, tmp_path: Path) -> Diff:
    one, two = request.param
    return diff(made(tmp_path, OLD, one), made(tmp_path, NEW, two))


def only(**counts: int) -> dict[str, int]:
    return {kind: counts.get(kind, 0) for kind in KINDS}


def test_documents(found: Diff) -> None:
    told = found.documents.as_dict()
    assert {k: told[k] for k in KINDS} == only(added=1, removed=1, changed=1, moved=3, relabelled=1, same=1)
    assert told["languages"]["swh_Latn"] == only(added=1)
    assert told["languages"]["eng_Latn"] == only(removed=1, changed=1, moved=3, relabelled=1, same=1)
    assert told["varieties"] == {"sw-KE": only(added=1)}
    assert told["between"] == [{"from": "swh_Latn", "to": "eng_Latn", "count": 1}]


def test_chunks(found: Diff) -> None:
    told = found.chunks.as_dict()
    # Of `a` one stays and two go on; of `b` two move with it, `c` and `e` with their document.
    assert {k: told[k] for k in KINDS} == only(added=2, removed=2, moved=6, same=3)


def test_examples_name_what_was(found: Diff) -> None:
    told = [change.as_dict() for change in found.examples if change.what == "documents"]
    assert {"what": "documents", "change": MOVED, "id": "b2", "language": "eng_Latn", "was": "b"} in told
    assert {"what": "documents", "change": REMOVED, "id": "d", "language": "eng_Latn"} in told
    assert {"what": "documents", "change": RELABELLED, "id": "g", "language": "eng_Latn"} in told


def test_a_chunk_with_other_text_in_its_place_is_changed(tmp_path: Path) -> None:
    found = diff(made(tmp_path, [labelled("a", "x\ny\nz")]), made(tmp_path, [labelled("a", "x\nw\nz")]))
    assert {k: n for k, n in found.chunks.total.items() if n} == {SAME: 2, CHANGED: 1}


def test_of_equal_texts_each_moves_once(tmp_path: Path) -> None:
    old = made(tmp_path, [labelled(id, "same text") for id in ("a", "b", "c")])
    new = made(tmp_path, [labelled(id, "same text") for id in ("c", "x", "y", "z")])
    found = diff(old, new, examples=9)
    assert {k: n for k, n in found.documents.total.items() if n} == {SAME: 1, MOVED: 2, ADDED: 1}
    moves = {c.before.id: c.now.id for c in found.examples if c.what == "documents" and c.before and c.kind == MOVED}
    assert moves == {"a": "x", "b": "y"}


def test_a_snapshot_does_not_differ_from_itself(tmp_path: Path) -> None:
    one = made(tmp_path, OLD)
    found = diff(one, one)
    assert found.documents.total == {SAME: len(OLD)}
    assert found.stages == found.recipe == found.examples == []


IDS = st.sampled_from("abcdefgh")
SIDE = st.dictionaries(IDS, st.tuples(st.sampled_from(["p", "q", "r\ns"]), st.sampled_from(["eng", "swh"])), max_size=7)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIDE, SIDE, st.sampled_from([1, 2, 3]))
def test_every_row_of_either_side_is_told_once(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, Any], after: dict[str, Any], partitions: int
) -> None:
    workdir = tmp_path_factory.mktemp("random")
    old, new = (
        made(workdir, [labelled(id, text, language=language) for id, (text, language) in side.items()], count)
        for side, count in ((before, 2), (after, partitions))
    )
    heard: list[Any] = []
    found = diff(old, new, heard=heard.append)
    for tally, sizes in ((found.documents, (len(before), len(after))), (found.chunks, (lines(before), lines(after)))):
        both = sum(tally.total[kind] for kind in (CHANGED, MOVED, RELABELLED, SAME))
        assert (both + tally.total[REMOVED], both + tally.total[ADDED]) == sizes
        assert sum(sum(counts.values()) for counts in tally.languages.values()) == tally.total.total()
    assert len(heard) == sum(t.total.total() - t.total[SAME] for t in (found.documents, found.chunks))
    backwards = diff(new, old)
    for one, two in ((ADDED, REMOVED), (CHANGED, CHANGED), (MOVED, MOVED), (SAME, SAME)):
        assert found.documents.total[one] == backwards.documents.total[two]


def lines(side: dict[str, Any]) -> int:
    return sum(text.count("\n") + 1 for text, _ in side.values())


@pytest.mark.parametrize("partitions", [2, 3])
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path, partitions: int) -> None:
    def peak(count: int) -> int:
        random.seed(1)
        texts = [random.randbytes(2000).hex() for _ in range(count)]
        # Everything is another text: all of it waits to be recognised.
        old = made(tmp_path / str(count), [labelled(f"{n:05d}", text) for n, text in enumerate(texts)])
        new = made(
            tmp_path / str(count), [labelled(f"{n:05d}x", text[:-1]) for n, text in enumerate(texts)], partitions
        )
        del texts
        tracemalloc.start()
        diff(old, new)
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return high

    few, many = peak(200), peak(900)
    assert many < few + 2_000_000, (few, many)


def invoke(workdir: Path, *arguments: str) -> Any:
    result = CliRunner().invoke(command, [*arguments, "--workdir", str(workdir)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def named(snapshot: Snapshot) -> str:
    return snapshot.name


def test_the_command(tmp_path: Path) -> None:
    old = made(tmp_path, OLD)
    new = made(tmp_path, NEW, recipe={**RECIPE, "chunk": {"size": 64}})
    told = json.loads(invoke(tmp_path, "diff", named(old), named(new), "--json").output)
    assert told["recipe"] == [{"key": "chunk.size", "before": 96, "after": 64}]
    assert told["documents"]["moved"] == 3
    assert told["retrieval"] is None
    changes = tmp_path / "changes.jsonl"
    text = invoke(
        tmp_path, "diff", named(old), named(new), "--changes", str(changes), "--out", str(tmp_path / "r.md")
    ).output
    assert "moved document b2 (was b)" in text
    assert len(changes.read_text().splitlines()) == 7 + 10
    report = (tmp_path / "r.md").read_text()
    assert "| all | 1 | 1 | 1 | 3 | 1 | 1 |" in report
    assert "| `chunk.size` | `96` | `64` |" in report
    assert "Swahili" in report
    invoke(tmp_path, "diff", named(old), named(new), "--out", str(tmp_path / "again.md"))
    assert (tmp_path / "again.md").read_text() == report


def test_the_text_of_one_document(tmp_path: Path) -> None:
    old, new = made(tmp_path, OLD), made(tmp_path, NEW)
    text = invoke(tmp_path, "diff", named(old), named(new), "--document", "a").output
    assert "+new" in text.splitlines()
    assert "-one" not in text
    text = invoke(tmp_path, "diff", named(old), named(new), "--document", "g").output
    assert {"-revision: 1", "+revision: 2"} <= set(text.splitlines())
    text = invoke(tmp_path, "diff", named(old), named(new), "--document", "d").output
    assert "not among what was read" in text
    assert "-seven" in text.splitlines()


def test_why_a_document_is_not_there(small: Any) -> None:
    from m4corpus.snapshot.document import find

    assert find(small.open(), "pages:short").fate.startswith("dropped by filter: min-chars")
    lost = {find(small.open(), f"pages:{row['id']}").fate for row in small.rows()}
    assert any(fate.startswith("dropped by dedup: exact") for fate in lost)
    assert any(fate.startswith("failed by read:") for fate in [find(small.open(), "pages:pages.jsonl#21").fate, *lost])


def test_what_was_pulled_has_no_stages_to_compare(tmp_path: Path) -> None:
    one = made(tmp_path, OLD)
    pulled = Snapshot(one.directory, {**one.manifest, "kind": "release", "artifacts": {}})
    with pytest.raises(UserError, match="it was pulled"):
        diff(one, pulled)
