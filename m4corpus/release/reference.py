"""M4-RAG's own published corpus, and data sets laid out like it: article records in JSON Lines, one configuration for
each benchmark. They become a recipe over files of one commit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from m4corpus.errors import IntegrityError, UserError
from m4corpus.release.hub import Repository, digests, speaking
from m4corpus.release.layout import CARD
from m4corpus.release.stores import HubStore
from m4corpus.sources.config import DEFAULT_INCLUDE
from m4corpus.sources.globs import Glob
from m4corpus.storage.atomic import sync, write_bytes
from m4corpus.storage.lock import locked

#: Folder of the work directory that holds data sets brought from the Hub.
DATASETS = "datasets"
RECIPE = "recipe.yaml"
#: Bytes of a card beyond which it is not read.
LARGEST_CARD = 16 << 20
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Brought:
    """A data set as it lies here: its recipe, and the files of each configuration."""

    recipe: Path
    configs: dict[str, list[str]]
    bytes: int


def bring(store: HubStore, workdir: Path, report: Report = lambda what, done, total: None) -> Brought:
    """Fetch the article records of a data set and write the recipe that reads them.

    A file is fetched once for each commit, and checked against the size and digest the commit has of it.

    Raises:
        UserError: the data set holds no JSON Lines.
        IntegrityError: a file is not the one the commit has.
    """
    name = store.repository.replace("/", "--")
    root = workdir / DATASETS / f"{name}@{store.commit[:12]}"
    with locked(root):
        sizes = store.files()
        configs = _configs(store, root, sorted(sizes))
        wanted = sorted({path for paths in configs.values() for path in paths})
        with speaking(f"list {store.repository}"):
            known = Repository(store.repository).files(store.commit)
        done, total = 0, sum(sizes[path] for path in wanted)
        for path in wanted:
            _fetch(store, path, root, sizes[path], known[path])
            done += sizes[path]
            report("pull", done, total)
        write_bytes(root / RECIPE, _recipe(store, configs).encode())
    return Brought(root / RECIPE, configs, total)


def _configs(store: HubStore, root: Path, paths: list[str]) -> dict[str, list[str]]:
    """The files of each configuration: those its card lists, else those of each folder."""
    takes = [Glob(pattern) for pattern in DEFAULT_INCLUDE["m4rag"]]
    articles = [path for path in paths if _safe(path) and any(glob.matches(path) for glob in takes)]
    found: dict[str, list[str]] = {}
    for config in _card(store, root).get("configs") or []:
        patterns = [Glob(pattern) for pattern in _patterns(config.get("data_files"))]
        if mine := [path for path in articles if any(glob.matches(path) for glob in patterns)]:
            found[str(config.get("config_name", "default"))] = mine
    if not found:
        for path in articles:
            parts = PurePosixPath(path).parts
            found.setdefault(parts[0] if len(parts) > 1 else PurePosixPath(path).name.partition(".")[0], []).append(
                path
            )
    if not found:
        raise UserError(
            f"{store.origin} is neither a release of m4corpus nor a data set of M4-RAG's articles",
            "A release has a release.json, M4-RAG's data JSON Lines. Other data sets are read as sources of a recipe: "
            f"path: hf://datasets/{store.repository}",
        )
    return found


def _card(store: HubStore, root: Path) -> dict[str, Any]:
    from huggingface_hub.repocard import metadata_load

    path = root / CARD
    try:
        store.fetch(CARD, path, LARGEST_CARD)
        return metadata_load(path) or {}
    except (FileNotFoundError, ValueError, yaml.YAMLError):
        return {}


def _patterns(data_files: Any) -> list[str]:
    """Patterns of a configuration, however its card writes them."""
    if isinstance(data_files, str):
        return [data_files]
    if isinstance(data_files, dict):
        return [pattern for value in data_files.values() for pattern in _patterns(value)]
    if isinstance(data_files, list):
        return [p for one in data_files for p in _patterns(one.get("path") if isinstance(one, dict) else one)]
    return []


def _safe(path: str) -> bool:
    parts = path.split("/")
    return all(part not in ("", ".", "..") and "\\" not in part and not part.startswith(".") for part in parts)


def _fetch(store: HubStore, path: str, root: Path, size: int, digest: str) -> None:
    target = root / path
    if target.is_file() and target.stat().st_size == size:
        return
    part = root / f".{path.replace('/', '--')}.part"
    part.unlink(missing_ok=True)
    store.fetch(path, part, size)
    if part.stat().st_size != size or digest not in digests(part):
        part.unlink()
        raise IntegrityError(f"{path} from {store.origin} is not the file of that commit", "Nothing of it was kept.")
    sync(part)
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)


def _recipe(store: HubStore, configs: dict[str, list[str]]) -> str:
    name = _slug(store.repository.partition("/")[2])
    body = {
        "name": name,
        "description": f"Articles of {store.repository} at {store.commit[:12]}.",
        "read": {
            "sources": [
                {"name": _slug(config), "format": "m4rag", "path": ".", "include": paths}
                for config, paths in configs.items()
            ]
        },
    }
    head = f"# Written by `m4corpus pull {store.repository}`; commit {store.commit}.\n"
    return head + yaml.safe_dump(body, sort_keys=False, allow_unicode=True)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:52] or "dataset"
