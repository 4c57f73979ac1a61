"""The process that workers are forked from, and what they inherit. Light, so that it can be started before all else.

It loads what stages need (:mod:`m4corpus.forked`) once for all workers of all phases, while the run looks at its
inputs. A worker is then there within milliseconds, so every phase has workers of its own: what a stage loaded is gone
with it, and memory does not add up over a run.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker

#: One thread a worker: workers are processes, and the order of a threaded sum must not depend on their number.
SINGLE_THREADED = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    **dict.fromkeys(("VECLIB_MAXIMUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONHASHSEED": "0",
}


def start() -> None:
    """Have the server start now and load, while the caller has other work; without it, the first worker waits."""
    # Before the block: starting it would unblock interrupts again.
    resource_tracker.ensure_running()
    with interrupts_later(), worker_environment():
        forkserver.ensure_running()


@contextmanager
def worker_environment() -> Iterator[None]:
    """What workers inherit: single-threaded numerics, and no copy of the caller's ``__main__``.

    Without the second, a script that calls ``m4corpus.run`` at its top level would run again in every worker.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(["m4corpus.forked"])
    environment, main = dict(os.environ), sys.modules["__main__"]
    os.environ.update(SINGLE_THREADED)
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        for name in SINGLE_THREADED:
            if name in environment:
                os.environ[name] = environment[name]
            else:
                del os.environ[name]


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Hold an interrupt back while processes start, then answer it.

    It is this process's alone to answer: what starts within the block inherits the signal's being blocked, and none is
    left half-started. Blocking does not do for this process itself, where a library's thread may take the signal.
    """
    held: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda number, _: held.append(number)) if main else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if main:
            signal.signal(signal.SIGINT, signal.SIG_DFL if handler is None else handler)
        if held:
            signal.raise_signal(signal.SIGINT)
