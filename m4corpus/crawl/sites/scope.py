"""Which addresses belong to a site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from urllib.parse import unquote, urlsplit

from m4corpus.crawl.config import SiteConfig
from m4corpus.ledger import Drop

#: Endings of files that are no pages and mostly large; what is missing here costs one request.
_FILES = re.compile(
    r"7z|aac|apk|avif?|bmp|bz2|css|csv|deb|dmg|docx?|eot|epub|exe|flac|flv|gif|gz|ico|iso|jar|jpe?g|m4[av]|midi?|mk[av]|"
    r"mobi|mov|mp[34]|mpe?g|msi|od[pst]|og[agv]|opus|otf|pdf|png|pptx?|psd|rar|rpm|rtf|svg|tar|tgz|tiff?|ttf|wav|web[mp]|"
    r"wm[av]|woff2?|xlsx?|xz|zip|zst"
)
_WWW = re.compile(r"www\d*\.(?=[^.]+\.)")


class Scope:
    """The rules of one site, over canonical addresses.

    Without ``include`` the hosts of the start addresses are taken, with and without ``www.``. Globs are matched against
    the whole address, as it is sent and with its percent escapes undone: ``*`` stands for any characters, slashes
    included, ``?`` for one character (so for a question mark, too), ``[ab]`` for one of several; case counts.
    """

    def __init__(self, config: SiteConfig, starts: Iterable[str]) -> None:
        """``starts`` are the canonical start addresses."""
        self._hosts = frozenset(map(host_of, starts))
        self._include = _any_of(config.include)
        self._exclude = _any_of(config.exclude)

    def check(self, url: str) -> None:
        """Raise :class:`Drop` where ``url`` is not to be taken: ``excluded``, ``out-of-scope`` or ``not-html``."""
        spellings = (url, unquote(url))
        if self._exclude and any(map(self._exclude.fullmatch, spellings)):
            raise Drop("excluded", "an exclude pattern matches")
        if self._include:
            if not any(map(self._include.fullmatch, spellings)):
                raise Drop("out-of-scope", "no include pattern matches")
        elif not self.at_home(url):
            raise Drop("out-of-scope", "another host")
        if ending := _file_ending(url):
            raise Drop("not-html", f"ending={ending}")

    def at_home(self, url: str) -> bool:
        """Whether a start address lies on the same host."""
        return host_of(url) in self._hosts


def host_of(url: str) -> str:
    """Host and port of a canonical address, without ``www.``; http and https of a host are one."""
    return _WWW.sub("", urlsplit(url).netloc)


def _any_of(globs: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None


def _file_ending(url: str) -> str:
    """What shows that the address is a file's, empty where nothing does."""
    name = urlsplit(url).path.rpartition("/")[2]
    # Wikis have pages about files: /wiki/File:Kite.jpg
    if ":" in name or "%3A" in name:
        return ""
    stem, _, ending = name.rpartition(".")
    return ending.lower() if stem and _FILES.fullmatch(ending.lower()) else ""
