from __future__ import annotations

import pytest

from m4corpus.ledger import Fail
from m4corpus.sources.charset import codec_of, declared_charset, decode


@pytest.mark.parametrize(
    ("head", "label"),
    [
        (b'<meta charset="utf-8">', "utf-8"),
        (b"<META CHARSET=Windows-1251>", "Windows-1251"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=euc-kr">', "euc-kr"),
        (b"<meta content='text/html;charset=big5' http-equiv=content-type>", "big5"),
        (b'<?xml version="1.0" encoding="ISO-8859-2"?><html>', "ISO-8859-2"),
        (b'<!-- <meta charset="koi8-r"> --><meta charset=utf-8>', "utf-8"),
        (b'<meta name="description" content="a > b"><meta charset=utf-8>', "utf-8"),
        (b'<meta name="x" content="the charset of old">', ""),
        (b"<!-- never closed <meta charset=koi8-r>", ""),
        (b" " * 1024 + b"<meta charset=koi8-r>", ""),
        (b"", ""),
    ],
)
def test_declarations(head: bytes, label: str) -> None:
    assert declared_charset(head) == label


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("latin1", "cp1252"),
        ("ISO-8859-1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("utf8", "utf-8"),
        ("UTF-16", "utf-8"),
        ("GB2312", "gb18030"),
        ("Shift_JIS", "cp932"),
        ("ks_c_5601-1987", "cp949"),
        ("iso-8859-9", "cp1254"),
        ("koi8-u", "koi8-u"),
        ("tis-620", "cp874"),
        ("x-sjis", "cp932"),
        ("utf-7", ""),
        ("unicode_escape", ""),
        ("hex", ""),
        ("rot13", ""),
        ("idna", ""),
        ("nonsense", ""),
        ("", ""),
        ("\0", ""),
    ],
)
def test_labels_mean_what_browsers_take_them_for(label: str, codec: str) -> None:
    assert codec_of(label) == codec


def test_windows_1252_behind_the_name_latin_1() -> None:
    assert decode(b"<meta charset=iso-8859-1><p>\x93caf\xe9\x94").endswith("“café”")


def test_the_mark_goes_before_the_declaration_and_is_no_text() -> None:
    page = "<meta charset=koi8-r>подушка"
    for encoding in ("utf-8-sig", "utf-16"):
        assert decode(page.encode(encoding), declared="cp1251") == page


def test_http_goes_before_the_page() -> None:
    content = b"<meta charset=koi8-r>" + "змей".encode("cp1251")
    assert decode(content, declared="windows-1251").endswith("змей")
    assert not decode(content).endswith("змей")
    assert not decode(content, declared="no-such-charset").endswith("змей")


def test_text_declares_nothing() -> None:
    assert decode("<meta charset=koi8-r>змей".encode(), markup=False).endswith("змей")


@pytest.mark.parametrize(
    ("content", "slug", "detail"),
    [
        (b"ab\xff", "invalid-utf8", "byte 0xff at offset 2"),
        (b"\xef\xbb\xbfab\xff", "invalid-utf8", "byte 0xff at offset 5"),
        (b"ab\xe2\x82", "invalid-utf8", "byte 0xe2 at offset 2"),
        (b"<meta charset=iso-8859-1>\x81", "invalid-encoding", "byte 0x81 at offset 25 is not cp1252"),
        (b"\xff\xfe\x00\xd8a\x00", "invalid-encoding", "byte 0x00 at offset 2 is not utf-16-le"),
    ],
)
def test_what_cannot_be_decoded_names_its_place(content: bytes, slug: str, detail: str) -> None:
    with pytest.raises(Fail) as fail:
        decode(content)
    assert (fail.value.slug, fail.value.detail) == (slug, detail)
