"""What ``plan`` says of stages that need more than a look at their records, and that it comes true."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from rebuilds import SENTENCES, Corpus, assert_equal

from m4corpus import mapstage, pipeline
from m4corpus.pipeline import Pipeline
from m4corpus.reuse import Forecast
from m4corpus.snapshot import gc
from m4corpus.stagenames import STAGES
from m4corpus.storage.artifact import Identity

pytestmark = pytest.mark.usefixtures("executor_here")

CHUNK = STAGES.index("chunk")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Three pages in each of three languages, in shards of at most four chunks."""
    corpus = Corpus(tmp_path_factory.mktemp("built"), {"index": {"shard_rows": 4}})
    for language in SENTENCES:
        for number in range(3):
            corpus.write(f"{language}/page-{number}")
    corpus.build()
    return corpus


@pytest.fixture
def corpus(built: Corpus, tmp_path: Path) -> Corpus:
    return built.copy(tmp_path / "corpus")


def forecast(corpus: Corpus, stage: str) -> Forecast:
    """That of a stage once the ones before it are built."""
    corpus.pipeline().run(last=STAGES[STAGES.index(stage) - 1], executor="here")
    found = next(step.forecast for step in corpus.pipeline().plan() if step.stage == stage)
    assert found is not None
    return found


def test_dedup_tells_how_many_documents_are_signed(corpus: Corpus) -> None:
    corpus.write("en/page-0", "other words")
    corpus.write("en/page-8")
    corpus.move("ru/page-1", "ru/page-7")
    corpus.delete("es/page-0")
    found = forecast(corpus, "dedup")
    # Signatures are kept by part, and the page that was moved may be in another part now.
    assert found.unit == "signatures"
    assert found.reused in (6, 7)
    assert found.reused + found.new + found.changed == 9
    assert (found.changed, found.gone) == (1, 2)


def test_dedup_of_the_same_texts_signs_nothing(corpus: Corpus) -> None:
    corpus.delete("es/page-0")
    assert str(forecast(corpus, "dedup")) == "signatures: 0 new, 0 changed, 1 gone, 8 reused"


@pytest.mark.parametrize("options", [{"dedup": {"exact": False, "near": False}}, {}])
def test_without_signatures_or_donor_there_is_nothing_to_tell(tmp_path: Path, options: dict[str, object]) -> None:
    corpus = Corpus(tmp_path / "corpus", options)
    corpus.write("en/page-0")
    if options:
        corpus.build()
        corpus.write("en/page-0", "other words")
    corpus.pipeline().run(last="filter", executor="here")
    assert next(step.forecast for step in corpus.pipeline().plan() if step.stage == "dedup") is None


def test_embed_tells_how_many_chunks_are_new(corpus: Corpus) -> None:
    corpus.write("es/page-2", "another text")
    corpus.delete("en/page-1")
    found = forecast(corpus, "embed")
    embed = corpus.pipeline().run(last="embed", executor="here").stages[-1]
    assert found.unit == "chunks"
    assert (found.reused, found.new + found.changed) == (embed.reused, embed.computed)
    assert found.changed + found.new > 0
    assert found.gone > 0


def test_index_tells_which_shards_stay(corpus: Corpus) -> None:
    before = corpus.build().stages[-1].directory
    # As long as it was: in the shards of the other part nothing moves.
    path = corpus.root / "pages" / "ru" / "page-2.html"
    path.write_text(path.read_text(encoding="utf-8").replace("</p>", " и ещё</p>", 1), encoding="utf-8")
    found = forecast(corpus, "index")
    rebuilt = corpus.build()
    assert_equal(rebuilt, corpus.from_scratch())
    after = rebuilt.stages[-1].directory
    shards = [path.name for path in after.glob("shard-*")]
    logged = sum(json.loads(path.read_text())["shards"] for path in after.glob("logs/*/reuse/*.json"))
    assert found.unit == "shards"
    assert found.reused == logged > 0
    assert found.reused + found.new + found.changed == len(shards)
    assert found.gone == len({path.name for path in before.glob("shard-*")} - set(shards))


def test_a_run_and_a_sweep_while_it_plans(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.write("en/page-0", "other words")
    corpus.pipeline().run(last="read", executor="here")
    real, looked = mapstage.forecast, []

    def forecast_late(*arguments: Any) -> Forecast:
        looked.append(arguments)
        corpus.write("en/page-0", "still others")
        corpus.build()
        workdir = corpus.root / "work"
        gc.sweep(workdir, gc.plan(workdir, keep=1))
        return real(*arguments)

    monkeypatch.setattr(mapstage, "forecast", forecast_late)
    assert {step.state for step in corpus.pipeline().plan()} == {"cached"}
    assert len(looked) == 1


@pytest.mark.parametrize("where", ["checked", "opened"])
def test_a_sweep_takes_what_an_earlier_run_left_while_it_plans(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The options are those of an earlier run, whose chunks are there and belong to nobody."""
    earlier, later = ({"chunk": {"size": size, "overlap": 8}} for size in (32, 40))
    corpus, workdir = Corpus(tmp_path, earlier), tmp_path / "work"
    corpus.write("en/page")
    for corpus.options in (earlier, later):
        corpus.pipeline().run(last="chunk", executor="here")
    corpus.options = earlier
    assert corpus.pipeline().plan()[CHUNK].state == "cached"
    swept: list[str] = []

    def sweep() -> None:
        if not swept:
            swept.append(where)
            gc.sweep(workdir, gc.plan(workdir, keep=1))

    defects, step = pipeline._defects, Pipeline._step

    def defects_late(directory: Path) -> Any:
        if directory.name.startswith("chunk-"):
            sweep()
        yield from defects(directory)

    def step_late(self: Pipeline, identity: Identity) -> Any:
        found = step(self, identity)
        if identity.stage == "chunk":
            sweep()
        return found

    if where == "checked":
        monkeypatch.setattr(pipeline, "_defects", defects_late)
    else:
        monkeypatch.setattr(Pipeline, "_step", step_late)
    assert corpus.pipeline().plan()[CHUNK].state == "run"
    assert swept == [where]


def test_what_fails_the_same_way_again_is_raised(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.pipeline().run(last="chunk", executor="here")
    begun: list[int] = []

    def gone(*_: object) -> Any:
        begun.append(1)
        raise FileNotFoundError(errno.ENOENT, "gone", "there")

    monkeypatch.setattr(Pipeline, "_step", gone)
    with pytest.raises(FileNotFoundError, match="there"):
        corpus.pipeline().plan()
    assert len(begun) == 2
