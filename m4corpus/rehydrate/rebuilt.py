"""The recipe that brings a release's texts back: its crawl fetches the recorded revisions, the rest is as recorded."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from m4corpus.crawl.config import WikiConfig
from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.errors import IntegrityError, UserError
from m4corpus.recipe import Recipe
from m4corpus.release.layout import Release
from m4corpus.snapshot.carried import learnt_path, learnt_pin
from m4corpus.storage.atomic import replacing, write_bytes
from m4corpus.storage.digests import canonical_json

RECIPE, REVISIONS = "recipe.yaml", "revisions.jsonl"
#: What the recipe is called, after that of the release: a corpus built here from other pages keeps its own name.
SUFFIX = "-rehydrated"
_LONGEST_NAME = 52


class Rebuilt:
    """The recipe of a release, for the documents of its crawls.

    ``manners`` are the options of the crawl that no release tells: contact, private networks, politeness. Raises
    :class:`UserError` where this m4corpus cannot use the recorded recipe, :class:`IntegrityError` where it is none.
    """

    def __init__(self, release: Release, manners: dict[str, Any]) -> None:
        snapshot = release.snapshot
        self._label = f"{release.name}@{release.version}"
        recorded = copy.deepcopy(snapshot["recipe"])
        try:
            self._made_with = str((snapshot.get("tools") or {}).get("m4corpus"))
            #: Names of the model files it takes from its own directory.
            self.files = _named(recorded)
            #: What the manifest says of the encoder; what it learnt travels with the release.
            self.encoder: dict[str, Any] = snapshot.get("encoder") or {}
            if pin := learnt_pin(self.encoder):
                recorded["embed"]["encoder"]["postprocess"]["file"] = learnt_path(pin[1])
            self.formats = {str(s["name"]): str(s["format"]) for s in recorded["read"]["sources"]}
            wiki = (recorded.get("crawl") or {}).get("wiki") or {}
            crawled = [source for source in recorded["read"]["sources"] if source["format"] == "crawl"]
        except (AttributeError, KeyError, TypeError) as error:
            raise IntegrityError(f"the recipe recorded in {self._label} is none: {error}") from None
        self.wiki: WikiConfig = self._valid(WikiConfig, wiki)
        recorded.pop("limit", None)
        recorded["name"] = f"{release.name[: _LONGEST_NAME - len(SUFFIX)]}{SUFFIX}"
        recorded["description"] = f"{self._label}, its texts fetched again."
        recorded["crawl"] = {
            "wiki": wiki,
            "revisions": {"path": REVISIONS, "conditioned": snapshot.get("conditioned_on_answers", [])},
            **manners,
        }
        #: What is not as it was recorded, or is not known to be.
        self.notes: list[str] = []
        if crawled and not wiki:
            self.notes.append(
                "the recipe does not say how its crawl asked: Wikipedia and its legacy parser are assumed"
            )
        # Several crawls become one, which cannot be called by the name of either.
        name = crawled[0]["name"] if len(crawled) == 1 else "rehydrated"
        if len(crawled) > 1:
            names = ", ".join(source["name"] for source in crawled)
            self.notes.append(f"the sources {names} are one now, called {name}")
        recorded["read"]["sources"] = [{**(crawled[0] if crawled else {"format": "crawl"}), "name": name, "path": ""}]
        self._data = {key: value for key, value in recorded.items() if value is not None}
        self.recipe: Recipe = self._valid(Recipe, self._data)

    def write(self, folder: Path, pins: Iterable[Pin]) -> Path:
        """Write the recipe and its table of revisions; returns where the recipe lies."""
        with replacing(folder / REVISIONS) as path, path.open("wb") as file:
            for pin in pins:
                row = {key: value for key, value in pin.as_dict().items() if key != "redirected_from"}
                file.write(canonical_json(row) + b"\n")
        head = f"# Written by `m4corpus rehydrate`: the recipe of {self._label} over the revisions it records.\n"
        text = yaml.safe_dump(self._data, sort_keys=False, allow_unicode=True)
        write_bytes(folder / RECIPE, (head + text).encode())
        return folder / RECIPE

    def refuse_missing(self, folder: Path) -> None:
        """Raise :class:`UserError` where the recipe names a model file that nobody put into ``folder``."""
        lacking = [name for name in self.files if not (folder / name).is_file()]
        if lacking:
            raise UserError(
                f"the recipe of {self._label} identifies languages with files of its own, which no release holds: "
                + ", ".join(lacking),
                f"Put them into {folder} and run it again; their SHA-256 is compared with the recorded one.",
            )

    def _valid(self, kind: Any, data: dict[str, Any]) -> Any:
        try:
            return TypeAdapter(kind).validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(key) for key in first["loc"])
            raise UserError(
                f"the recipe recorded in {self._label} cannot be used by this m4corpus: {place}: {first['msg']}",
                f"It was made with m4corpus {self._made_with}.",
            ) from None


def _named(recipe: dict[str, Any]) -> list[str]:
    """Names of the model files a recipe takes from its own directory, its paths cut down to these: they are another
    machine's."""
    identify = recipe.get("identify") or {}
    models = [identify.get("model"), *((identify.get("varieties") or {}).get("models") or [])]
    found = []
    for model in models:
        if model and model.get("path"):
            model["path"] = PurePath(model["path"]).name
            found.append(model["path"])
    return found
