from __future__ import annotations

import ctypes
import faulthandler
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from m4corpus.clean.guard import Guard, Limits
from m4corpus.ledger import Drop, Fail

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")


def work(item: Any) -> Any:  # noqa: C901  (one branch for every way to go wrong)
    match item:
        case "burn":
            return sum(range(10**13))
        case "work":
            end = time.process_time() + 0.2
            while time.process_time() < end:
                pass
        case "sleep":
            ctypes.CDLL(None).sleep(600)
        case "crash":
            ctypes.string_at(0)
        case "abort":
            # pytest's handler of this signal writes down what threads do, also those a forked child no longer has.
            faulthandler.disable()
            os.kill(os.getpid(), signal.SIGABRT)
        case "exit":
            os._exit(3)
        case "eat":
            return len(bytearray(4 << 30))
        case "keep":
            KEPT.append(bytearray(100 << 20))
        case Exception():
            raise item
        case "pid":
            return os.getpid()
        case "descriptors":
            return len(list(Path("/proc/self/fd").iterdir()))
    return item


KEPT: list[bytearray] = []


@pytest.fixture
def guard() -> Iterator[Guard[Any, Any]]:
    guard: Guard[Any, Any] = Guard(work, Limits(time_s=0.5, stall_s=30, memory_mib=256))
    yield guard
    guard.close()


def verdict(call: Callable[[Any], Any], item: Any) -> tuple[str, str]:
    with pytest.raises((Fail, Drop)) as caught:
        call(item)
    return caught.value.slug, caught.value.detail


def test_results_and_verdicts_come_back(guard: Guard[Any, Any]) -> None:
    assert guard({"a": ["\ud800", 1]}) == {"a": ["\ud800", 1]}
    assert guard("x" * 10_000_000) == "x" * 10_000_000
    assert verdict(guard, Fail("no-content", "detail")) == ("no-content", "detail")
    assert verdict(guard, Drop("rule", "detail")) == ("rule", "detail")
    assert verdict(guard, ValueError("odd")) == ("error-ValueError", "odd")


def test_one_child_serves_many_items_and_none_before_the_first(guard: Guard[Any, Any]) -> None:
    assert len({guard("pid") for _ in range(20)} - {os.getpid()}) == 1


def test_a_burning_item_is_stopped_in_c_code(guard: Guard[Any, Any]) -> None:
    start = time.monotonic()
    assert verdict(guard, "burn") == ("timeout", "processor-seconds>0.5")
    assert time.monotonic() - start < 20
    assert guard("next") == "next"


def test_the_limit_is_for_one_item_not_for_all(guard: Guard[Any, Any]) -> None:
    pid = guard("pid")
    for _ in range(4):
        assert guard("work") == "work"
    assert guard("pid") == pid


def test_a_sleeping_item_is_given_up() -> None:
    guard: Guard[Any, Any] = Guard(work, Limits(time_s=30, stall_s=0.3, memory_mib=256))
    try:
        assert verdict(guard, "sleep") == ("timeout", "elapsed-seconds>0.3")
        assert guard("next") == "next"
    finally:
        guard.close()


@pytest.mark.parametrize(("item", "detail"), [("crash", "SIGSEGV"), ("abort", "SIGABRT"), ("exit", "exit-status=3")])
def test_a_crash_is_survived(guard: Guard[Any, Any], item: str, detail: str) -> None:
    assert verdict(guard, item) == ("crashed", detail)
    assert guard("next") == "next"


@LINUX
def test_memory_is_bounded(guard: Guard[Any, Any]) -> None:
    assert verdict(guard, "eat") == ("memory", "MiB>256")
    assert guard("next") == "next"


@LINUX
def test_a_child_that_keeps_growing_is_replaced(guard: Guard[Any, Any]) -> None:
    pids = set()
    for _ in range(8):
        assert guard("keep") == "keep"
        pids.add(guard("pid"))
    assert len(pids) > 2


def test_a_stray_kill_costs_nothing(guard: Guard[Any, Any]) -> None:
    pid = guard("pid")
    os.kill(pid, signal.SIGKILL)
    assert guard("next") == "next"
    assert guard("pid") != pid


def test_a_child_killed_at_work_gets_the_item_again(guard: Guard[Any, Any], tmp_path: Path) -> None:
    first = tmp_path / "first"

    def once(item: str) -> str:
        if not first.exists():
            first.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    again: Guard[str, str] = Guard(once, Limits(5, 30, 256))
    try:
        assert again("x") == "x"
    finally:
        again.close()


@LINUX
def test_the_child_holds_nothing_of_its_parents(guard: Guard[Any, Any], tmp_path: Path) -> None:
    other: Guard[Any, Any] = Guard(work, Limits(5, 30, 256))
    with (tmp_path / "lock").open("w"):
        other("x")
        # Standard streams, its two pipes, and the listing itself.
        assert guard("descriptors") == 6
    other.close()


@LINUX
def test_the_child_dies_with_its_parent() -> None:
    program = (
        "import os, sys, time\n"
        "from m4corpus.clean.guard import Guard, Limits\n"
        "def work(item):\n"
        "    if item == 'pid': return os.getpid()\n"
        "    print('busy', flush=True); time.sleep(600)\n"
        "guard = Guard(work, Limits(60, 600, 256))\n"
        "print(guard('pid'), flush=True)\n"
        "guard('sleep')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.stdout.readline() == "busy\n"
        parent.kill()
    for _ in range(200):
        if not alive(child):
            return
        time.sleep(0.02)
    pytest.fail("the child outlived its parent")


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_works_beside_threads(guard: Guard[Any, Any]) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert guard("x") == "x"
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_overhead_is_below_a_millisecond(guard: Guard[Any, Any]) -> None:
    item = "kite " * 10_000
    guard(item)
    took = []
    for _ in range(50):
        start = time.perf_counter()
        guard(item)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.001
    assert len(pickle.dumps(item)) > 50_000
