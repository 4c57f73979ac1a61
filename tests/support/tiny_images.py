"""Image files small enough to be made on the spot, without an imaging library."""

from __future__ import annotations

import struct
import zlib


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A PNG of one colour."""
    rows = (b"\0" + bytes(colour) * width) * height
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def jpeg(width: int, height: int, grey: int) -> bytes:
    """A baseline JPEG of one shade of grey, ``grey`` in -127..127 away from the middle."""

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data

    # Huffman codes: sizes 0..11 of a difference in four bits each; for the rest of a block its end alone, one bit.
    sizes = segment(0xC4, bytes([0x00, 0, 0, 0, 12, *([0] * 12), *range(12)]))
    ends = segment(0xC4, bytes([0x10, 1, *([0] * 15), 0]))
    value = grey * 8 // 8
    bits = abs(value).bit_length()
    first = f"{bits:04b}" + (f"{value if value > 0 else value + (1 << bits) - 1:0{bits}b}" if bits else "") + "0"
    blocks = -(-width // 8) * -(-height // 8)
    stream = first + "00000" * (blocks - 1)
    stream += "1" * (-len(stream) % 8)
    data = int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\0")
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xDB, bytes([0] + [8] * 64)),
            segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
            sizes,
            ends,
            segment(0xDA, bytes([1, 1, 0x00, 0, 63, 0])),
            data,
            b"\xff\xd9",
        ]
    )


def gif(width: int, height: int) -> bytes:
    """A GIF of one black frame that leaves all but its first pixel out."""
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
        + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00;"
    )  # fmt: skip
