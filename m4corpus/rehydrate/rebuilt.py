"""The recipe that brings a release's texts back: its crawl fetches the recorded revisions, the rest is as recorded."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

import yaml

from m4corpus.crawl.config import WikiConfig
from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.errors import IntegrityError, UserError
from m4corpus.recipe import Recipe, from_manifest, plain
from m4corpus.release.layout import Release
from m4corpus.snapshot.carried import learnt_path, learnt_pin
from m4corpus.storage.atomic import replacing, write_bytes
from m4corpus.storage.digests import canonical_json

RECIPE, REVISIONS = "recipe.yaml", "revisions.jsonl"
#: What the recipe is called, after that of the release: a corpus built here from other pages keeps its own name.
SUFFIX = "-rehydrated"
_LONGEST_NAME = 52
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
            #: Where the recipe looks for what post-processing learnt, and its SHA-256; None where nothing was.
            self.learnt = _learnt(snapshot.get("encoder") or {}, recorded)
            #: What is not as it was recorded, or is not known to be.
            self.notes: list[str] = [*_untrusted(recorded), *_fetched(recorded)]
            self.formats = {str(s["name"]): str(s["format"]) for s in recorded["read"]["sources"]}
            wiki = (recorded.get("crawl") or {}).get("wiki") or {}
            crawled = [source for source in recorded["read"]["sources"] if source["format"] == "crawl"]
        except (AttributeError, KeyError, TypeError) as error:
            raise IntegrityError(f"the recipe recorded in {self._label} is none: {plain(error)}") from None
        self.wiki: WikiConfig = from_manifest(WikiConfig, wiki, self._label, self._made_with)
        recorded.pop("limit", None)
        recorded["name"] = f"{release.name[: _LONGEST_NAME - len(SUFFIX)]}{SUFFIX}"
        recorded["description"] = f"{self._label}, its texts fetched again."
        recorded["crawl"] = {
            "wiki": wiki,
            "revisions": {"path": REVISIONS, "conditioned": snapshot.get("conditioned_on_answers", [])},
            **manners,
        }
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
        self.recipe: Recipe = from_manifest(Recipe, self._data, self._label, self._made_with)

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


def _models(recipe: dict[str, Any]) -> list[dict[str, Any]]:
    """What a recipe says of the model files it identifies languages with."""
    identify = recipe.get("identify") or {}
    return [m for m in (identify.get("model"), *((identify.get("varieties") or {}).get("models") or [])) if m]


def _named(recipe: dict[str, Any]) -> list[str]:
    """Names of the model files a recipe takes from its own directory, its paths cut down to these: they are another
    machine's. Where two files had one name, the later gets the beginning of its digest before it."""
    found: dict[str, str] = {}
    for model in _models(recipe):
        if model.get("path"):
            name = PurePath(model["path"]).name
            if found.get(name, model["sha256"]) != model["sha256"]:
                name = f"{model['sha256'][:8]}-{name}"
            model["path"] = name
            found[name] = model["sha256"]
    return list(found)


def _fetched(recipe: dict[str, Any]) -> list[str]:
    """What is to be said of model files that come from the Hub because the release wants it."""
    return [
        f"{model.get('file', 'model.bin')} of {model['repo']} on the Hub, a binary file that the release names, is "
        "fetched and read to identify languages"
        for model in _models(recipe)
        if model.get("repo")
    ]


def _untrusted(recipe: dict[str, Any]) -> list[str]:
    """Take the leave to run a model's own code out of a recipe, which is not its author's to give here; what is to be
    said of that."""
    encoder = (recipe.get("embed") or {}).get("encoder") or {}
    if not encoder.get("trust_remote_code"):
        return []
    encoder["trust_remote_code"] = False
    return [
        f"the release lets code that comes with the model {encoder.get('name')} run, and {RECIPE} does not: set "
        "embed.encoder.trust_remote_code there if you trust it"
    ]


def _learnt(encoder: dict[str, Any], recipe: dict[str, Any]) -> tuple[str, str] | None:
    """Where, below the recipe, what post-processing learnt is looked for, and its SHA-256. The recipe names that place
    instead of the one on the machine the release was made on."""
    pin = learnt_pin(encoder) or learnt_pin({"config": (recipe.get("embed") or {}).get("encoder") or {}})
    if pin is None:
        return None
    if not _SHA256.fullmatch(pin[1]):
        raise KeyError("sha256")
    learnt = learnt_path(pin[1])
    recipe["embed"]["encoder"]["postprocess"]["file"] = learnt
    return learnt, pin[1]
