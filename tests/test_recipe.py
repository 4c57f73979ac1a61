"""Recipes are strict: every mistake is named with its line and the nearest known key."""

from __future__ import annotations

from pathlib import Path

import pytest

from m4corpus.errors import UserError
from m4corpus.recipe import Recipe, load

GOOD = """\
name: small
read:
  sources:
    - name: pages
      format: html
      path: pages
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(UserError) as caught:
        load(write(tmp_path, text))
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_sections_left_out_take_their_defaults(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, GOOD))
    assert isinstance(recipe, Recipe)
    assert recipe == load(write(tmp_path, GOOD + "dedup: {}\nchunk: {}\nembed: {encoder: {}}\n"))
    assert recipe == load(write(tmp_path, GOOD + "dedup:\nchunk:\n  # size: 64\n")), "a section with nothing in it"
    assert recipe.read.sources[0].name == "pages"
    assert recipe.partitions == 8


def test_values_are_taken(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, GOOD + "partitions: 3\nchunk: {size: 64, overlap: 8}\n"))
    assert (recipe.partitions, recipe.chunk.size, recipe.chunk.overlap) == (3, 64, 8)


def test_a_recipe_is_frozen(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, GOOD))
    with pytest.raises(AttributeError):
        recipe.partitions = 9  # type: ignore[misc]


@pytest.mark.parametrize(
    ("addition", "line", "words"),
    [
        ("chunks: {}\n", 7, ["unknown key 'chunks'", "did you mean 'chunk'?"]),
        ("chunk:\n  size: 64\n  overlapp: 8\n", 9, ["unknown key 'chunk.overlapp'", "did you mean 'overlap'?"]),
        ("embed:\n  encoder:\n    nam: x\n", 9, ["unknown key 'embed.encoder.nam'", "did you mean 'name'?"]),
        ("      pth: x\n", 7, ["unknown key 'read.sources.0.pth'", "did you mean 'path'?"]),
        ("chunk:\n  zzz: 8\n", 8, ["unknown key 'chunk.zzz'", "known here: ", "overlap"]),
        ("chunk: {size: many}\n", 7, ["'chunk.size'", "'many'"]),
        ("chunk:\n  size: -3\n", 8, ["'chunk.size'", "-3"]),
        ("partitions: 0\n", 7, ["'partitions'"]),
        ("chunk: [1]\n", 7, ["'chunk'"]),
        ("chunk: 3\n", 7, ["'chunk'"]),
        ("partitions: yes\n", 7, ["'partitions'"]),
        ("partitions: '8'\n", 7, ["'partitions'"]),
        ("chunk: {size: 64, overlap: 64}\n", 7, ["'chunk'", "overlap (64 tokens) must be less than size (64 tokens)"]),
        ("partitions: 4\npartitions: 5\n", 8, ["key 'partitions' appears twice"]),
        ("chunk:\n  size: 64\n  size: 65\n", 9, ["key 'size' appears twice"]),
        ("3: x\n", 7, ["'3'"]),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, addition: str, line: int, words: list[str]) -> None:
    message = refused(tmp_path, GOOD + addition)
    assert f"recipe.yaml:{line}: " in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("name", ["cache", "snapshots", "small-trial", "x" * 53])
def test_names_the_work_directory_needs_are_refused(tmp_path: Path, name: str) -> None:
    message = refused(tmp_path, GOOD.replace("name: small", f"name: {name}", 1))
    assert "'name'" in message


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    message = refused(
        tmp_path, GOOD.replace("name: small", "name: No Spaces Here") + "chunk: {siez: 3}\npartitions: x\n"
    )
    assert [f"recipe.yaml:{n}:" in message for n in (1, 7, 8)] == [True] * 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["holds no recipe"]),
        ("# only a comment\n", ["holds no recipe"]),
        ("- a\n- b\n", ["holds no recipe"]),
        ("just text", ["holds no recipe"]),
        ("name: small\n", ["'read' is missing"]),
        ("read: {sources: []}\nname: x\n", ["'read.sources'"]),
        ("name: [", ["not valid YAML"]),
        ("name: small\n\tread: x\n", ["not valid YAML"]),
        ("name: !!python/object/apply:os.getcwd []\n", ["not valid YAML"]),
        ("a: &a [*a]\n", ["recipe.yaml"]),
        ("? [a, b]\n: c\n", ["recipe.yaml"]),
        ("? {a: b}\n: c\n", ["recipe.yaml"]),
        ("name: \x07\n", ["not valid YAML"]),
        ("[" * 5000, ["recipe.yaml"]),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, text: str, words: list[str]) -> None:
    message = refused(tmp_path, text)
    for word in words:
        assert word in message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"recipe not found: .*nowhere\.yaml"):
        load(tmp_path / "nowhere.yaml")
    with pytest.raises(UserError, match="cannot read recipe"):
        load(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(UserError, match="cannot read recipe"):
        load(tmp_path / "latin.yaml")


def test_a_recipe_found_through_a_file_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="recipe"):
        load(tmp_path / "file" / "recipe.yaml")


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml")), ids=lambda p: p.name)
def test_recipes_that_come_with_the_project_are_valid(path: Path) -> None:
    assert load(path).name
