"""Where work runs. One function, :func:`run_phase`, and one table of executors: Ray and Slurm come in by this door.

The local executor is datatrove's, with its process pool replaced: a worker that dies is noticed and its tasks are run
again, workers die with their parent, and completion means m4corpus's own record, never a marker keyed by rank alone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m4corpus import fork_server
from m4corpus.datatrove import LocalPipelineExecutor
from m4corpus.errors import EnvironmentFailure, M4CorpusError, UserError
from m4corpus.stage import Phase, StageContext
from m4corpus.storage.atomic import machine_refused

#: Seconds between two looks at the running tasks.
POLL = 0.2
#: A phase whose workers die is run again this often (each time only its unfinished tasks).
RETRIES = 1
FEWER_WORKERS = "Run again with fewer --workers; what is finished is kept."


class TaskFailed(M4CorpusError):
    """A task ended with an error of the program; the message carries where, the log the traceback."""


class ServerEnded(Exception):
    """The process that workers are forked from ended before they were there."""


@dataclass(frozen=True)
class TaskError:
    """A worker's exception in a form that always travels between processes."""

    rank: int
    error: Exception | None
    kind: str
    message: str
    trace: str


class LocalExecutor(LocalPipelineExecutor):
    """datatrove's local executor over a pool that survives and reports the death of its workers."""

    def __init__(self, phase: Phase, context: StageContext, workers: int, watch: Callable[[], None]) -> None:
        super().__init__(
            pipeline=phase.steps,
            tasks=phase.tasks,
            workers=max(1, min(workers, phase.tasks)),
            logging_dir=str(context.directory / "logs" / phase.name),
        )
        self._completions = [context.completion(phase.name, rank) for rank in range(phase.tasks)]
        self._phase = phase.name
        self._watch = watch

    def is_rank_completed(self, rank: int) -> bool:
        """Whether the task left its completion record."""
        return self._completions[rank].is_file()

    def get_incomplete_ranks(self, ranks: Any = None, skip_completed: bool | None = None) -> list[int]:
        """Tasks still to run, in order."""
        return [rank for rank in (ranks or range(self.tasks)) if not self.is_rank_completed(rank)]

    def run(self) -> None:
        """Run the unfinished tasks to their end, or raise for the first that failed."""
        for attempt in range(RETRIES + 1):
            ranks = self.get_incomplete_ranks()
            if not ranks:
                return
            try:
                self._run_pool(ranks)
            except ServerEnded:
                if attempt == RETRIES:
                    raise EnvironmentFailure(
                        f"no workers could be started for {self._phase}: the process they are forked from ended",
                        f"What it printed is above; if nothing is, it was killed (out of memory?). {FEWER_WORKERS}",
                    ) from None
            except BrokenProcessPool:
                if attempt == RETRIES:
                    raise EnvironmentFailure(
                        f"a worker process was killed during {self._phase} (out of memory is the usual cause)",
                        FEWER_WORKERS,
                    ) from None

    def _run_pool(self, ranks: list[int]) -> None:
        # Before the pool, which would start what it needs in the caller's environment.
        fork_server.start()
        watch, self._watch = self._watch, _no_watch
        ours, theirs = multiprocessing.Pipe(duplex=False)[::-1]
        # The pipe's writing end lives in this process alone: its end of file tells workers that we are gone.
        pool = ProcessPoolExecutor(
            min(self.workers, len(ranks)),
            multiprocessing.get_context("forkserver"),
            _start_worker,
            (theirs, fork_server.callers_environment()),
        )
        try:
            futures = self._submitted(pool, ranks)
            pending: set[Future[TaskError | None]] = set(futures)
            while pending:
                _, pending = wait(pending, POLL, FIRST_EXCEPTION)
                watch()
                _raise_first(futures)
        except BaseException:
            _kill(pool)
            raise
        finally:
            self._watch = watch
            pool.shutdown(cancel_futures=True)
            ours.close()
            theirs.close()

    def _submitted(self, pool: ProcessPoolExecutor, ranks: list[int]) -> list[Future[TaskError | None]]:
        try:
            with fork_server.interrupts_later(), fork_server.worker_environment():
                return [pool.submit(_run_task, self, rank) for rank in ranks]
        except (EOFError, ConnectionError) as error:
            raise ServerEnded from error

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_watch": _no_watch}


#: Executors a recipe or ``--executor`` may name.
EXECUTORS: dict[str, type[LocalExecutor]] = {"local": LocalExecutor}


def find(executor: str) -> type[LocalExecutor]:
    """The executor of that name; raises :class:`UserError` when there is none."""
    if executor not in EXECUTORS:
        raise UserError(f"no executor is called '{executor}'", f"Known: {', '.join(EXECUTORS)}.")
    return EXECUTORS[executor]


def run_phase(phase: Phase, context: StageContext, executor: str, workers: int, watch: Callable[[], None]) -> None:
    """Run a phase to completion; ``watch`` is called a few times a second while it runs.

    Raises:
        UserError: there is no such executor.
        EnvironmentFailure: the machine refused (disk, rights, memory).
        TaskFailed: a task stopped on an error that no step foresaw.
    """
    find(executor)(phase, context, workers, watch).run()
    missing = [rank for rank in range(phase.tasks) if not context.completion(phase.name, rank).is_file()]
    if missing:
        raise TaskFailed(f"{phase.name}: tasks {missing} ended without a completion record")


def _run_task(executor: LocalExecutor, rank: int) -> TaskError | None:
    """In a worker: run one task with everything it prints kept in the task's own log."""
    log = Path(executor.logging_dir.path) / "stderr" / f"{rank:05d}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("a", encoding="utf-8") as stream, contextlib.redirect_stderr(stream):
            executor._run_for_rank(rank, rank)
    except Exception as error:
        return TaskError(rank, _known(error), type(error).__name__, str(error), traceback.format_exc())
    return None


def _known(error: Exception) -> M4CorpusError | None:
    """The form of an error that tells the user what to do, or None for a bug."""
    if isinstance(error, M4CorpusError):
        return error
    if isinstance(error, MemoryError):
        return EnvironmentFailure("a worker ran out of memory", FEWER_WORKERS)
    return machine_refused(error) if isinstance(error, OSError) else None


def _raise_first(futures: list[Future[TaskError | None]]) -> None:
    """Raise for the lowest failed rank among finished tasks."""
    for future in futures:
        if future.done() and (failure := future.result()) is not None:
            if failure.error is not None:
                raise failure.error
            raise TaskFailed(
                f"task {failure.rank} stopped: {failure.kind}: {failure.message}",
                f"This is a bug in m4corpus; please report it with this trace:\n{failure.trace}",
            )


def _start_worker(parent: Any, environment: dict[str, str]) -> None:
    """Initialise a worker: ignore the terminal's interrupt, have the caller's environment, die with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update({**environment, **fork_server.SINGLE_THREADED})

    def follow() -> None:
        with contextlib.suppress(EOFError, OSError):
            parent.recv()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()


def _no_watch() -> None:
    """Workers do not report to the terminal."""
