"""Every option of a crawl."""

from __future__ import annotations

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from m4corpus.config import config

#: Wikipedia editions WorldCuisines' questions are searched in, in the order of M4-RAG's own code.
WORLDCUISINES_EDITIONS = (
    "en", "id", "zh", "ko", "ja", "su", "jv", "cs", "es", "fr", "ar", "hi", "bn", "mr", "si", "yo", "zh-yue",
    "zh-min-nan", "tl", "th", "az", "ru", "it", "sc",
)  # fmt: skip

#: Options that say how hard a server is leant on, and whom to write to: none decides what is asked.
MANNERS = ("contact", "allow_private", "politeness")

Profile = Literal["paper", "code"]

_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
_AS_OF = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


@config
class PolitenessConfig:
    """How hard a crawl may lean on a server."""

    concurrency: int = Field(default=2, ge=1, le=16, description="requests under way at once to one host")
    per_second: float = Field(default=5.0, gt=0, description="requests started in a second to one host, at most")
    total_per_second: float = Field(
        default=10.0, gt=0, description="requests started in a second to all hosts together, at most"
    )
    maxlag: int = Field(
        default=5,
        ge=0,
        description="MediaWiki: seconds of replication lag at which the wiki may turn us away; 0: never",
    )
    connect_timeout: float = Field(default=10.0, gt=0, description="seconds to establish a connection")
    read_timeout: float = Field(default=30.0, gt=0, description="seconds without a byte before giving up")
    total_timeout: float = Field(default=120.0, gt=0, description="seconds a whole response may take")
    attempts: int = Field(default=6, ge=1, description="tries before a request counts as failed")
    backoff: float = Field(
        default=1.0, gt=0, description="seconds before the second try; doubled with each, shortened at random"
    )
    max_wait: float = Field(
        default=300.0,
        gt=0,
        description="longest pause between tries in seconds; a server that asks for more loses the request",
    )
    patience: int = Field(
        default=20,
        ge=1,
        description="failed connections to a host in a row after which the crawl stops, to be resumed later",
    )
    redirects: int = Field(default=5, ge=0, description="redirects followed for one request")
    max_bytes: int = Field(default=50_000_000, gt=0, description="largest response, in bytes, as sent and decoded")


@config
class WikiConfig:
    """Where the wikis are and what is asked of them."""

    api: str = Field(
        default="https://{edition}.wikipedia.org/w/api.php",
        pattern=r"^https?://.*\{edition\}",
        description="address of an edition's action API",
    )
    rest: str = Field(
        default="https://{edition}.wikipedia.org/w/rest.php",
        pattern=r"^https?://.*\{edition\}",
        description="address of an edition's REST API; used with html: parsoid",
    )
    page: str = Field(
        default="https://{edition}.wikipedia.org/wiki/{title}",
        pattern=r"^https?://.*\{title\}",
        description="address of an article, for people to follow",
    )
    html: Literal["legacy", "parsoid"] = Field(default="legacy", description="parser that renders the articles")
    what: Literal["default", "text", "title", "nearmatch"] = Field(
        default="default", description="where the search looks (srwhat); default leaves it to the wiki"
    )
    namespaces: list[int] = Field(default_factory=lambda: [0], description="namespaces that are searched, 0: articles")
    as_of: str = Field(
        default="",
        description="take every article as it was at this time (2025-04-30T00:00:00Z); empty: its newest revision",
    )
    longest_query: int = Field(
        default=300, ge=20, description="characters of a query; a longer one is cut at a word, and noted"
    )
    licence: str = Field(default="CC-BY-SA-4.0", description="licence of the articles, an SPDX identifier")

    @field_validator("api", "rest", "page")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            parts = urlsplit(value.replace("{edition}", "en").replace("{title}", "x"))
            _ = parts.port  # which is checked when it is asked for
        except ValueError as error:
            raise ValueError(f"no address of the web: {error}") from None
        if not parts.hostname or not value.isprintable():
            raise ValueError("no address of the web: it has no host, or characters that cannot be shown")
        return value

    @field_validator("as_of")
    @classmethod
    def _time(cls, value: str) -> str:
        if value and not _AS_OF.fullmatch(value):
            raise ValueError("as_of is a time in UTC such as 2025-04-30T00:00:00Z")
        return value


