"""A small corpus of real paragraphs that may be published, with real vectors, built in the test's own process."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from core_work import build_input
from hub_uploads import UploadHub
from vector_work import chunk_artifact, embed_context, index_context, run_phases

from m4corpus.embed import encoder as encoders
from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.postprocess.config import PostprocessConfig
from m4corpus.embed.postprocess.learnt import Learnt, save
from m4corpus.embed.stage import EmbedStage
from m4corpus.index.config import IndexConfig
from m4corpus.index.stage import IndexStage
from m4corpus.recipe import load, portable
from m4corpus.records import Chunk, Document
from m4corpus.release.layout import Release
from m4corpus.snapshot import Snapshot, create, open_snapshot
from m4corpus.storage.digests import partition_of

HTML = Path(__file__).parents[2] / "data" / "quickstart" / "html"
#: Folder of the quickstart, language and script.
LANGUAGES = {"en": ("eng", "Latn"), "sw": ("swh", "Latn"), "ja": ("jpn", "Jpan"), "ar": ("arb", "Arab")}
QUESTIONS = ("how is flatbread baked", "凧はどうやって揚げるの", "ngoma", "الخبز", "drum")
PARTS = 3
REPOSITORY = "me/small"
#: Of the form of a token; it opens nothing.
TOKEN = "hf_" + "aB3" * 12
#: Where a release lies, and its manifest.
Made = tuple[Path, Release]

RECIPE = """
name: small
description: Pages on everyday culture, and <one> | more.
partitions: 3
read:
  sources:
    - {name: wiki, format: jsonl, path: pages.jsonl, global_ids: true}
"""


@cache
def documents(each: int = 4) -> tuple[Document, ...]:
    """Some pages of the quickstart in each language, as a Wikipedia would have them, and one of no language."""
    found = [Document("zz-numbers", "wiki", "x:1", "Numbers", "1 2 3 4 5", language="und", script="Zzzz")]
    for code, (language, script) in LANGUAGES.items():
        pages = [path for path in sorted((HTML / code).glob("*.html")) if len(_paragraphs(path)) >= 4][:each]
        for path in pages:
            found.append(
                Document(
                    f"{code}-{path.stem}", "wiki", f"x:{len(found)}", path.stem, "\n\n".join(_paragraphs(path)),
                    metadata={"edition": code}, language=language, script=script, language_mix={language: 1.0},
                    variety=f"{code}-x-test" if code == "ja" else "",
                )
            )  # fmt: skip
    return tuple(
        replace(one, url=f"https://en.wikipedia.org/wiki/{one.id}", revision=str(1000 + number), licence="CC-BY-SA-4.0")
        for number, one in enumerate(found)
    )


def build(
    root: Path,
    records: Sequence[Document] | None = None,
    workdir: Path | None = None,
    encoder: EncoderConfig | None = None,
) -> Snapshot:
    """The snapshot ``small`` of some documents; its artifacts lie below ``root``, which is in the work directory."""
    workdir = workdir or root
    base = workdir / "small" / f"build-{len(list((workdir / 'small').glob('build-*')))}"
    base.mkdir(parents=True)
    (base / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    parts: list[list[Document]] = [[] for _ in range(PARTS)]
    for one in sorted(documents() if records is None else records, key=lambda one: one.id):
        parts[partition_of(one.id, PARTS)].append(one)
    made = {stage: build_input(base / stage, parts, stage) for stage in ("read", "clean", "dedup")}
    chunks = [[chunk for one in part for chunk in _chunks(one)] for part in parts]
    made["chunk"] = chunk_artifact(base, chunks)
    context = embed_context(base, chunks)
    made["embed"] = run_phases(
        EmbedStage(EmbedConfig(encoder or EncoderConfig())), replace(context, cache=workdir / "cache")
    )
    made["index"] = run_phases(IndexStage(IndexConfig(shard_rows=9)), index_context(made["embed"]))
    create(workdir, "small", portable(load(base / "recipe.yaml"), None), made)
    return open_snapshot("small", workdir)


def centred(path: Path) -> EncoderConfig:
    """An encoder whose vectors lose a mean of their language, learnt into the file at ``path``."""
    import numpy as np

    bare = EncoderConfig(name="use-multilingual")
    mean = np.full(512, 0.02, np.float32)
    sha256 = save(Learnt(encoders.fingerprint(bare), mean, {"eng": -mean}), path)
    return replace(bare, postprocess=PostprocessConfig(file=str(path), sha256=sha256))


def model(directory: Path, seed: int = 0) -> Path:
    """A sentence-transformers model in a directory: one vector for each word, at random."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=["?"], show_progress=False)
    tokenizer.train_from_iterator((one.text for one in documents()), trainer)
    torch.manual_seed(seed)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)], device="cpu").save(str(directory))
    return directory


def answers(snapshot: Snapshot, k: int = 10, **options: Any) -> list[list[tuple[int, float, str]]]:
    """What the snapshot answers: row, score and chunk of each hit."""
    found = snapshot.search_many(list(QUESTIONS), k, **options)
    return [[(hit.row, hit.score, hit.chunk.id) for hit in hits] for hits in found]


def tree(root: Path) -> dict[str, bytes]:
    """Content of every file of a release, its manifest and card included."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def copy(release: Made, target: Path) -> Path:
    """A copy of a release, to be damaged."""
    shutil.copytree(release[0], target)
    return target


def published(hub: UploadHub, revision: str = "main") -> dict[str, bytes]:
    """What a branch of the repository holds, less what every repository begins with."""
    return {path: content for path, content in hub.files(REPOSITORY, revision).items() if path != ".gitattributes"}


def changed(records: Sequence[Document], id: str, change: Callable[[Document], Document]) -> list[Document]:
    """The records with one of them changed."""
    return [change(one) if one.id == id else one for one in records]


def _paragraphs(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    found = (html.unescape(re.sub(r"<[^>]+>", "", p)) for p in re.findall(r"<p>(.*?)</p>", text, re.DOTALL))
    return [" ".join(p.split()) for p in found if p.strip()]


def _chunks(one: Document) -> list[Chunk]:
    found, start = [], 0
    for number, text in enumerate(one.text.split("\n\n")):
        found.append(
            Chunk(f"{one.id}#{number}", one.id, number, start, start + len(text), 9, text, one.title, [one.title],
                  one.language, one.script, url=one.url, revision=one.revision, licence=one.licence, source=one.source)
        )  # fmt: skip
        start += len(text) + 2
    # The same passage in every document: a tie, which must be broken alike wherever the rows lie.
    found.append(
        replace(found[0], id=f"{one.id}#tie", index=len(found), text="The same words.", language="eng", script="Latn")
    )
    return found
