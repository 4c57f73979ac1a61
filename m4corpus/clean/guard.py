"""Runs a function on one item after another in a child process, under hard limits.

Parsers are C code that no Python exception can interrupt and that can take the whole process down; here only the
child dies, and the item gets a verdict. The kernel limits its processor time (``ITIMER_PROF``), so that a verdict does
not depend on how busy the machine is, and its memory (``RLIMIT_AS``, on Linux). The child is forked rather than
spawned because datatrove's workers are daemonic and may not start processes through ``multiprocessing``. It serves
many items and ends with its parent.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from m4corpus.clean.child import FRAME, serve
from m4corpus.ledger import Fail, Verdict

T = TypeVar("T")
R = TypeVar("R")

_PIECE = 1 << 20
#: Reasons that lie in the machine as well as in the item: it was too slow, had too little memory, or a child ended.
CAUSES = frozenset({"timeout", "memory", "crashed"})


@dataclass(frozen=True)
class Limits:
    """What one item may cost: processor seconds, elapsed seconds, MiB of address space beyond the child's own."""

    time_s: float
    stall_s: float
    memory_mib: int


class _Died(Exception):
    """The child ended without an answer."""


class Guard(Generic[T, R]):
    """Calls ``function(item)`` in a child; items and results travel pickled.

    Raises the verdict the function raises, or ``Fail`` with ``timeout``, ``memory``, ``crashed`` or ``error-<class>``.
    An item whose child dies is given to a fresh one once more, so a kill from outside costs nothing.
    """

    def __init__(self, function: Callable[[T], R], limits: Limits) -> None:
        self._function = function
        self._limits = limits
        self._child = 0
        self._requests = -1
        self._answers = -1

    def __call__(self, item: T) -> R:
        result, last = pickle.loads(self._answer(pickle.dumps(item, pickle.HIGHEST_PROTOCOL)))
        if last:
            self.close()
        if isinstance(result, Verdict):
            raise result
        value: R = result[0]
        return value

    def close(self) -> None:
        """End the child; the next call starts another."""
        if self._child:
            self._end()

    def _answer(self, request: bytes) -> bytes:
        if self._child and os.waitpid(self._child, os.WNOHANG)[0]:
            # Killed from outside while it had nothing to do.
            self._forget()
        for attempt in (1, 2):
            try:
                return self._ask(request)
            except _Died:
                code = self._end()
                if code == -signal.SIGPROF:
                    raise Fail("timeout", f"processor-seconds>{self._limits.time_s:g}") from None
                if attempt == 2:
                    if code == -signal.SIGKILL:
                        # Nothing a page does ends in this signal; a system short of memory sends it.
                        raise MemoryError("the process that cleans pages was killed twice") from None
                    raise Fail("crashed", signal.Signals(-code).name if code < 0 else f"exit-status={code}") from None
            except TimeoutError:
                self._end()
                raise Fail("timeout", f"elapsed-seconds>{self._limits.stall_s:g}") from None
            except BaseException:
                # Interrupted halfway: what the child would answer next belongs to no request.
                self._end()
                raise
        raise AssertionError("unreachable")

    def _ask(self, request: bytes) -> bytes:
        if not self._child:
            self._start()
        deadline = time.monotonic() + self._limits.stall_s
        rest = memoryview(FRAME.pack(len(request)) + request)
        while rest:
            _wait(self._requests, select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self._requests, rest) :]
            except BrokenPipeError:
                raise _Died from None
        (length,) = FRAME.unpack(self._receive(FRAME.size, deadline))
        return self._receive(length, deadline)

    def _receive(self, size: int, deadline: float) -> bytes:
        pieces: list[bytes] = []
        while size:
            _wait(self._answers, select.POLLIN, deadline)
            piece = os.read(self._answers, min(size, _PIECE))
            if not piece:
                raise _Died
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _start(self) -> None:
        from_parent, to_child = os.pipe()
        from_child, to_parent = os.pipe()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python warns of forking beside threads; the child runs `serve` alone and takes no lock a thread may hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            limits = self._limits
            serve(self._function, from_parent, to_parent, parent, limits.time_s, limits.memory_mib)
        os.close(from_parent)
        os.close(to_parent)
        os.set_blocking(to_child, False)
        self._child, self._requests, self._answers = child, to_child, from_child

    def _end(self) -> int:
        """Kill the child if it still lives; its exit status, or minus the signal it had died of."""
        os.kill(self._child, signal.SIGKILL)
        _, status = os.waitpid(self._child, 0)
        self._forget()
        return os.waitstatus_to_exitcode(status)

    def _forget(self) -> None:
        os.close(self._requests)
        os.close(self._answers)
        self._child, self._requests, self._answers = 0, -1, -1


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Block until ``descriptor`` is ready or closed at the other end; raises ``TimeoutError`` at the deadline."""
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError
