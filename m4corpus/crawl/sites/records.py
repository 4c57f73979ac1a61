"""What the crawl of a web site found, and what became of every address it came across."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from m4corpus.crawl.messages import Request
from m4corpus.ledger import DROPPED, KEPT, Verdict

_CHARS = 500


@dataclass(frozen=True, slots=True)
class SitePage:
    """A page that was taken: the answer to ``request``, which is in the archive.

    ``url`` is the address asked for and ``final_url`` the one that answered, both canonical; no two pages have an equal
    ``final_url``. ``depth`` counts links from a start address. ``canonical`` is the address the page prefers for itself
    (``<link rel="canonical">``), noted but not acted on.
    """

    url: str
    final_url: str
    request: Request
    depth: int
    canonical: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain form, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of :meth:`as_dict`."""
        request = Request(**{**data["request"], "accept": tuple(data["request"]["accept"])})
        return cls(**{**data, "request": request})


@dataclass(frozen=True, slots=True)
class SiteVerdict:
    """What became of one address: ``kept``, or ``dropped`` or ``failed`` with a slug and evidence."""

    url: str
    outcome: str
    slug: str = ""
    detail: str = ""

    @classmethod
    def of(cls, url: str, verdict: Verdict) -> SiteVerdict:
        """The verdict that was raised about ``url``."""
        return cls(url, verdict.outcome, verdict.slug, verdict.detail[:_CHARS])

    @classmethod
    def kept(cls, url: str, detail: str = "") -> SiteVerdict:
        """``url`` is a page of the site."""
        return cls(url, KEPT, "", detail)

    @classmethod
    def dropped(cls, url: str, slug: str, detail: str = "") -> SiteVerdict:
        """The rule ``slug`` leaves ``url`` out."""
        return cls(url, DROPPED, slug, detail[:_CHARS])

    def as_dict(self) -> dict[str, str]:
        """Plain form, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SiteResult:
    """``pages`` sorted by ``final_url``; ``verdicts`` sorted by address, one for every address seen."""

    pages: list[SitePage]
    verdicts: list[SiteVerdict]
