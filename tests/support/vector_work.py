"""Chunk, embed and index artifacts for tests, made by the real stages in the test's own process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus import ledger
from m4corpus.embed.config import EmbedConfig
from m4corpus.embed.stage import EmbedStage
from m4corpus.index.config import IndexConfig
from m4corpus.index.stage import IndexStage
from m4corpus.ledger import Counts
from m4corpus.records import Chunk, schema, to_batch
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.storage.artifact import Artifact, Completion, Identity
from m4corpus.storage.parts import PartWriter, part_name

if TYPE_CHECKING:
    from m4corpus.embed.encoder import Encoder, Vectors

#: A sentence in each language the offline encoder was trained on, and three it was not.
SENTENCES = {
    "arb": "يُقام مهرجان الطائرات الورقية كل ربيع في الميناء القديم.",
    "cmn": "风筝节每年春天在老港口举行，孩子们带着自己做的风筝来。",
    "deu": "Das Drachenfest findet jeden Frühling im alten Hafen statt.",
    "eng": "The kite festival is held every spring in the old harbour, and it costs 3½ pounds.",
    "fra": "Le festival du cerf-volant a lieu chaque printemps dans le vieux port.",
    "ita": "La festa degli aquiloni si tiene ogni primavera nel vecchio porto.",
    "jpn": "凧祭りは毎年春に古い港で開かれ、多くの人が集まります。",
    "kor": "연 축제는 매년 봄 오래된 항구에서 열립니다.",
    "nld": "Het vliegerfeest wordt elk voorjaar in de oude haven gehouden.",
    "pol": "Święto latawców odbywa się każdej wiosny w starym porcie.",
    "por": "O festival de pipas acontece toda primavera no antigo porto.",
    "rus": "Фестиваль воздушных змеев проходит каждую весну в старом порту.",
    "spa": "El festival de cometas se celebra cada primavera en el puerto viejo.",
    "tha": "เทศกาลว่าวจัดขึ้นทุกฤดูใบไม้ผลิที่ท่าเรือเก่า",
    "tur": "Uçurtma şenliği her bahar eski limanda yapılır.",
}
UNSUPPORTED = {
    "hin": "पतंग महोत्सव हर वसंत में पुराने बंदरगाह पर आयोजित होता है।",
    "amh": "የካይት ፌስቲቫል በየዓመቱ በጸደይ ወቅት ይካሄዳል።",
    "ben": "প্রতি বসন্তে পুরানো বন্দরে ঘুড়ি উৎসব অনুষ্ঠিত হয়।",
}


def texts(count: int, seed: int = 0) -> list[str]:
    """Distinct texts of one to sixty sentences' pieces, in mixed languages."""
    chance = random.Random(seed)
    pieces = [piece for sentence in [*SENTENCES.values(), *UNSUPPORTED.values()] for piece in sentence.split()]
    return [f"{i} " + " ".join(chance.choices(pieces, k=chance.randint(1, 60))) for i in range(count)]


def chunk(number: int, text: str, language: str = "eng", title: str = "Kites") -> Chunk:
    """A chunk with the given text."""
    return Chunk(f"doc{number:05d}#0", f"doc{number:05d}", 0, 0, len(text), 1, text, title, ["Top"], language, "Latn")


def passage_vectors(encoder: Encoder, texts: Sequence[str], titles: Sequence[str] | None = None) -> Vectors:
    """Vectors of passages, as the embed step puts them to the encoder."""
    return encoder.encode(encoder.passages(texts, titles))


def run_phases(stage: Stage, context: StageContext) -> Artifact:
    """Every task of a stage in this process, as datatrove pipes its steps, then the manifest."""
    last: Phase | None = None
    for phase in stage.phases(context):
        for rank in range(phase.tasks):
            run_task(phase, rank)
        last = phase
    assert last is not None
    done = [Completion.read(context.completion(last.name, rank)) for rank in range(last.tasks)]
    inputs = {need: Artifact.open(context.inputs[need]).logical for need in stage.needs}
    identity = Identity(stage.name, stage.version, stage.config_dict(), inputs, stage.resources())
    return Artifact.seal(context.directory, identity, done, stage.info(context))


def run_task(phase: Phase, rank: int) -> None:
    """One task of a phase."""
    data: Any = None
    for step in phase.steps:
        data = step.run(data, rank, phase.tasks)
    assert list(data) == []


def chunk_artifact(root: Path, parts: Sequence[Sequence[Chunk]]) -> Artifact:
    """A chunk artifact with the given parts."""
    directory, done = root / "chunk", []
    for number, chunks in enumerate(parts):
        with (
            PartWriter(directory / part_name(number), schema(Chunk), directory) as part,
            PartWriter(directory / "ledger" / part_name(number), ledger.schema(), directory) as accounts,
        ):
            for start in range(0, len(chunks), 100):
                part.write(to_batch(list(chunks[start : start + 100])))
        done.append(Completion([part.info], [accounts.info], Counts()))
    return Artifact.seal(directory, Identity("chunk", 1, {}, {}, {}), done, {})


def embed_context(root: Path, parts: Sequence[Sequence[Chunk]]) -> StageContext:
    """Where an embed stage over these parts works; the cache is shared by everything under ``root``'s parent."""
    artifact = chunk_artifact(root, parts)
    return StageContext(root / "embed", {"chunk": artifact.directory}, len(parts), root.parent / "cache")


def embedded(root: Path, parts: Sequence[Sequence[Chunk]], config: EmbedConfig | None = None) -> Artifact:
    """The embed artifact of some parts of chunks."""
    return run_phases(EmbedStage(config or EmbedConfig()), embed_context(root, parts))


def index_context(embed: Artifact, name: str = "index") -> StageContext:
    """Where an index stage over an embed artifact made by :func:`embedded` works."""
    root = embed.directory.parent
    inputs = {"chunk": root / "chunk", "embed": embed.directory}
    return StageContext(root / name, inputs, len(embed.parts()), root.parent / "cache")


def indexed(embed: Artifact, shard_rows: int = 100_000, name: str = "index") -> Artifact:
    """The index artifact over an embed artifact made by :func:`embedded`."""
    return run_phases(IndexStage(IndexConfig(shard_rows=shard_rows)), index_context(embed, name))
