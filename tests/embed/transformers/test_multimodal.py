"""Images beside text in one space: through the real loading code, the stages and the search."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tiny_images import jpeg, png
from vector_work import chunk, embed_context, passage_vectors, run_phases

from m4corpus.crawl.archive import Archive
from m4corpus.crawl.images import request_of
from m4corpus.crawl.messages import Response
from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.encoder import fingerprint, load, load_tokenizer
from m4corpus.embed.postprocess.config import PostprocessConfig
from m4corpus.embed.postprocess.learnt import Learnt, save
from m4corpus.embed.stage import EmbedStage
from m4corpus.embed.transformers.multimodal import MultimodalEncoder, TakesImages, encode_image_queries
from m4corpus.errors import IntegrityError, UserError
from m4corpus.images import ImageStore
from m4corpus.ledger import Fail
from m4corpus.pipeline import Pipeline
from m4corpus.snapshot import Snapshot, open_snapshot
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.pictures import ImagePage
from m4corpus.sources.readers import Failure, read_file
from m4corpus.storage.parts import read_batches

pytest.importorskip("PIL")

RED, BLUE, SMALL = png(40, 30, (255, 0, 0)), png(40, 30, (0, 0, 255)), jpeg(48, 32, 90)


@pytest.fixture(scope="module")
def encoder(tiny_clip: Path) -> Any:
    return load(EncoderConfig(name=str(tiny_clip)))


@pytest.fixture
def store(encoder: Any, tmp_path: Path) -> ImageStore:
    encoder.images = ImageStore(tmp_path / "images")
    return encoder.images  # type: ignore[no-any-return]


def shown(encoder: Any, store: ImageStore, *contents: bytes) -> np.ndarray:
    return np.asarray(encoder.encode(encoder.image_passages([store.put(content) for content in contents])))


def test_a_clip_takes_images_and_a_text_model_does_not(encoder: Any, tiny_model: Path) -> None:
    assert isinstance(encoder, TakesImages)
    assert encoder.identity()["images"]["with_text"] == "mean of both vectors"
    assert not isinstance(load(EncoderConfig(name=str(tiny_model))), TakesImages)


def test_images_and_texts_get_the_librarys_own_vectors(encoder: Any, store: ImageStore, tiny_clip: Path) -> None:
    from PIL import Image
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(tiny_clip), device="cpu")
    own = library.encode([Image.new("RGB", (40, 30), "red")], normalize_embeddings=True)
    np.testing.assert_allclose(shown(encoder, store, RED), own, atol=1e-6)
    own = library.encode(["The kite festival"], normalize_embeddings=True)
    np.testing.assert_allclose(passage_vectors(encoder, ["The kite festival"]), own, atol=1e-6)


def test_bytes_depend_on_the_input_alone_whatever_else_is_encoded(encoder: Any, store: ImageStore) -> None:
    pictures = encoder.image_passages([store.put(content) for content in (RED, BLUE, SMALL)])
    inputs = [*pictures, *encoder.passages(["kite", "the old harbour", "spring"])]
    mixed = [inputs[i] for i in (3, 0, 4, 1, 2, 5)]
    alone = {one: encoder.encode([one]).tobytes() for one in inputs}
    assert [vector.tobytes() for vector in encoder.encode(mixed)] == [alone[one] for one in mixed]
    assert len(set(alone.values())) == len(inputs)


class OnDevice(MultimodalEncoder):
    """As on a GPU, where inputs share a pass."""

    batch_invariant = False


def test_inputs_that_share_a_pass_get_the_same_vectors(encoder: Any, store: ImageStore, tiny_clip: Path) -> None:
    together: Any = OnDevice(EncoderConfig(name=str(tiny_clip)))
    together.images = store
    inputs = encoder.passages(["kite", "The kite festival is held", "spring"])
    inputs[1:1] = encoder.image_passages([store.put(content) for content in (RED, SMALL, BLUE)])
    np.testing.assert_allclose(together.encode(inputs), encoder.encode(inputs), atol=1e-5)


def test_text_that_names_an_image_stays_text(encoder: Any, store: ImageStore, tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    path.write_bytes(RED)
    picture = shown(encoder, store, RED)[0]
    digest = hashlib.sha256(RED).hexdigest()
    for text in (str(path), "http://127.0.0.1:9/red.png", "data:image/png;base64,AAAA", f"\0image:{digest}"):
        for vector in (passage_vectors(encoder, [text])[0], encoder.encode_queries([text])[0]):
            assert np.abs(vector - picture).max() > 1e-3, text


def test_a_query_of_text_and_image_lies_between_both(encoder: Any) -> None:
    both, text, picture = encoder.encode_image_queries(["kite", "kite", ""], [RED, None, RED])
    np.testing.assert_allclose(np.linalg.norm(both), 1, atol=1e-6)
    mean = (text + picture) / np.linalg.norm(text + picture)
    np.testing.assert_allclose(both, mean, atol=1e-6)
    np.testing.assert_allclose(text, encoder.encode_queries(["kite"])[0], atol=1e-6)


def test_post_processing_is_that_of_a_query_in_words(encoder: Any, tiny_clip: Path, tmp_path: Path) -> None:
    bare = EncoderConfig(name=str(tiny_clip))
    zeros, means = np.zeros(encoder.dimension, np.float32), {"swh": np.full(encoder.dimension, 0.1, np.float32)}
    sha256 = save(Learnt(fingerprint(bare), zeros, means), tmp_path / "means.npz")
    after = load(replace(bare, postprocess=PostprocessConfig(file=str(tmp_path / "means.npz"), sha256=sha256)))
    found = encode_image_queries(after, ["kite", "kite", ""], [None, None, RED], ["sw", "en", ""])
    np.testing.assert_allclose(found[:2], after.encode_queries(["kite", "kite"], ["sw", "en"]), atol=1e-6)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_a_query_that_is_no_image_is_the_users_mistake(encoder: Any, tiny_model: Path) -> None:
    with pytest.raises(UserError, match=r"cannot use the image: not-an-image"):
        encode_image_queries(encoder, [""], [b"no image"])
    with pytest.raises(UserError, match="takes no images"):
        encode_image_queries(load(EncoderConfig(name=str(tiny_model))), ["kite"], [RED])


def test_an_image_that_is_gone_says_so(encoder: Any, store: ImageStore) -> None:
    with pytest.raises(Fail, match="image-missing"):
        encoder.encode(encoder.image_passages(["0" * 64]))


def test_the_stage_embeds_images_beside_texts_and_loses_none_silently(tiny_clip: Path, tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    chunks = [chunk(i, "a caption") for i in range(4)]
    chunks[1].image, chunks[2].image, chunks[3].image = store.put(RED), store.put(b"no image"), "f" * 64
    config = EmbedConfig(encoder=EncoderConfig(name=str(tiny_clip)))
    artifact = run_phases(EmbedStage(config), embed_context(tmp_path / "a", [chunks]))
    rows = [row for p in artifact.parts() for b in read_batches(artifact.directory / p.path) for row in b.to_pylist()]
    assert [row["chunk_id"] for row in rows] == [chunks[0].id, chunks[1].id]
    assert artifact.counts.failed == {"not-an-image": 1, "image-missing": 1}
    encoder: Any = load(config.encoder)
    encoder.images = store
    np.testing.assert_allclose(rows[1]["vector"], shown(encoder, store, RED)[0], atol=1e-6)


def test_an_encoder_of_text_reads_the_caption(tiny_model: Path, tmp_path: Path) -> None:
    captioned = chunk(0, "a kite over the harbour")
    captioned.image = "f" * 64
    config = EmbedConfig(encoder=EncoderConfig(name=str(tiny_model)))
    artifact = run_phases(EmbedStage(config), embed_context(tmp_path / "a", [[captioned]]))
    (row,) = (row for p in artifact.parts() for b in read_batches(artifact.directory / p.path) for row in b.to_pylist())
    expected = passage_vectors(load(config.encoder), [captioned.text], [captioned.title])
    np.testing.assert_allclose(row["vector"], expected[0], atol=1e-6)


RECIPE: dict[str, Any] = {
    "name": "pictures",
    "partitions": 1,
    "read": {
        "sources": [
            {"name": "photos", "format": "images", "path": "photos", "licence": "CC0-1.0"},
            {"name": "words", "format": "text", "path": "words"},
        ]
    },
    "chunk": {"size": 24, "overlap": 4},
    "filter": {"min_chars": 20},
}


@pytest.fixture(scope="module")
def built(tiny_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, Snapshot]:
    """A recipe of photographs and a text, run as users run it."""
    root = tmp_path_factory.mktemp("pictures")
    (root / "photos" / "en").mkdir(parents=True)
    for name, content in {
        "en/red_kite.png": RED, "en/blue_kite.png": BLUE, "harbour.jpg": SMALL, "harbour_again.jpg": SMALL,
        "cut.png": RED[:-30], "words.jpg": b"no image at all",
    }.items():  # fmt: skip
        (root / "photos" / name).write_bytes(content)
    (root / "words").mkdir()
    (root / "words" / "festival.txt").write_text("The kite festival is held every spring in the old harbour. " * 3)
    path = root / "recipe.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, "embed": {"encoder": {"name": str(tiny_clip)}}}))
    pipeline = Pipeline.from_file(path, root / "work")
    result = pipeline.run()
    assert result.snapshot is not None
    return pipeline, open_snapshot(result.snapshot)


def test_images_pass_all_stages_and_broken_ones_are_quarantined(built: tuple[Pipeline, Snapshot]) -> None:
    pipeline, _ = built
    counts = {artifact.stage: artifact.counts for artifact in pipeline.status()}
    assert counts["read"].failed == {"broken-image": 1, "not-an-image": 1}
    assert counts["dedup"].dropped.total() == 1, "an image that is there twice"
    assert not counts["filter"].dropped, "a short caption is no reason to drop an image"
    assert counts["embed"].kept == counts["chunk"].outputs
    assert len([path for path in (pipeline.workdir / "images").rglob("*") if path.is_file()]) == 3


def test_search_by_image_by_text_and_by_both(built: tuple[Pipeline, Snapshot]) -> None:
    _, snapshot = built
    (first, *_) = snapshot.search("", 3, image=RED)
    assert first.chunk.image == hashlib.sha256(RED).hexdigest()
    assert (first.chunk.title, first.chunk.text) == ("red kite", "red kite")
    assert first.score == pytest.approx(1, abs=1e-5)
    text = snapshot.search("The kite festival is held every spring in the old harbour.", 1)[0]
    assert text.chunk.image == ""
    asked = "The kite festival is held every spring"
    (alone, together) = (
        {hit.chunk.id: hit.score for hit in snapshot.search(asked, 50, image=image)} for image in (None, RED)
    )
    assert alone.keys() == together.keys(), "few enough to be found all"
    # The vector halfway between two is nearer to each than they are to one another.
    assert alone[first.chunk.id] < together[first.chunk.id] < 1 - 1e-4


def test_another_encoder_than_the_indexs_is_not_asked(built: tuple[Pipeline, Snapshot]) -> None:
    _, snapshot = built
    recorded = snapshot.manifest["encoder"]
    foreign = {**snapshot.manifest, "encoder": {**recorded, "fingerprint": "0" * 64}}
    with pytest.raises(IntegrityError, match="holds vectors of another encoder"):
        Snapshot(snapshot.directory, foreign).search("kite")
    prompted = {**recorded["config"], "query_prompt": "ask: {text}"}
    with pytest.raises(IntegrityError, match="not the one"):
        Snapshot(snapshot.directory, {**snapshot.manifest, "encoder": {**recorded, "config": prompted}}).search("kite")


def test_trust_is_handed_on_to_whoever_loads_the_encoder(built: tuple[Pipeline, Snapshot]) -> None:
    _, snapshot = built
    assert not open_snapshot(snapshot.directory).trust_remote_code
    assert open_snapshot(snapshot.directory, trust_remote_code=True).trust_remote_code


def test_the_command_line_asks_with_an_image(built: tuple[Pipeline, Snapshot], tmp_path: Path) -> None:
    from click.testing import CliRunner

    from m4corpus.cli.search import search

    pipeline, _ = built
    picture = tmp_path / "asked.png"
    picture.write_bytes(BLUE)
    command = ["pictures", "--image", str(picture), "--workdir", str(pipeline.workdir), "-k", "2", "--json"]
    done = CliRunner().invoke(search, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)[0]["image"] == hashlib.sha256(BLUE).hexdigest()
    nothing = CliRunner().invoke(search, ["pictures", "--workdir", str(pipeline.workdir)])
    assert isinstance(nothing.exception, UserError)


def test_the_tokenizer_of_a_clip_counts_alone(encoder: Any, tiny_clip: Path) -> None:
    inputs = ["kite", "The kite festival is held every spring"]
    assert load_tokenizer(EncoderConfig(name=str(tiny_clip))).count_tokens(inputs) == encoder.count_tokens(inputs)


def record(number: int, content: bytes, **more: Any) -> dict[str, Any]:
    url = f"https://upload.example.org/{number}.png"
    info = {"title": f"File:Kite_{number}.png", "url": url, "descriptionurl": f"{url}?", "licence": "CC BY 4.0"}
    digest = {"content_url": url, "content_sha256": hashlib.sha256(content).hexdigest(), "content_bytes": len(content)}
    return {"image_id": f"i{number}", "image_info": info, **digest, **more}


def test_images_of_a_crawl_come_out_of_its_archive(tmp_path: Path) -> None:
    crawl = tmp_path / "crawl-00001"
    records = [record(1, RED), record(2, BLUE), record(3, RED, same_as="i1"), record(4, BLUE), {"image_id": "i5"}]
    records[3]["content_sha256"] = "0" * 64
    with Archive(crawl / "warc") as archive:
        for one, content in ((records[0], RED), (records[3], BLUE)):
            headers = (("Content-Type", "image/png"), ("Content-Length", str(len(content))))
            request = request_of(one)
            archive.append(request, Response(request.url, 200, headers, content, "2025-04-30T12:00:00Z"), ())
    listed = b"".join(json.dumps(one).encode() + b"\n" for one in records)
    (crawl / "images.jsonl").write_bytes(listed)
    source = SourceConfig(name="commons", format="crawl-images", path=str(crawl))
    digest = hashlib.sha256(listed).hexdigest()
    found = list(read_file(source, tmp_path, SourceFile("commons", "images.jsonl", len(listed), digest)))
    (page,) = (item for item in found if isinstance(item, ImagePage))
    assert (page.id, page.title, page.content) == ("commons:i1", "Kite 1", "Kite 1")
    assert (page.licence, page.metadata["image"]) == ("CC BY 4.0", hashlib.sha256(RED).hexdigest())
    assert page.body == RED
    failures = {(item.id, item.reason) for item in found if isinstance(item, Failure)}
    assert failures == {("commons:i2", "not-archived"), ("commons:i4", "image-damaged")}
