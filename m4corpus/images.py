"""Images of a corpus: kept by their content, and decoded within limits.

A page or document that stands for an image has its SHA-256 in its metadata under :data:`IMAGE`, and what is said of it
as its text. The bytes lie in the work directory under that digest, so they are there once, whatever refers to them.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from m4corpus.errors import UserError
from m4corpus.ledger import Fail
from m4corpus.packages import installed
from m4corpus.storage.atomic import write_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

#: Metadata key of the SHA-256 (hex) of the image a page or document stands for.
IMAGE = "image"
#: Directory of the images of a work directory.
DIRECTORY = "images"
#: Formats that are decoded. Others have decoders that start programs or read other files.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
#: Largest file that is asked with, in bytes.
MAX_BYTES = 20_000_000
#: Largest image, in pixels: 120 MB once decoded.
MAX_PIXELS = 40_000_000
#: Longest side of a decoded image, in pixels; larger ones are scaled down. No encoder looks at more.
LONGEST_SIDE = 2048

#: Reasons for which :meth:`ImageStore.get` fails: they lie in the work directory and not in what refers to an image.
MISPLACED = frozenset({"image-missing", "image-damaged"})

_DIGEST = re.compile(r"[0-9a-f]{64}")


def image_of(metadata: Mapping[str, str]) -> str:
    """SHA-256 (hex) of the image that metadata name; empty for text."""
    return metadata.get(IMAGE, "")


def require_pillow() -> str:
    """Version of Pillow; raises :class:`~m4corpus.errors.UserError` when it is missing."""
    return installed("pillow")


class ImageStore:
    """Images under ``root`` by SHA-256: ``ab/abcdef...``. Any number of processes may add to it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def beside(cls, cache: Path) -> ImageStore:
        """That of the work directory whose cache is ``cache``."""
        return cls(cache.parent / DIRECTORY)

    def put(self, content: bytes) -> str:
        """Keep an image; its digest. Raises ``OSError`` where the machine refuses."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if not path.is_file() or path.stat().st_size != len(content):
            write_bytes(path, content)
        return digest

    def holds(self, digest: str) -> bool:
        """Whether an image is there; a look at its name alone."""
        return bool(_DIGEST.fullmatch(digest)) and self._path(digest).is_file()

    def get(self, digest: str) -> bytes:
        """Bytes of an image; raises ``Fail``: ``image-missing``, ``image-damaged``."""
        path = self._path(digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise Fail("image-missing", f"sha256={digest[:16]}") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise Fail("image-damaged", f"sha256={digest[:16]}")
        return content

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise Fail("image-missing", "no digest")
        return self.root / digest[:2] / digest


def read_image(path: Path) -> bytes:
    """Bytes of an image file to ask with; raises :class:`UserError` for one that is too large."""
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES:,} bytes", "Scale it down.")
    return path.read_bytes()


def decoded(content: bytes) -> Image:
    """The image of some bytes, upright, in RGB, transparent parts white, at most :data:`LONGEST_SIDE` a side.

    Of several frames it is the first. Raises ``Fail``: ``not-an-image``, ``image-too-large`` (its size is read before
    anything is unpacked), ``broken-image`` (cut off or damaged).
    """
    require_pillow()
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise Fail("image-too-large", f"pixels={width}x{height} limit={MAX_PIXELS}")
                # Of a JPEG only as much is unpacked as is needed.
                image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                image.load()
                upright = ImageOps.exif_transpose(image)
                return _scaled(_opaque(upright))
    except UnidentifiedImageError:
        raise Fail("not-an-image", f"bytes={len(content)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Fail("image-too-large", f"limit={MAX_PIXELS}") from None
    except MemoryError:
        raise
    # What decoders raise for damaged data: OSError, SyntaxError, ValueError, struct.error, zlib.error and others.
    except Exception as error:
        if isinstance(error, Fail):
            raise
        raise Fail("broken-image", type(error).__name__) from None


def _opaque(image: Image) -> Image:
    from PIL import Image as images

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = images.new("RGBA", layered.size, "white")
        return images.alpha_composite(ground, layered).convert("RGB")
    return image.convert("RGB")


def _scaled(image: Image) -> Image:
    if max(image.size) > LONGEST_SIDE:
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return image
