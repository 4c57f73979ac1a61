"""Images: kept by content, decoded within limits, refused where they are broken or no images."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import pytest
from tiny_images import gif, jpeg, png

from m4corpus.images import LONGEST_SIDE, ImageStore, decoded
from m4corpus.ledger import Fail

Image = pytest.importorskip("PIL.Image")

RED, BLUE = (255, 0, 0), (0, 0, 255)


def encoded(image: object, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # type: ignore[attr-defined]
    return buffer.getvalue()


def test_an_image_is_kept_once_under_its_digest(tmp_path: Path) -> None:
    store, content = ImageStore(tmp_path / "images"), png(3, 2, RED)
    digest = store.put(content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert store.put(content) == digest
    assert store.get(digest) == content
    assert [path.name for path in (tmp_path / "images").rglob("*") if path.is_file()] == [digest]


def test_what_is_not_there_or_not_what_it_was_is_not_used(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    digest = store.put(png(3, 2, RED))
    (tmp_path / digest[:2] / digest).write_bytes(png(3, 2, BLUE))
    for wanted, reason in (
        (digest, "image-damaged"),
        ("0" * 64, "image-missing"),
        ("../../etc/passwd", "image-missing"),
    ):
        with pytest.raises(Fail) as failure:
            store.get(wanted)
        assert failure.value.slug == reason


@pytest.mark.parametrize("content", [png(7, 5, RED), jpeg(16, 8, 20), gif(4, 3)])
def test_an_image_is_rgb(content: bytes) -> None:
    assert decoded(content).mode == "RGB"


def test_a_turned_photograph_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decoded(encoded(Image.new("RGB", (20, 10)), "JPEG", exif=exif)).size == (10, 20)


def test_transparent_parts_are_white() -> None:
    clear = encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 0)), "PNG")
    assert decoded(clear).getpixel((1, 1)) == (255, 255, 255)


def test_a_large_image_is_scaled_down() -> None:
    large = decoded(encoded(Image.new("L", (3 * LONGEST_SIDE, LONGEST_SIDE)), "PNG"))
    assert max(large.size) <= LONGEST_SIDE


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (claiming(100_000, 100_000), "image-too-large"),
        (claiming(9_000, 9_000), "image-too-large"),
        (claiming(400, 400), "broken-image"),
        (jpeg(160, 160, 20)[:-40], "broken-image"),
        (png(50, 50, RED)[:-30], "broken-image"),
        (b"", "not-an-image"),
        (b"GIF89a", "not-an-image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-an-image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not-an-image"),
    ],
)
def test_what_cannot_be_shown_fails_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(Fail) as failure:
        decoded(content)
    assert failure.value.slug == reason


def test_formats_that_were_not_asked_for_are_refused() -> None:
    with pytest.raises(Fail, match="not-an-image"):
        decoded(encoded(Image.new("RGB", (4, 4)), "TIFF"))


def outcome(content: bytes) -> str:
    try:
        return decoded(content).mode
    except Fail as failure:
        return failure.slug


def test_a_damaged_byte_anywhere_never_raises_anything_else() -> None:
    whole = bytearray(encoded(Image.effect_noise((40, 30), 50), "PNG"))
    for position in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        found = outcome(bytes(damaged))
        assert found in {"RGB", "broken-image", "not-an-image", "image-too-large"}
