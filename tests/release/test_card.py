"""The dataset card: what the Hub accepts, and nothing that was not counted."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard
from release_work import Made

from m4corpus.release.card import _hub_licence, card
from m4corpus.release.layout import checked
from m4corpus.release.make import Options, make
from m4corpus.release.plots import MOST, bars
from m4corpus.snapshot import Snapshot


def test_the_card_is_one_the_hub_reads(release: Made) -> None:
    found = DatasetCard((release[0] / "README.md").read_text(encoding="utf-8"))
    data = found.data.to_dict()
    assert data["language"] == ["arb", "eng", "jpn", "swh"]
    assert data["license"] == ["cc-by-sa-4.0"]
    listed = {path for config in data["configs"] for part in config["data_files"] for path in part["path"]}
    assert listed == {file.path for file in release[1].of("documents", "chunks", "vectors")}
    assert [config["config_name"] for config in data["configs"] if config.get("default")] == ["small"]


@pytest.mark.parametrize(
    ("licence", "name"),
    [("GPL-2.0-only", "gpl-2.0"), ("CC BY-SA 4.0", "cc-by-sa-4.0"), ("GFDL-1.3-or-later", "gfdl"),
     ("Public domain", "other"), ("CC-BY-SA-2.0", "other")],
)  # fmt: skip
def test_licences_are_called_as_the_hub_calls_them(licence: str, name: str) -> None:
    assert _hub_licence(licence) == name


def test_the_card_says_what_there_is(snapshot: Snapshot, release: Made) -> None:
    text = (release[0] / "README.md").read_text(encoding="utf-8")
    assert f"small@{release[1].version}" in text
    documents = snapshot.manifest["documents"]
    for label, count in documents.items():
        assert f"| {label} |" in text
        assert f"| {count} | {snapshot.manifest['chunks'].get(label, 0)} |" in text
    assert "| ja-x-test |" in text
    assert "| wiki | CC-BY-SA-4.0 | 17 |" in text
    assert "&lt;one>" in text
    assert "\\| more" in text
    assert "retrieval quality: not measured" in text
    assert "m4corpus pull me/small@" in text
    assert "@misc{" in text
    assert "Conditioned on answers" not in text
    for path in release[1].of("plot"):
        assert f"]({path.path})" in text


def test_the_card_says_what_limits_it(snapshot: Snapshot, tmp_path: Path) -> None:
    manifest: dict[str, Any] = {**snapshot.manifest, "conditioned_on_answers": ["cvqa"], "flags": {"romanised": 3}}
    counts = {"inputs": 200, "kept": 190, "outputs": 190, "dropped": {"near-duplicate": 7}, "failed": {"empty-text": 3}}
    manifest["artifacts"] = {
        **manifest["artifacts"], "dedup": {**manifest["artifacts"]["dedup"], "counts": counts},
    }  # fmt: skip
    scores = {"queries": {"all": 10, "sw": 4}, "scores": {"all": {"R@10": 0.75}, "sw": {"R@10": 0.5}}}
    changed = replace(snapshot, manifest=manifest)
    _, found = make(changed, tmp_path, Options("me/small", evaluation=scores), None, lambda *_: None)
    text = card(found, "me/small")
    assert "searched for with the right answers" in text
    assert "| dropped: near-duplicate |  | 7 | 3.50% |" in text
    assert "| failed: empty-text |  | 3 | 1.50% |" in text
    assert "| sw | 4 | 0.500 |" in text
    assert "flag `romanised`" in text
    assert any("dropped" in file.path for file in found.of("plot"))


def test_the_card_of_ids_alone(release: Made) -> None:
    found = checked({**release[1].manifest, "ids_only": True}, "it")
    text = card(found, "me/small")
    assert "holds no text" in text
    assert "m4corpus search" not in text


def test_plots_are_pictures() -> None:
    values = [(f"<{n}>", float(n)) for n in range(100)]
    drawn = bars("Title & more", values)
    root = ET.fromstring(drawn)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Title & more" in texts
    assert "<5>" in texts
    assert f"{100 - MOST} others" in texts
    assert ET.fromstring(bars("empty", [])) is not None
    assert "12.5%" in bars("shares", [("a", 0.125)], percent=True)
