"""What datatrove's executor gets wrong, done right: deaths are noticed, nothing half-written, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from core_work import Idle, Raises, Shout, completions, context, document, phase

from m4corpus import executor, fork_server
from m4corpus.errors import EnvironmentFailure, IntegrityError, M4CorpusError, UserError
from m4corpus.executor import LocalExecutor, TaskFailed, run_phase
from m4corpus.ledger import entries
from m4corpus.records import Document, from_batches
from m4corpus.stage import Phase, StageContext
from m4corpus.steps import Step
from m4corpus.storage.parts import part_name, read_batches

pytestmark = pytest.mark.timeout(90)


def parts(*orders: str, size: int = 3) -> list[list[Document]]:
    """One part for each order, with an order in the middle and plain documents around it."""
    return [
        [document(f"{rank}-{n}", order if n == size // 2 else "") for n in range(size)]
        for rank, order in enumerate(orders)
    ]


def run(where: StageContext, step: Step, workers: int = 2) -> None:
    run_phase(phase(where, step), where, "local", workers, lambda: None)


def texts(where: StageContext) -> list[str]:
    found = []
    for rank in range(where.partitions):
        for record in from_batches(Document, read_batches(where.directory / part_name(rank))):
            found.append(record.text)
    return found


def final_files(where: StageContext) -> list[str]:
    return sorted(p.relative_to(where.directory).as_posix() for p in where.directory.rglob("part-*.parquet"))


def test_records_and_ledger(tmp_path: Path) -> None:
    where = context(tmp_path, parts("drop:short", "fail:broken", "plain"))
    run(where, Shout(tmp_path))
    assert texts(where) == [
        "TEXT OF 0-0", "TEXT OF 0-2", "TEXT OF 1-0", "TEXT OF 1-2", "TEXT OF 2-0", "PLAIN", "TEXT OF 2-2",
    ]  # fmt: skip
    done = completions(where)
    assert [c.counts.as_dict() for c in done] == [
        {"inputs": 3, "kept": 2, "outputs": 2, "dropped": {"short": 1}, "failed": {}},
        {"inputs": 3, "kept": 2, "outputs": 2, "dropped": {}, "failed": {"broken": 1}},
        {"inputs": 3, "kept": 3, "outputs": 3, "dropped": {}, "failed": {}},
    ]
    rows = list(entries(where.directory, [part for c in done for part in c.ledger]))
    assert [(e.id, e.locator, e.outcome, e.slug) for e in rows[:2]] == [
        ("0-0", "0-0.html", "kept", ""),
        ("0-1", "0-1.html", "dropped", "short"),
    ]


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    seen = set()
    for workers in (1, 2, 3):
        where = context(tmp_path / str(workers), parts("drop:a", "b", "fail:c", "hash", "", size=40))
        run(where, Shout(tmp_path), workers)
        files = tuple((where.directory / name).read_bytes() for name in final_files(where))
        assert len(files) == 10
        seen.add((tuple(part.logical for c in completions(where) for part in c.parts), files))
    assert len(seen) == 1


def test_workers_run_at_once_and_only_as_many_as_asked(tmp_path: Path) -> None:
    for workers in (1, 3):
        where = context(tmp_path / str(workers), parts(*[f"meet:{workers}"] * 4, size=1))
        run(where, Shout(where.cache), workers)
        assert texts(where) == [f"met {workers}"] * 4


def test_workers_are_single_threaded_with_a_fixed_hash_seed(tmp_path: Path) -> None:
    before = dict(os.environ)
    where = context(tmp_path, parts("hash", size=1))
    run(where, Shout(tmp_path))
    expected = subprocess.run(
        [sys.executable, "-c", "print(hash('fixed'))"],
        env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert texts(where) == [f"{expected} 1"]
    assert dict(os.environ) == before


def test_workers_are_forked_from_a_process_that_has_the_stages_loaded(tmp_path: Path) -> None:
    where = context(tmp_path, parts("loaded:m4corpus.index.stage", size=1))
    run(where, Shout(tmp_path))
    assert texts(where) == ["True"]


def test_workers_have_the_callers_environment_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fork_server.start()
    monkeypatch.setenv("M4CORPUS_TEST", "set later")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    names = ("M4CORPUS_TEST", "PYTHONSAFEPATH", "OMP_NUM_THREADS")
    where = context(tmp_path, parts(*(f"environ:{name}" for name in names), size=1))
    run(where, Shout(tmp_path))
    assert texts(where) == ["set later", "unset", "1"]


def test_what_workers_inherit_is_one_threads_at_a_time() -> None:
    before, entered = (dict(os.environ), sys.modules["__main__"]), threading.Event()

    def enter() -> None:
        with fork_server.worker_environment():
            entered.set()

    other = threading.Thread(target=enter)
    with fork_server.worker_environment():
        other.start()
        assert not entered.wait(0.2)
    other.join()
    assert entered.is_set()
    assert (dict(os.environ), sys.modules["__main__"]) == before


@pytest.fixture
def dying_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fork server that ends while it loads, unless there is a file at the path."""
    path = tmp_path / "live"
    (tmp_path / "dying.py").write_text(
        f"import os, pathlib\npath = pathlib.Path({str(path)!r})\nif not path.exists():\n    os._exit(3)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    fork_server.SERVER._stop()  # type: ignore[attr-defined]
    monkeypatch.setattr(fork_server.SERVER, "_preload_modules", ["dying"])
    yield path
    fork_server.SERVER._stop()  # type: ignore[attr-defined]


def test_a_fork_server_that_cannot_live_is_told_of(tmp_path: Path, dying_server: Path) -> None:
    where = context(tmp_path, parts("plain"))
    with pytest.raises(EnvironmentFailure, match="no workers could be started for work"):
        run(where, Shout(tmp_path))


def test_a_fork_server_that_dies_once_is_started_again(
    tmp_path: Path, dying_server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, submitted = context(tmp_path, parts("plain")), LocalExecutor._submitted

    def revived(*arguments: Any) -> Any:
        try:
            return submitted(*arguments)
        finally:
            dying_server.touch()

    monkeypatch.setattr(LocalExecutor, "_submitted", revived)
    run(where, Shout(tmp_path))
    assert len(texts(where)) == 3


def test_a_module_that_fails_to_load_ahead_is_its_workers_trouble(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "pandas.py").write_text("raise RuntimeError('broken installation')")
    code = f"import sys; sys.path.insert(0, {str(broken)!r}); import m4corpus.forked; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_starting_the_fork_server_leaves_the_caller_as_it_was() -> None:
    before = dict(os.environ), sys.modules["__main__"], signal.getsignal(signal.SIGINT)
    fork_server.start()
    fork_server.start()
    assert (dict(os.environ), sys.modules["__main__"], signal.getsignal(signal.SIGINT)) == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_a_killed_worker_is_replaced_and_its_tasks_done(tmp_path: Path) -> None:
    where = context(tmp_path, parts("kill-once:x", "plain", "plain"))
    run(where, Shout(tmp_path, seconds=0.05))
    assert len(texts(where)) == 9
    assert (tmp_path / "x").exists()
    assert all(c.counts.kept == 3 for c in completions(where))
    assert list(where.directory.rglob("*.tmp")) == []


def test_a_task_that_always_kills_its_worker_ends_the_run_and_keeps_what_is_finished(tmp_path: Path) -> None:
    where = context(tmp_path, parts("plain", "kill"))
    started = time.monotonic()
    with pytest.raises(EnvironmentFailure) as caught:
        run(where, Shout(tmp_path), workers=1)
    assert time.monotonic() - started < 30
    assert "killed" in caught.value.message
    assert "work" in caught.value.message
    assert "--workers" in caught.value.hint
    assert where.completion("work", 0).is_file()
    assert final_files(where) == ["ledger/part-00000.parquet", "part-00000.parquet"]


@pytest.mark.parametrize("error", ["bug", "unpicklable"])
def test_an_exception_leaves_nothing_half_written(tmp_path: Path, error: str) -> None:
    where = context(tmp_path, parts("plain", "plain", size=150))
    work = phase(where, Shout(tmp_path))
    work.steps.insert(2, Raises(0, error, after=20))
    with pytest.raises(TaskFailed) as caught:
        run_phase(work, where, "local", 2, lambda: None)
    assert "spoilt" in caught.value.message
    assert "Traceback" in caught.value.hint
    # The other task was in the middle of its part, and was stopped with it.
    assert final_files(where) == []
    assert not where.completion("work", 0).exists()
    assert not where.completion("work", 1).exists()


def test_after_a_failure_only_what_is_missing_runs_again(tmp_path: Path) -> None:
    where = context(tmp_path, parts("pid", "pid", "pid", size=1))
    work = phase(where, Shout(tmp_path))
    work.steps.insert(2, Raises(2, "bug"))
    with pytest.raises(TaskFailed):
        run_phase(work, where, "local", 1, lambda: None)
    first = (where.directory / part_name(0)).read_bytes()
    assert not where.completion("work", 2).exists()
    run(where, Shout(tmp_path))
    assert (where.directory / part_name(0)).read_bytes() == first
    assert len(texts(where)) == 3


def test_finished_work_starts_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = context(tmp_path, parts("plain"))
    run(where, Shout(tmp_path))
    monkeypatch.setattr("m4corpus.executor.ProcessPoolExecutor", None)
    run(where, Shout(tmp_path))


def test_no_tasks(tmp_path: Path) -> None:
    where = context(tmp_path, [])
    run(where, Shout(tmp_path))
    assert final_files(where) == []


def test_a_marker_of_datatrove_is_no_completion(tmp_path: Path) -> None:
    where = context(tmp_path, parts("plain"))
    marker = where.directory / "logs" / "work" / "completions" / "00000"
    marker.parent.mkdir(parents=True)
    marker.touch()
    run(where, Shout(tmp_path))
    assert len(texts(where)) == 3


@pytest.mark.parametrize(
    ("order", "kind", "words"),
    [
        ("full", EnvironmentFailure, "no space left"),
        ("memory", EnvironmentFailure, "memory"),
        ("damage", IntegrityError, "the cache is damaged"),
        ("broken-disk", M4CorpusError, "Input/output error"),
    ],
)
def test_errors_arrive_as_what_they_are(tmp_path: Path, order: str, kind: type[M4CorpusError], words: str) -> None:
    where = context(tmp_path, parts("plain", order))
    with pytest.raises(kind) as caught:
        run(where, Shout(tmp_path))
    assert words in str(caught.value)
    # The other task was stopped wherever it was; the one at fault left nothing.
    assert set(final_files(where)) <= {"ledger/part-00000.parquet", "part-00000.parquet"}
    assert not where.completion("work", 1).exists()


def test_a_users_error_while_preparing_arrives_with_its_hint(tmp_path: Path) -> None:
    where = context(tmp_path, parts("plain"))
    step = Shout(tmp_path)
    step.model_missing = True
    with pytest.raises(UserError, match="the model is missing") as caught:
        run(where, step)
    assert caught.value.hint == "Install it."


def test_a_task_that_forgets_to_complete_is_an_error(tmp_path: Path) -> None:
    where = context(tmp_path, parts("plain", "plain"))
    with pytest.raises(TaskFailed, match=r"tasks \[0, 1\]"):
        run_phase(Phase("work", [Idle()], 2, 2), where, "local", 1, lambda: None)


def test_an_unknown_executor_is_named(tmp_path: Path) -> None:
    where = context(tmp_path, parts("plain"))
    with pytest.raises(UserError, match="abacus") as caught:
        run_phase(phase(where, Shout(tmp_path)), where, "abacus", 1, lambda: None)
    assert "local" in caught.value.hint


def test_watch_hears_of_progress_and_may_interrupt(tmp_path: Path) -> None:
    from m4corpus import progress

    where = context(tmp_path, parts("plain", size=40))
    seen: list[int] = []

    def watch() -> None:
        seen.append(progress.total(where.progress("work")))
        if seen[-1] > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_phase(phase(where, Shout(tmp_path, seconds=0.1)), where, "local", 1, watch)
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert final_files(where) == []
    run(where, Shout(tmp_path))
    assert progress.total(where.progress("work")) == 40


# --- whole processes -------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
from core_work import Shout, context, document, phase
from m4corpus.executor import run_phase

root = Path({root!r})
print("started", flush=True)
where = context(root, [[document(f"{{r}}-{{n}}", {order!r}) for n in range({size})] for r in range(2)])
run_phase(phase(where, Shout(root, {seconds})), where, "local", 2, lambda: None)
print("done", flush=True)
"""


def script(tmp_path: Path, order: str = "", size: int = 3, seconds: float = 0.0) -> Path:
    path = tmp_path / "script.py"
    path.write_text(
        textwrap.dedent(SCRIPT).format(root=str(tmp_path / "work"), order=order, size=size, seconds=seconds)
    )
    return path


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, script(tmp_path)], capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, "started\ndone\n"), done.stderr


def test_modules_in_the_current_directory_are_not_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("queue", "pickle", "selectors", "pandas"):
        (folder / f"{name}.py").write_text(f"open('loaded-{name}', 'w').close()")
    done = subprocess.run(
        [sys.executable, script(tmp_path)], capture_output=True, text=True, check=False, timeout=60, cwd=folder
    )
    assert (done.returncode, done.stdout) == (0, "started\ndone\n"), done.stderr
    assert list(folder.glob("loaded-*")) == []


def test_a_script_read_from_stdin_runs_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-"], input=script(tmp_path).read_text(), capture_output=True, text=True, check=False,
        timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "started\ndone\n"), done.stderr


def test_stderr_stays_quiet_and_the_task_keeps_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, script(tmp_path, "noise")], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    log = (tmp_path / "work" / "output" / "logs" / "work" / "stderr" / "00000.log").read_text()
    assert "printed to stderr" in log
    assert "warned of something" in log


def children(pid: int) -> set[int]:
    """All descendants of a process, itself left out."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child, *children(child)}
    return found


def alive(pids: set[int]) -> set[int]:
    running = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.add(pid)
    return running


@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_die_with_their_parent(tmp_path: Path, deadly: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, script(tmp_path, size=400, seconds=0.1)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    counters = tmp_path / "work" / "output" / "logs" / "work" / "progress"
    deadline = time.monotonic() + 30
    while len(list(counters.glob("0000?"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    family = children(process.pid)
    assert len(alive(family)) >= 3  # the fork server and two workers
    os.kill(process.pid, deadly)
    process.wait(timeout=10)
    deadline = time.monotonic() + 2
    while alive(family) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert alive(family) == set()
    assert list((tmp_path / "work" / "output").glob("part-*.parquet")) == []


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_an_interrupt_from_the_terminal_is_answered_once(tmp_path: Path, delay: float) -> None:
    # It reaches every process of the group, workers and a fork server that are only starting too.
    path = script(tmp_path, size=400, seconds=0.1)
    code = f"""
import m4corpus.executor
try:
    exec(open({str(path)!r}).read())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not (tmp_path / "work" / "output" / "work").is_dir() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert stdout == "started\ninterrupted\n"
    assert stderr == ""


def test_the_hosts_log_sinks_survive_import_and_run(tmp_path: Path) -> None:
    code = f"""
import sys
from loguru import logger
lines = []
logger.remove()
logger.add(lines.append, format="{{message}}")
import m4corpus.steps, m4corpus.executor
logger.info("after import")
exec(open({str(script(tmp_path))!r}).read())
logger.info("after run")
assert [str(line).strip() for line in lines] == ["after import", "after run"], lines
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_fork_server_of_the_host_stays_its_own(tmp_path: Path) -> None:
    code = f"""
import multiprocessing, multiprocessing.forkserver, os
forkserver = multiprocessing.get_context("forkserver")
forkserver.set_forkserver_preload(["json"])
server = multiprocessing.forkserver._forkserver
child = forkserver.Process(target=os.getpid)
child.start()
child.join()
before = server._forkserver_pid, server._preload_modules, multiprocessing.forkserver.connect_to_new_process
exec(open({str(script(tmp_path, "hash"))!r}).read())
after = server._forkserver_pid, server._preload_modules, multiprocessing.forkserver.connect_to_new_process
assert before == after, after
"""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    rows = from_batches(Document, read_batches(tmp_path / "work" / "output" / part_name(0)))
    assert [row.text.split()[1] for row in rows] == ["1", "1", "1"]


def test_the_default_log_sink_survives_import() -> None:
    code = "from loguru import logger; import m4corpus.steps; logger.info('heard')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.count("heard") == 1


def test_retries_are_few() -> None:
    # A document that eats all memory must not be tried for ever.
    assert executor.RETRIES <= 3
