"""Bytes of a page to text: byte order mark, declared charset, else UTF-8; always strictly.

The names of charsets mean what the Encoding standard says they mean to browsers, above all that Latin-1 is
windows-1252. Guessing is left out: a page that is not what it says it is fails, with the offset of the fault.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

from m4corpus.ledger import Fail

#: Bytes of a page in which HTML looks for a declaration.
HEAD_BYTES = 1024

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/](?:[^>\"']|\"[^\"]*\"|'[^']*')*", re.IGNORECASE)
_CHARSET = re.compile(rb"[\s/\"';,]charset\s*=\s*[\"']?\s*([A-Za-z0-9._:-]+)", re.IGNORECASE)
_XML = re.compile(rb"\A\s*<\?xml\s[^>]*?\bencoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']", re.IGNORECASE)

# Python's name of a codec -> the one browsers use for its labels.
_MEANT = {
    "ascii": "cp1252",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-11": "cp874",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "tis-620": "cp874",
    "utf-16": "utf-8",  # a page whose declaration can be read byte by byte is not UTF-16
    "utf-16-be": "utf-8",
    "utf-16-le": "utf-8",
}
_KNOWN = frozenset(
    {
        "big5hkscs", "cp866", "cp874", "cp932", "cp949", "euc_jp", "gb18030", "iso2022_jp", "koi8-r", "koi8-u",
        "mac-cyrillic", "mac-roman", "utf-8", *(f"cp{n}" for n in range(1250, 1259)),
        *(f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
    }
)  # fmt: skip
_LABELS = {
    "dos-874": "cp874",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "ks_c_5601-1987": "cp949",
    "unicode-1-1-utf-8": "utf-8",
    "windows-31j": "cp932",
    "windows-949": "cp949",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-roman": "mac-roman",
    "x-sjis": "cp932",
    "x-user-defined": "cp1252",
    "x-x-big5": "big5hkscs",
}


def decode(content: bytes, *, declared: str = "", markup: bool = True) -> str:
    """Text of a page without its byte order mark.

    ``declared`` is a charset named outside the page (by HTTP) and goes before one named in it; without ``markup`` no
    declaration is looked for. A label nobody knows is as good as none. Raises ``Fail("invalid-utf8")`` or, for other
    charsets, ``Fail("invalid-encoding")``.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return decode_strictly(content, encoding, len(mark))
    encoding = codec_of(declared) or (codec_of(declared_charset(content)) if markup else "") or "utf-8"
    return decode_strictly(content, encoding)


def decode_strictly(content: bytes, encoding: str = "utf-8", start: int = 0) -> str:
    """``content[start:]`` under a Python codec; raises as :func:`decode`, with the offset in ``content``."""
    try:
        return str(memoryview(content)[start:], encoding)
    except UnicodeDecodeError as error:
        slug = "invalid-utf8" if encoding == "utf-8" else "invalid-encoding"
        at = start + error.start
        found = f"byte 0x{content[at]:02x} at offset {at}" if at < len(content) else f"ends at offset {at}"
        raise Fail(slug, found if encoding == "utf-8" else f"{found} is not {encoding}") from None


def declared_charset(content: bytes) -> str:
    """Label of the charset that the head of an HTML page declares, empty when it declares none."""
    head = _COMMENT.sub(b"", content[:HEAD_BYTES])
    for tag in _META.finditer(head):
        # One expression for both forms: charset="..." and content="text/html; charset=...".
        if found := _CHARSET.search(tag[0]):
            return found[1].decode("ascii")
    xml = _XML.match(head)
    return xml[1].decode("ascii") if xml else ""


@lru_cache(maxsize=256)
def codec_of(label: str) -> str:
    """Python codec for a charset label of the web, empty when it is none."""
    label = label.strip().strip("\"'").lower()
    if label in _LABELS:
        return _LABELS[label]
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""
    name = _MEANT.get(name, name)
    return name if name in _KNOWN else ""
