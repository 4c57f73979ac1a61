"""The process that workers are forked from, and what they inherit. Light, so that it can be started before all else.

It loads what stages need (:mod:`m4corpus.forked`) once for all workers of all phases, while the run looks at its
inputs. A worker is then there within milliseconds, so every phase has workers of its own: what a stage loaded is gone
with it, and memory does not add up over a run.
"""

from __future__ import annotations

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

#: A server of our own: one that the calling program has for itself keeps its modules, and its workers their settings.
SERVER = forkserver.ForkServer()
SERVER.set_forkserver_preload(["m4corpus.forked"])

# Runs in several threads would take each other's environment for the caller's.
_LOCK = threading.RLock()


def start() -> None:
    """Have the server start now and load, while the caller has other work; without it, the first worker waits."""
    with interrupts_later(), worker_environment():
        resource_tracker.ensure_running()
    # A block of its own: to start the tracker has unblocked interrupts.
    with interrupts_later(), worker_environment():
        SERVER.ensure_running()


@contextmanager
def worker_environment() -> Iterator[None]:
    """What workers inherit: single-threaded numerics, the caller's places of modules, not its ``__main__``, our server.

    With its ``__main__``, a script that calls ``m4corpus.run`` at its top level would run again in every worker.
    """
    with _LOCK:
        before, main, connect = dict(os.environ), sys.modules["__main__"], forkserver.connect_to_new_process
        changed = {**SINGLE_THREADED, **_modules()}
        os.environ.update(changed)
        sys.modules["__main__"] = types.ModuleType("__main__")
        forkserver.connect_to_new_process = SERVER.connect_to_new_process
        try:
            yield
        finally:
            forkserver.connect_to_new_process = connect
            sys.modules["__main__"] = main
            for name in changed:
                if name in before:
                    os.environ[name] = before[name]
                else:
                    del os.environ[name]


def callers_environment() -> dict[str, str]:
    """The environment as the calling program has it, for workers of a server that was started when it had another."""
    with _LOCK:
        return dict(os.environ)


def _modules() -> dict[str, str]:
    """Have the server look for modules where this process does: being started with ``-c``, it would look in the
    current directory first, which is the user's and may hold a ``queue.py`` or ``pandas.py``."""
    # As multiprocessing does for the workers; a path with a separator in it cannot be named.
    paths = [path or os.curdir for path in sys.path if isinstance(path, str)]
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(path for path in paths if os.pathsep not in path)}


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
