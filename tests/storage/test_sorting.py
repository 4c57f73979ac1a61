"""The external sort: right order for any number of runs, bounded memory, nothing lost."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from m4corpus.records import Page
from m4corpus.storage import sorting
from m4corpus.storage.sorting import FAN_IN, RunSorter, merged


def page(identifier: str, locator: str = "", content: str = "text") -> Page:
    return Page(identifier, "s", locator, "text/plain", content, metadata={"b": "2", "a": "1"})


def keys(pages: list[Page]) -> list[tuple[str, str]]:
    return [(p.id, p.locator) for p in pages]


@pytest.mark.parametrize("runs", [0, 1, FAN_IN, FAN_IN + 1, FAN_IN * 3 + 5])
def test_order_for_any_number_of_runs(tmp_path: Path, runs: int) -> None:
    generator = random.Random(runs)
    expected = []
    for _ in range(runs):
        sorter = RunSorter(tmp_path / f"task-{_:05d}")
        for _ in range(3):
            one = page(f"{generator.randrange(200):04d}", f"{generator.randrange(10**9)}")
            expected.append(one)
            sorter.add(7, one)
        sorter.flush()
    found = list(merged(sorted(tmp_path.glob("task-*/00007/*.parquet")), tmp_path / "scratch"))
    assert keys(found) == sorted(keys(expected))
    assert all(p.metadata == {"a": "1", "b": "2"} for p in found)


def test_more_levels_than_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "FAN_IN", 2)
    sorter = RunSorter(tmp_path / "runs")
    for number in range(11):
        sorter.add(0, page(f"{(number * 7) % 11:02d}"))
        sorter.flush()
    runs = sorted((tmp_path / "runs").rglob("*.parquet"))
    assert [p.id for p in merged(runs, tmp_path / "scratch")] == [f"{n:02d}" for n in range(11)]
    assert (tmp_path / "scratch" / "level-2").is_dir()
    assert sorted((tmp_path / "runs").rglob("*.parquet")) == runs


def test_buckets_and_spills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "RUN_CHARACTERS", 3000)
    sorter = RunSorter(tmp_path)
    for number in range(20):
        sorter.add(number % 3, page(f"{19 - number:02d}", content="x" * 1000))
    sorter.flush()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00000", "00001", "00002"]
    assert len(list(tmp_path.rglob("*.parquet"))) > 6
    for bucket in range(3):
        found = [p.id for p in merged(sorted((tmp_path / f"{bucket:05d}").iterdir()), tmp_path / "s")]
        assert found == sorted(f"{19 - n:02d}" for n in range(20) if n % 3 == bucket)


def test_duplicates_are_all_there_in_the_order_of_their_locators(tmp_path: Path) -> None:
    sorter = RunSorter(tmp_path / "runs")
    for locator in "cabd":
        sorter.add(0, page("same", locator))
        sorter.flush()
    sorter.add(0, page("other", "z"))
    sorter.add(0, page("same", "aa"))
    sorter.flush()
    found = merged(sorted((tmp_path / "runs").rglob("*.parquet")), tmp_path / "scratch")
    assert keys(list(found)) == [("other", "z"), *(("same", locator) for locator in ("a", "aa", "b", "c", "d"))]


def test_row_groups_of_a_run_are_small(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    sorter = RunSorter(tmp_path)
    for number in range(300):
        sorter.add(0, page(f"{number:04d}", content="x" * (200_000 if number < 4 else 10)))
    sorter.flush()
    (run,) = tmp_path.rglob("*.parquet")
    with pq.ParquetFile(run) as file:
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    assert max(sizes) <= sorting.GROUP_ROWS
    assert sizes[:2] == [2, 2]
    assert sum(sizes) == 300


MEASURE = """
import resource, sys
from pathlib import Path
from m4corpus.records import Page
from m4corpus.storage import sorting
sorting.RUN_CHARACTERS, sorting.FAN_IN = 1_000_000, 8
root, pages = Path(sys.argv[1]), int(sys.argv[2])
sorter = sorting.RunSorter(root / "runs")
for n in range(pages):
    sorter.add(0, Page(f"{n * 7919 % pages:08d}", "s", "", "text/plain", f"{n:05d}" * 4000))
sorter.flush()
count = sum(1 for _ in sorting.merged(sorted((root / "runs").rglob("*.parquet")), root / "scratch"))
assert count == pages
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_number_of_pages(tmp_path: Path) -> None:
    peaks = []
    for pages in (1000, 6000):  # 20 MB of text in 20 runs, 120 MB in 120
        command = [sys.executable, "-c", MEASURE, str(tmp_path / str(pages)), str(pages)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] - peaks[0] < 30, f"peak resident memory in MiB: {peaks}"
