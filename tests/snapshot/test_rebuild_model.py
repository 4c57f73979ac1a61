"""Documents of a corpus whose encoder is a model directory are made again wherever that directory lies now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from rebuilds import Corpus
from release_work import model

from m4corpus.cli.verify import verify
from m4corpus.errors import UserError
from m4corpus.rebuild import rebuild
from m4corpus.snapshot import Snapshot, open_snapshot

pytestmark = pytest.mark.usefixtures("executor_here")


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built corpus whose model has been moved from ``model`` to ``elsewhere``, with another beside it."""
    root = tmp_path_factory.mktemp("moved")
    model(root / "model")
    corpus = Corpus(root, {"embed": {"encoder": {"name": "model"}}})
    for name in ("en/a", "es/a"):
        corpus.write(name)
    corpus.build()
    (root / "model").rename(root / "elsewhere")
    model(root / "other", seed=1)
    return root


def opened(root: Path, where: str | None) -> Snapshot:
    return open_snapshot("c", root / "work", encoder_path=root / where if where else None)


def test_the_model_where_it_lies_now(moved: Path) -> None:
    done = rebuild(opened(moved, "elsewhere"), 2)
    assert [(result.outcome, result.stage) for result in done.results] == [("OK", "index")] * 2
    assert done.notes == []


@pytest.mark.parametrize(
    ("where", "said"),
    [(None, "does not exist here"), ("nowhere", "there is no"), ("other", "not the one this snapshot was built with")],
    ids=["unsaid", "nowhere", "another"],
)
def test_without_its_model_nothing_is_made(moved: Path, where: str | None, said: str) -> None:
    with pytest.raises(UserError, match=said):
        rebuild(opened(moved, where), 2)


def test_the_command_takes_the_place(moved: Path) -> None:
    given = ["c", "--workdir", str(moved / "work"), "--rebuild=2", "--json"]
    lost = CliRunner().invoke(verify, given)
    assert isinstance(lost.exception, UserError)
    assert "--encoder-path" in lost.exception.hint
    result = CliRunner().invoke(verify, [*given, "--encoder-path", str(moved / "elsewhere")])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["counts"] == {"OK": 2, "differs": 0, "source gone": 0}


def test_code_of_a_model_is_not_trusted_because_the_recipe_did(tmp_path: Path) -> None:
    model(tmp_path / "model")
    corpus = Corpus(tmp_path, {"embed": {"encoder": {"name": "model", "trust_remote_code": True}}})
    corpus.write("en/a")
    corpus.build()
    with pytest.raises(UserError, match="brings code of its own") as error:
        rebuild(open_snapshot("c", tmp_path / "work"), 1)
    assert "--trust-remote-code" in error.value.hint
    trusted = open_snapshot("c", tmp_path / "work", trust_remote_code=True)
    assert [result.outcome for result in rebuild(trusted, 1).results] == ["OK"]
