"""What MediaWiki's APIs are asked for, without the wrapping of their answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Hit:
    """A page a search found; ``pageid`` is its number in the edition that was searched."""

    pageid: int
    title: str


@dataclass(frozen=True, slots=True)
class Pin:
    """A page at one revision: what an article is fetched by, so that it can be fetched again.

    ``timestamp`` is when the revision was saved (``2025-04-30T12:00:00Z``); ``title`` is the page's when it was pinned,
    which may be newer than the revision; ``redirected_from`` is the title of the redirect that led here, if one did.
    """

    edition: str
    pageid: int
    title: str
    revision: int
    timestamp: str
    redirected_from: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of :meth:`as_dict`."""
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A revision as HTML: a fragment from the legacy parser, a whole page from Parsoid.

    ``title`` is the page's display title as text. ``categories`` are names without their namespace, in the order of the
    answer, hidden ones among them: Parsoid does not tell them apart.
    """

    html: str
    title: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """A file of a wiki. ``width`` and ``height`` are pixels, ``size`` bytes, ``sha1`` 40 hexadecimal digits.

    ``author`` and ``credit`` are text, without the markup they have there. Licence, author and credit are empty where
    the wiki does not know them, ``thumb_url`` unless a width was asked for.
    """

    title: str
    url: str
    descriptionurl: str
    mime: str
    width: int
    height: int
    size: int
    sha1: str
    licence: str
    licence_url: str
    author: str
    credit: str
    thumb_url: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of :meth:`as_dict`."""
        return cls(**data)