@config
class WorldCuisinesConfig:
    """Questions about dishes, categories and cuisines of WorldCuisines' tables."""

    dishes: str = Field(
        default="hf://datasets/worldcuisines/food-kb",
        description="table of dishes: CSV, JSONL or Parquet relative to the recipe, or a Hub data set; empty: none",
    )
    locations: str = Field(
        default="hf://datasets/worldcuisines/location-cuisine-kb",
        description="table of locations and cuisines, likewise; empty: none",
    )
    categories: bool = Field(default=True, description="also search for the dishes' categories")
    aliases: bool = Field(default=False, description="also search for a dish's aliases; the paper's code does not")
    profile: Profile = Field(default="code", description="results per query: paper 25, code 10")
    editions: list[str] = Field(
        default_factory=lambda: list(WORLDCUISINES_EDITIONS), min_length=1, description="editions that are searched"
    )
    linked: int = Field(
        default=3, ge=1, description="top English hits whose language links name the dish in other editions"
    )
    limit: int = Field(default=0, ge=0, description="questions of each kind to take, in order; 0: all")

    @property
    def results(self) -> int:
        """Results taken of one search."""
        return 25 if self.profile == "paper" else 10


@config
class CvqaConfig:
    """Questions of CVQA with their answers and the search queries written for them."""

    questions: str = Field(
        default="hf://datasets/afaji/cvqa",
        description="questions: JSONL or Parquet relative to the recipe, or a Hub data set",
    )
    expansions: str = Field(
        default="",
        description="JSON or JSONL of {ID: ID-Language, queries}, several queries for each question and language",
    )
    profile: Profile = Field(default="code", description="results per query: paper 25, code 5")
    use: list[Literal["question", "answer", "expansions"]] = Field(
        default_factory=lambda: ["question", "answer", "expansions"],  # type: ignore[arg-type]
        min_length=1,
        description="what is searched for: the variants of the paper",
    )
    limit: int = Field(default=0, ge=0, description="questions to take, in order; 0: all")

    @property
    def results(self) -> int:
        """Results taken of one search."""
        return 25 if self.profile == "paper" else 5


@config
class QueriesConfig:
    """Queries of your own: a file of {question_id, edition, query}."""

    name: str = Field(pattern=_NAME, description="names the set; it precedes its question ids")
    path: str = Field(
        min_length=1, description="CSV or JSONL with question_id, edition and query, relative to the recipe"
    )
    results: int = Field(default=10, ge=1, le=500, description="results taken of one search")
    titles: bool = Field(default=False, description="the queries are titles of articles: fetch these, search nothing")


@config
class RevisionsConfig:
    """Articles at revisions that are known already: what an earlier crawl pinned, fetched again."""

    path: str = Field(
        min_length=1,
        description="CSV, JSONL or Parquet with edition, pageid, revision, title and timestamp (when the revision was "
        "saved, may be left out), relative to the recipe",
    )
    conditioned: list[str] = Field(
        default_factory=list,
        description="benchmarks whose right answers were searched for when these articles were found",
    )


@config
class ImagesConfig:
    """Images of Wikimedia Commons for the same queries."""

    api: str = Field(
        default="https://commons.wikimedia.org/w/api.php",
        pattern=r"^https?://",
        description="address of the action API",
    )
    search: int = Field(default=50, ge=1, le=500, description="files looked at for a query (gsrlimit)")
    keep: int = Field(default=10, ge=1, description="images kept of them")
    types: list[str] = Field(
        default_factory=lambda: ["image/jpeg", "image/png"], min_length=1, description="media types that are kept"
    )
    download: bool = Field(
        default=False, description="also fetch the images themselves, and find equal ones by content"
    )
    width: int = Field(
        default=960,
        ge=0,
        description="width in pixels they are fetched in, one of those Wikimedia keeps (330, 500, 960, 1280); "
        "0: as uploaded",
    )
    max_bytes: int = Field(default=20_000_000, gt=0, description="largest image that is fetched, in bytes")
    max_total_bytes: int = Field(default=10_000_000_000, gt=0, description="bytes of images fetched in all, at most")


