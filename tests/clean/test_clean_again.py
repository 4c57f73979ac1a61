"""A page that took too long on one machine is tried again by the next rebuild."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from rebuilds import Corpus

from m4corpus.clean import step
from m4corpus.pipeline import StageResult
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.parts import read_batches

pytestmark = pytest.mark.usefixtures("executor_here")


def cleaned(corpus: Corpus, workdir: Path | None = None) -> tuple[StageResult, dict[str, str], str]:
    """The clean stage, the reasons in its ledger by id, and its logical digest."""
    result = corpus.pipeline(workdir).run(last="clean", executor="here").stages[-1]
    artifact = Artifact.open(result.directory)
    reasons = {
        id: slug
        for part in artifact.ledger()
        for batch in read_batches(artifact.directory / part.path, ["id", "slug"])
        for id, slug in zip(batch.column("id").to_pylist(), batch.column("slug").to_pylist(), strict=True)
    }
    return result, reasons, artifact.logical


@pytest.mark.parametrize("trouble", ["timeout", "memory", "crashed"])
def test_what_the_machine_decided_is_decided_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    corpus = Corpus(tmp_path, {"clean": {"time_limit_s": 0.5, "memory_mib": 256}})
    for name in ("en/a", "en/b", "en/c", "es/a"):
        corpus.write(name)
    clean = step.clean_page

    def troubled(page, config):  # type: ignore[no-untyped-def]
        if page.id == "s:en/b.html":
            if trouble == "crashed":
                os.kill(os.getpid(), signal.SIGSEGV)
            if trouble == "memory":
                bytearray(1 << 30)
            while trouble == "timeout":
                pass
        return clean(page, config=config)

    monkeypatch.setattr(step, "clean_page", troubled)
    first, reasons, _ = cleaned(corpus)
    assert reasons["s:en/b.html"] == trouble
    assert first.computed == 4
    monkeypatch.setattr(step, "clean_page", clean)
    corpus.write("es/b")
    again, reasons, logical = cleaned(corpus)
    assert (again.reused, again.computed) == (3, 2)
    assert set(reasons.values()) == {""}
    assert logical == cleaned(corpus, tmp_path / "fresh")[2]
