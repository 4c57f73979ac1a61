"""The child's side of :mod:`m4corpus.clean.guard`: what runs between the fork and the end of the process."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import resource
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from m4corpus.ledger import Fail, Verdict
from m4corpus.steps import unexpected

#: Length of a message, sent before it.
FRAME = struct.Struct("<Q")
_MIB = 1 << 20
_PR_SET_PDEATHSIG = 1
_REQUESTS, _ANSWERS = 3, 4


def serve(
    function: Callable[[Any], Any], requests: int, answers: int, parent: int, time_s: float, memory_mib: int
) -> NoReturn:
    """Answer requests until the parent closes its end, then end the process without the parent's exit handlers.

    An answer is ``(result, last)``: a verdict or a tuple of the one result; ``last`` when this child will not go on.
    """
    status = 1
    try:
        _settle(requests, answers, parent)
        usual = _address_space()
        with os.fdopen(_REQUESTS, "rb", closefd=False) as stream:
            while header := stream.read(FRAME.size):
                item = pickle.loads(stream.read(FRAME.unpack(header)[0]))
                result, last = _limited(function, item, time_s, memory_mib)
                # Freed memory does not always go back to the system: begin anew before it eats into the limit.
                last = last or _address_space() > usual + memory_mib * _MIB // 2
                answer = pickle.dumps((result, last), pickle.HIGHEST_PROTOCOL)
                _write(FRAME.pack(len(answer)) + answer)
                del item, result, answer
        status = 0
    finally:
        os._exit(status)


def _settle(requests: int, answers: int, parent: int) -> None:
    """Give up everything inherited: signal handlers, locks held through open files, pipes of other children."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGPROF, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    # An interrupt at the terminal reaches the whole group; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    spare = [os.dup(requests), os.dup(answers)]
    while min(spare) <= _ANSWERS:
        spare = [os.dup(descriptor) for descriptor in spare]
    os.dup2(spare[0], _REQUESTS)
    os.dup2(spare[1], _ANSWERS)
    os.closerange(_ANSWERS + 1, os.sysconf("SC_OPEN_MAX"))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The collector need not walk what was inherited, over and over.
    gc.freeze()


def _limited(function: Callable[[Any], Any], item: Any, time_s: float, memory_mib: int) -> tuple[Any, bool]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if size := _address_space():
        ceiling = size + memory_mib * _MIB
        resource.setrlimit(resource.RLIMIT_AS, (ceiling if hard < 0 else min(ceiling, hard), hard))
    # SIGPROF is left at its default, which ends the process, also in the middle of C code.
    signal.setitimer(signal.ITIMER_PROF, time_s)
    try:
        return (function(item),), False
    except Verdict as verdict:
        return verdict, False
    except MemoryError:
        return Fail("memory", f"MiB>{memory_mib}"), True
    except Exception as error:
        return unexpected(error), False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int:
    """Bytes of address space in use; 0 where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[0]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def _write(data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(_ANSWERS, rest) :]
