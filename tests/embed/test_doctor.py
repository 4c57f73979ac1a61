"""The doctor: measures what an encoder does in each language, and tells the useless from the useful."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_work import chunk, chunk_artifact, embedded

from m4corpus.embed import encoder as encoders
from m4corpus.embed.carried.use import UseMultilingual
from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.doctor import examine
from m4corpus.embed.health import LEAST_PROBES, Health, Limits
from m4corpus.records import Chunk

USE = EncoderConfig(name="use-multilingual")
THINGS = (
    "kite", "bread", "harbour", "tea", "wedding", "market", "drum", "mask", "river", "garden", "lamp", "boat",
    "goat", "salt", "bridge", "temple", "school", "mountain", "rice", "song", "dance", "winter", "door", "honey",
)  # fmt: skip
SINHALA = ("සරුංගලය", "පාන්", "වරාය", "තේ", "විවාහය", "වෙළඳපොළ", "බෙරය", "වෙස් මුහුණ", "ගඟ", "උයන", "පහන", "බෝට්ටුව",
           "එළුවා", "ලුණු", "පාලම", "පන්සල", "පාසල", "කන්ද", "බත්", "ගීතය", "නැටුම", "සීතල", "දොර", "පැණි")  # fmt: skip


def corpus() -> list[Chunk]:
    """A page a thing, in a language the offline encoder knows and in one it does not."""
    english = [f"This is a long page about the {thing} and about how people use it every day." for thing in THINGS]
    sinhala = [f"{thing} ගැන දිගු පිටුවක් සහ මිනිසුන් එය දිනපතා භාවිතා කරන ආකාරය." for thing in SINHALA]
    pages = [(f"The {thing}", text, "eng", "Latn") for thing, text in zip(THINGS, english, strict=True)]
    pages += [(thing, text, "sin", "Sinh") for thing, text in zip(SINHALA, sinhala, strict=True)]
    return [
        replace(chunk(i, text, language, title), script=script, headings=[])
        for i, (title, text, language, script) in enumerate(pages)
    ]


def by_label(rows: list[Health]) -> dict[str, Health]:
    return {row.label: row for row in rows}


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("doctor") / "a"
    vectors = embedded(root, [corpus()[::2], corpus()[1::2]], EmbedConfig(encoder=USE))
    return chunk_artifact(root.parent / "chunks", [corpus()[::2], corpus()[1::2]]), vectors


def test_what_is_claimed_stands_beside_what_is_measured(artifacts: Any) -> None:
    steps: list[tuple[str, int, int]] = []
    rows = by_label(examine(USE, *artifacts, watch=lambda *step: steps.append(step)))
    good, bad = rows["eng_Latn"], rows["sin_Sinh"]
    assert (good.chunks, bad.chunks) == (24, 24)
    assert (good.claimed, bad.claimed) == (True, False)
    assert good.unknown is not None
    assert bad.unknown is not None
    assert good.unknown < 0.01 < 0.3 < bad.unknown
    assert good.probes == bad.probes == 24 >= LEAST_PROBES
    assert good.recall_1 is not None
    assert bad.recall_1 is not None
    assert good.recall_1 > 0.9 > 0.4 > bad.recall_1
    assert good.warnings == []
    assert bad.warnings[0] == "not claimed by the encoder"
    assert any("tokens unknown" in text for text in bad.warnings)
    assert any("find their passage first" in text for text in bad.warnings)
    assert {step for step, _, _ in steps} == {"read chunks", "tokenize", "read vectors", "probe"}
    assert all(0 <= done <= total for _, done, total in steps)


def test_without_vectors_texts_alone_are_examined(artifacts: Any) -> None:
    rows = by_label(examine(USE, artifacts[0]))
    assert rows["sin_Sinh"].unknown == by_label(examine(USE, *artifacts))["sin_Sinh"].unknown
    assert (rows["eng_Latn"].recall_1, rows["eng_Latn"].probes) == (None, 0)


def test_limits_decide_what_is_reported(artifacts: Any) -> None:
    lenient = Limits(unknown=1, truncated=1, duplicates=1, first=0, recall=0)
    rows = by_label(examine(USE, *artifacts, limits=lenient))
    assert rows["sin_Sinh"].warnings == ["not claimed by the encoder"]
    strict = Limits(first=1.01)
    assert by_label(examine(USE, *artifacts, limits=strict))["eng_Latn"].warnings


def test_chunks_longer_than_the_encoder_reads_are_counted(artifacts: Any) -> None:
    rows = by_label(examine(replace(USE, max_tokens=12), artifacts[0]))
    assert rows["eng_Latn"].truncated == 1
    assert "100% of chunks read only in part" in rows["eng_Latn"].warnings


def test_a_sample_is_the_same_every_time(artifacts: Any) -> None:
    first, again = (examine(USE, *artifacts, sample=10) for _ in range(2))
    assert [row.as_dict() for row in first] == [row.as_dict() for row in again]
    assert by_label(first)["eng_Latn"].sampled == 10
    assert by_label(first)["eng_Latn"].chunks == 24


class Blind(UseMultilingual):
    """Sees no difference between texts of one language, and nothing at all in some."""

    def encode(self, inputs: Sequence[str]) -> Any:
        vectors = super().encode(inputs)
        for vector, text in zip(vectors, inputs, strict=True):
            if "ගැන" in text:
                vector[:] = np.float32(512) ** -0.5
            if "kite" in text:
                vector[:] = 0
        return vectors


def test_equal_and_missing_vectors_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "load", Blind)
    vectors = embedded(tmp_path / "a", [corpus()], EmbedConfig(encoder=USE, batch_size=200))
    monkeypatch.undo()
    rows = by_label(examine(USE, chunk_artifact(tmp_path / "b", [corpus()]), vectors))
    assert (rows["eng_Latn"].failed, rows["eng_Latn"].bad) == (1, 0)
    assert rows["sin_Sinh"].duplicates == 24
    assert "24 chunks share a vector with another text" in rows["sin_Sinh"].warnings
    assert "1 chunks without a vector" in rows["eng_Latn"].warnings


def test_equal_texts_may_have_equal_vectors(tmp_path: Path) -> None:
    twice = [chunk(i, f"kite {i % 2}") for i in range(8)]
    vectors = embedded(tmp_path / "a", [twice], EmbedConfig(encoder=USE))
    (row,) = examine(USE, chunk_artifact(tmp_path / "b", [twice]), vectors)
    assert row.duplicates == 0


def test_unknown_tokens_of_a_model_made_here(tiny_model: Path) -> None:
    encoder: Any = encoders.load_tokenizer(EncoderConfig(name=str(tiny_model)))
    known, unknown = encoder.unknown_tokens(["The kite festival", "සරුංගලය"])
    assert known[0] == 0 < known[1]
    assert unknown[0] >= 1
    assert np.isfinite(unknown[1])


def test_the_command_line(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from m4corpus.cli.embed import command
    from m4corpus.errors import UserError
    from m4corpus.pipeline import Pipeline

    (tmp_path / "pages").mkdir()
    for thing, text in ((one.title, one.text) for one in corpus()):
        (tmp_path / "pages" / f"{thing}.txt").write_text(f"{text} " * 3)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: probed\npartitions: 1\nread: {sources: [{name: pages, format: text, path: pages}]}\n"
        "embed: {encoder: {name: use-multilingual}}\ndedup: {near: false}\n"
    )
    work = ["--workdir", str(tmp_path / "work")]
    early = CliRunner().invoke(command, ["doctor", str(recipe), *work])
    assert isinstance(early.exception, UserError)
    assert "--until chunk" in early.exception.hint
    result = Pipeline.from_file(recipe, tmp_path / "work").run()
    assert len(result.warnings) == 1
    assert "Sinhala, sin_Sinh" in result.warnings[0]
    for what in (str(recipe), "probed"):
        done = CliRunner().invoke(command, ["doctor", what, *work, "--json"])
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert told["vectors"]
        assert {row["label"]: row["claimed"] for row in told["languages"]} == {"eng_Latn": True, "sin_Sinh": False}
    strict = CliRunner().invoke(command, ["doctor", "probed", *work, "--strict"])
    assert strict.exit_code == 5
    assert "1 of 2 languages reported" in strict.stdout


def test_presets_are_listed() -> None:
    from click.testing import CliRunner

    from m4corpus.cli.embed import command

    listed = json.loads(CliRunner().invoke(command, ["presets", "--json"]).stdout)
    assert {"multilingual-e5-small", "bge-m3"} <= {row["name"] for row in listed}
    assert "a revision" in CliRunner().invoke(command, ["presets"]).stdout
    one = CliRunner().invoke(command, ["presets", "bge-m3"])
    assert "BAAI/bge-m3" in one.stdout
    assert CliRunner().invoke(command, ["presets", "no-such"]).exit_code == 2