@config
class SiteConfig:
    """A web site: the pages its sitemaps list, or those its links lead to."""

    name: str = Field(pattern=_NAME, description="names the site, and its pages' ids")
    start: list[str] = Field(min_length=1, description="addresses to begin at: pages, or sitemaps where by is sitemap")
    by: Literal["links", "sitemap"] = Field(default="links", description="how pages are found")
    include: list[str] = Field(
        default_factory=list, description="globs of addresses to take; empty: the hosts of the start addresses"
    )
    exclude: list[str] = Field(default_factory=list, description="globs of addresses to leave out")
    depth: int = Field(default=3, ge=0, description="links followed from a start address; 0: these pages alone")
    max_pages: int = Field(default=1000, ge=1, description="pages taken, at most")
    language: str = Field(
        default="attribute", description="language hint: attribute (what the page says of itself), none, or a code"
    )
    licence: str = Field(default="", description="licence of the pages, an SPDX identifier where there is one")

    @field_validator("start")
    @classmethod
    def _addresses(cls, value: list[str]) -> list[str]:
        for address in value:
            if not re.match(r"https?://[^/]", address):
                raise ValueError(f"{address} is not the address of a web page (http:// or https://)")
            if "@" in urlsplit(address).netloc:
                # It would stand in the plan and in the ledger, and the client sends none.
                raise ValueError("an address with a user name or password cannot be fetched")
        return value


@config
class CrawlConfig:
    """What a recipe fetches from the network before anything is read."""

    contact: str = Field(
        default="",
        description="mail or web address at which operators reach you, sent with every request; "
        "else the environment variable M4CORPUS_CONTACT. Nothing is fetched without one",
    )
    allow_private: list[str] = Field(
        default_factory=list,
        description="networks in private address space that may be fetched from all the same (127.0.0.1/32)",
    )
    politeness: PolitenessConfig = Field(default_factory=lambda: PolitenessConfig(), description="limits and patience")
    wiki: WikiConfig = Field(default_factory=lambda: WikiConfig(), description="the wikis")
    worldcuisines: WorldCuisinesConfig | None = Field(default=None, description="questions of WorldCuisines")
    cvqa: CvqaConfig | None = Field(default=None, description="questions of CVQA")
    queries: list[QueriesConfig] = Field(default_factory=list, description="queries of your own")
    revisions: RevisionsConfig | None = Field(
        default=None, description="articles at revisions that are known; nothing else is fetched with them"
    )
    images: ImagesConfig | None = Field(default=None, description="images of Wikimedia Commons for all queries")
    sites: list[SiteConfig] = Field(default_factory=list, description="web sites")

    @field_validator("allow_private")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        import ipaddress

        for network in value:
            ipaddress.ip_network(network)
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        asks = bool(self.worldcuisines or self.cvqa or self.queries or self.sites)
        if not (asks or self.revisions):
            raise ValueError("a crawl needs something to fetch: worldcuisines, cvqa, queries, revisions or sites")
        if self.revisions and (asks or self.images):
            raise ValueError("revisions are fetched alone; put what else there is to fetch into another recipe")
        if self.images and not (self.worldcuisines or self.cvqa or self.queries):
            raise ValueError("images are searched for the queries of worldcuisines, cvqa or queries; there are none")
        parts: list[QueriesConfig | SiteConfig] = [*self.queries, *self.sites]
        names = [part.name for part in parts]
        for taken in sorted({"worldcuisines", "cvqa"} & set(names)):
            raise ValueError(f"'{taken}' is the name of a benchmark's questions; choose another")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several parts are named {', '.join(twice)}; give each its own name")
        return self
