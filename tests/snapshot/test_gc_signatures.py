"""What dedup remembers of documents goes with the last artifact that was made with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from rebuilds import Corpus

from m4corpus.cli.snapshot import command
from m4corpus.dedup import signatures as signing
from m4corpus.pipeline import RunResult
from m4corpus.snapshot.gc import plan, sweep

pytestmark = pytest.mark.usefixtures("executor_here")


def dedup(corpus: Corpus, **options: int) -> RunResult:
    corpus.options["dedup"] = options
    return corpus.pipeline().run(last="dedup", executor="here")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Signed in three ways; the latest run is of the last."""
    corpus = Corpus(tmp_path_factory.mktemp("signed"))
    for name in ("en/a", "en/b", "es/a"):
        corpus.write(name)
    dedup(corpus, char_ngram=8)
    dedup(corpus, char_ngram=7)
    dedup(corpus, char_ngram=6)
    return corpus


@pytest.fixture
def corpus(built: Corpus, tmp_path: Path) -> Corpus:
    return built.copy(tmp_path / "corpus")


def ways(corpus: Corpus) -> list[str]:
    return sorted(path.name for path in (corpus.root / "work/cache/signatures").iterdir())


def test_signatures_of_artifacts_that_go_go_too(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    work = corpus.root / "work"
    before = ways(corpus)
    assert len(before) == 3
    planned = plan(work)
    assert len([d for d in planned.artifacts if d.path.name.startswith("dedup-")]) == 2
    assert len(planned.signatures) == 2
    assert ways(corpus) == before
    assert planned.freed >= sum(doomed.bytes for doomed in planned.signatures) > 0
    sweep(work, planned)
    (left,) = ways(corpus)
    assert left not in {doomed.path.name for doomed in planned.signatures}
    assert plan(work).signatures == []
    # Those that stayed are those of the artifact that stayed.
    signed: list[str] = []
    monkeypatch.setattr(signing, "exact_key", lambda points: signed.append("") or (0, 0))
    corpus.options["dedup"] = {"char_ngram": 6, "threshold": 0.9}
    corpus.pipeline().run(last="dedup", executor="here")
    assert signed == []


def test_an_unfinished_build_keeps_them_all(corpus: Corpus) -> None:
    work = corpus.root / "work"
    unfinished = work / "c" / "dedup-0123456789ab"
    (unfinished / "work").mkdir(parents=True)
    planned = plan(work)
    assert planned.signatures == []
    assert any("signatures stays" in line for line in planned.kept)
    assert len(plan(work, unfinished=True).signatures) == 2


def test_what_is_not_of_that_form_stays(corpus: Corpus, tmp_path: Path) -> None:
    root = corpus.root / "work/cache/signatures"
    (root / "notes").mkdir()
    (tmp_path / "outside").mkdir()
    (root / "0123456789ab").symlink_to(tmp_path / "outside")
    sweep(corpus.root / "work", plan(corpus.root / "work"))
    assert {"notes", "0123456789ab"} <= set(ways(corpus))
    assert (tmp_path / "outside").is_dir()
    shutil.rmtree(root)
    assert plan(corpus.root / "work").signatures == []


def test_the_command_names_them(corpus: Corpus) -> None:
    arguments = ["gc", "--workdir", str(corpus.root / "work")]
    told = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).output)
    assert all(one["path"].startswith("cache/signatures/") for one in told["signatures"])
    assert len(told["signatures"]) == 2
    assert "cache/signatures" in CliRunner().invoke(command, arguments).output
