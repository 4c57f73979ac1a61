"""One spelling for each address, so that no page is fetched twice.

httpx, which sends the requests, does what RFC 3986 and IDNA ask for: case, dot segments, quoting, default ports. On top
of that fragments and parameters that only follow visitors around are left out; all others stay as they are and in
their order, since ``?b&a=`` may be a page of its own. (courlan's ``clean_url`` sorts parameters, drops empty ones and
takes ``gallery``, ``reference`` and ``cid`` for trackers: it would merge pages that differ.)
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_plus, urljoin

import httpx

#: Longest address that is followed, in characters once quoted.
MAX_CHARS = 2048

_SHOWN_CHARS = 500
_SPACE = "".join(map(chr, range(0x21)))
_BREAKS = re.compile(r"[\t\n\r]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKER = re.compile(
    r"(?:utm|mtm|matomo|piwik|hsa)_\w+|pk_(?:campaign|kwd|keyword|source|medium|content|cid|vid|cpn)"
    r"|(?:fbc|gc|dc|yc|ysc|twc|ttc)lid|(?:gbra|wbra|msclk|igsh)id|mc_[ce]id|mkt_tok|oly_(?:anon|enc)_id|vero_(?:id|conv)"
    r"|_ga|_gl|_hsenc|_hsmi|__hs\w+|_openstat"
)
_SESSION = re.compile(r"phpsessid|jsessionid|aspsessionid\w*|sessionid|session_id|sid|cfid|cftoken|zenid|oscsid")
#: A value that was drawn at random: ``?sid=12`` may well be a page.
_TOKEN = re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9_.!-]{16,}")
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;?]*", re.IGNORECASE)


@lru_cache(maxsize=1 << 14)
def canonical(address: str) -> str:
    """The one spelling of an absolute address of the web.

    Raises :class:`ValueError` for what cannot be fetched, with the reason: no host, credentials, too long...
    """
    text = _BREAKS.sub("", address.strip(_SPACE)).partition("#")[0]
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() not in _DEFAULT_PORTS:
        raise ValueError("neither http nor https")
    text = scheme[1].lower() + text[scheme.end() - 1 :]
    try:
        url = httpx.URL(_ESCAPE.sub(_escape, text))
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from None
    host = _host(url.netloc.decode("ascii"), url.port)
    if url.userinfo:
        raise ValueError("names a user")
    path, _, query = url.raw_path.decode("ascii").partition("?")
    path = _PATH_SESSION.sub("", path)
    query = "&".join(pair for pair in query.split("&") if pair and not _visitor(pair))
    result = f"{url.scheme}://{host}{path}{'?' if query else ''}{query}"
    if len(result) > MAX_CHARS:
        raise ValueError(f"longer than {MAX_CHARS} characters")
    return result


def is_web(address: str) -> bool:
    """Whether a link could lead to a page at all: a relative one, http or https; not ``mailto:`` or ``javascript:``."""
    scheme = _SCHEME.match(address.strip(_SPACE))
    return scheme is None or scheme[1].lower() in _DEFAULT_PORTS


def resolve(base: str, link: str) -> str:
    """``link`` as found on a page whose base address is ``base``, absolute but not yet canonical.

    Raises :class:`ValueError` where it cannot be read.
    """
    return urljoin(base, _BREAKS.sub("", link.strip(_SPACE)))


def shown(link: str) -> str:
    """What is no address, as it may stand in a table in place of one."""
    return " ".join(link.split())[:_SHOWN_CHARS].encode("utf-8", "backslashreplace").decode()


def _escape(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()


def _host(netloc: str, port: int | None) -> str:
    host = netloc if port is None else netloc.rpartition(":")[0]
    host = host.removesuffix(".")
    if not _HOST.fullmatch(host):
        raise ValueError("no host" if not host else "not the name of a host")
    if port is not None and not 0 < port < 1 << 16:
        raise ValueError("no such port")
    return host if port is None else f"{host}:{port}"


def _visitor(pair: str) -> bool:
    """Whether a parameter tells visitors apart and not pages."""
    name, _, value = pair.partition("=")
    name = unquote_plus(name).lower()
    return bool(_TRACKER.fullmatch(name) or (_SESSION.fullmatch(name) and _TOKEN.fullmatch(value)))
