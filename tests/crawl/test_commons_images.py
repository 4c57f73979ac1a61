"""Images for queries: from a real MediaWiki, and from answers it would give only under conditions one cannot order."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from plain_fetcher import PlainFetcher, fetching
from wikis import Wikis

from m4corpus.crawl.config import ImagesConfig, WikiConfig
from m4corpus.crawl.images import find_images
from m4corpus.crawl.mediawiki import Wiki
from m4corpus.crawl.messages import Failed, Judge, Request, Response
from m4corpus.crawl.questions.records import Answer, Query
from m4corpus.errors import EnvironmentFailure
from m4corpus.sources.m4rag import article_id

Found = tuple[list[dict[str, Any]], dict[str, tuple[str, str]]]


def md5(url: str) -> str:
    return hashlib.md5(url.encode()).hexdigest()


def answer(id: str, *asked: tuple[str, str, tuple[int, ...]]) -> Answer:
    queries = tuple(Query(edition, text, "name") for edition, text, _ in asked)
    return Answer(id, "worldcuisines", queries, tuple(found for _, _, found in asked))


async def found(wiki: Wiki, config: ImagesConfig, answers: list[Answer], **options: Any) -> Found:
    with await find_images(wiki, config, answers, **options) as result:
        return list(result.records), {verdict.id: (verdict.outcome, verdict.slug) for verdict in result.verdicts}


DISHES = [
    answer("food-1", ("en", "Rawon", (1, 2)), ("id", "Rawon", (7,)), ("ja", "おかゆ", (9,))),
    answer("food-2", ("en", "Ful medames", (3,))),
    answer("food-3", ("fr", "Rawon", ())),
]


def from_wikis(wikis: Wikis, answers: list[Answer] = DISHES, **options: Any) -> tuple[Found, PlainFetcher]:
    fetchers = []

    async def work(fetcher: PlainFetcher) -> Found:
        fetchers.append(fetcher)
        return await found(Wiki(fetcher, wikis.wiki_config()), ImagesConfig(api=wikis.commons, **options), answers)

    return fetching(wikis.politeness(), work), fetchers[0]


def test_images_of_a_real_wiki_are_linked_and_licensed(wikis: Wikis) -> None:
    (records, verdicts), fetcher = from_wikis(wikis)
    assert len(fetcher.asked) == 3, "one search for each text, whatever editions ask for it"
    assert [record["image_id"] for record in records] == sorted(md5(record["image_info"]["url"]) for record in records)
    by_title = {record["image_info"]["title"]: record for record in records}
    assert sorted(by_title) == [
        "File:Ful medames in a bowl.jpg",
        "File:Ful medames on a table.png",
        "File:Rawon in a bowl.jpg",
        "File:Rawon on a table.png",
        "File:Rawon, the same again.jpg",
    ]
    table = by_title["File:Rawon on a table.png"]
    assert table["questions"] == ["food-1", "food-3"]
    assert table["articles"] == sorted([article_id("1", "en"), article_id("2", "en"), article_id("7", "id")])
    assert table["queries"] == [["Rawon", 2]]
    info = table["image_info"]
    assert (info["mime"], info["width"], info["height"], info["size"]) == ("image/png", 100, 60, 237)
    assert (info["licence"], info["author"], len(info["sha1"])) == ("Public domain", "Cook 20", 40)
    assert info["descriptionurl"].endswith("/File:Rawon_on_a_table.png")
    same = [by_title["File:Rawon in a bowl.jpg"], by_title["File:Rawon, the same again.jpg"]]
    first, second = sorted(same, key=lambda record: str(record["image_id"]))
    assert "same_as" not in first
    assert second["same_as"] == first["image_id"]
    assert verdicts[f"image:{second['image_id']}"] == ("dropped", "duplicate-content")
    assert verdicts[f"image:{first['image_id']}"] == ("kept", "")
    assert verdicts["search:Rawon"] == ("kept", "")
    assert verdicts["search:おかゆ"] == ("dropped", "no-images")
    assert len(verdicts) == 3 + 5


def test_real_images_are_fetched_once_each_and_known_by_content(wikis: Wikis) -> None:
    (records, verdicts), fetcher = from_wikis(wikis, download=True, width=0)
    fetched = [request.url for request in fetcher.asked if request.kind == "image"]
    assert len(fetched) == len(set(fetched)) == 4, "an equal file is not fetched"
    bodies = {response.url: response.body for response in fetcher.responses}
    for record in records:
        if "same_as" in record:
            assert "content_sha256" not in record
            continue
        body = bodies[record["content_url"]]
        assert record["content_sha256"] == hashlib.sha256(body).hexdigest()
        assert hashlib.sha1(body).hexdigest() == record["image_info"]["sha1"]
        assert (record["content_bytes"], record["content_type"]) == (len(body), record["image_info"]["mime"])
        assert verdicts[f"download:{record['image_id']}"] == ("kept", "")


def test_the_first_of_the_allowed_types_are_kept_in_the_order_of_the_search(wikis: Wikis) -> None:
    (records, _), _ = from_wikis(wikis, keep=1)
    assert {record["image_info"]["title"] for record in records} == {
        "File:Rawon, the same again.jpg",
        "File:Ful medames in a bowl.jpg",
    }
    (records, _), _ = from_wikis(wikis, types=["image/gif"])
    assert [record["queries"][0][1] for record in records] == [0, 0], "places count what is kept"


def test_a_wiki_that_fails_is_noted_and_ends_nothing(wikis: Wikis) -> None:
    with wikis.refusing(100):
        (records, verdicts), _ = from_wikis(wikis)
    assert records == []
    assert {outcome for outcome, _ in verdicts.values()} == {"failed"}
    assert len(verdicts) == 3


class Commons:
    """Answers searches with files by text, and addresses with contents; may take its time, or be down."""

    def __init__(self, files: dict[str, list[dict[str, Any]]], contents: dict[str, Any] | None = None) -> None:
        self.files, self.contents = files, contents or {}
        self.fetched: list[str] = []
        self.late: set[str] = set()

    def get(self, request: Request, judge: Judge | None = None) -> Awaitable[Response]:
        return self._get(request)

    async def _get(self, request: Request) -> Response:
        if request.kind == "image":
            self.fetched.append(request.url)
            content = self.contents[request.url]
            if isinstance(content, BaseException):
                raise content
            return response(content) if isinstance(content, bytes) else content
        text = parse_qs(urlsplit(request.url).query)["gsrsearch"][0]
        for _ in range(5 if text in self.late else 0):
            await asyncio.sleep(0)
        pages = [
            {"index": place + 1, "pageid": place + 1, "title": f"File:{file['url']}", "imageinfo": [file]}
            for place, file in enumerate(self.files[text])
        ]
        return response(json.dumps({"batchcomplete": True, "query": {"pages": pages}}).encode(), "application/json")


def response(body: bytes, media_type: str = "image/jpeg", **headers: str) -> Response:
    given = (("Content-Type", media_type), *((name.replace("_", "-"), value) for name, value in headers.items()))
    return Response("https://x.org/", 200, given, body, "2025-04-30T12:00:00Z")


def file(name: str, **changes: Any) -> dict[str, Any]:
    info = {"url": f"https://x.org/{name}", "mime": "image/jpeg", "width": 9, "height": 9, "size": 4, "sha1": name}
    return {**info, "thumburl": f"https://x.org/thumb/{name}", **changes}


def from_commons(commons: Commons, answers: list[Answer], **options: Any) -> Found:
    config = ImagesConfig(api="https://x.org/api.php", **options)
    return asyncio.run(found(Wiki(commons, WikiConfig()), config, answers))


def ids(names: str) -> list[str]:
    """Ids of the images with these names, sorted: the order they are fetched in."""
    return sorted(md5(f"https://x.org/{name}") for name in names)


def name_of(id: str) -> str:
    return next(name for name in "abcdefgh" if md5(f"https://x.org/{name}") == id)


def test_what_arrives_first_does_not_matter() -> None:
    texts = ["Rawon", "Ful", "Kite"]
    answers = [answer(f"food-{number}", ("en", text, (number,))) for number, text in enumerate(texts)]
    results = []
    for late in (set(), {"Rawon"}, {"Ful", "Kite"}):
        commons = Commons({"Rawon": [file("a", size=1)], "Ful": [file("a", size=2)], "Kite": [file("b"), file("a")]})
        commons.late = late
        results.append(from_commons(commons, answers if not late else answers[::-1]))
    assert results[0] == results[1] == results[2]
    (merged,) = [record for record in results[0][0] if record["image_id"] == md5("https://x.org/a")]
    assert merged["questions"] == ["food-0", "food-1", "food-2"]
    assert merged["queries"] == [["Ful", 0], ["Kite", 1], ["Rawon", 0]]


def test_articles_are_the_ones_that_hits_lead_to() -> None:
    answers = [answer("food-1", ("en", "Rawon", (1, 2, 3)))]
    leads = {("en", 1): "first", ("en", 2): "first", ("en", 3): ""}
    wiki = Wiki(Commons({"Rawon": [file("a")]}), WikiConfig())
    config = ImagesConfig(api="https://x.org/api.php")
    records, _ = asyncio.run(found(wiki, config, answers, article_of=lambda edition, page: leads[edition, page]))
    assert records[0]["articles"] == ["first"]


ONE = [answer("food-1", ("en", "Rawon", ()))]


def test_equal_contents_under_other_addresses_are_named() -> None:
    commons = Commons({"Rawon": [file(name) for name in "abcd"]})
    commons.contents = {f"https://x.org/thumb/{name}": b"same" if name != "c" else b"other" for name in "abcd"}
    records, verdicts = from_commons(commons, ONE, download=True)
    kept = ids("abd")[0]
    assert {record["image_id"]: record.get("same_as") for record in records} == {
        id: kept if id not in (kept, md5("https://x.org/c")) else None for id in ids("abcd")
    }
    assert [verdicts[f"image:{id}"] for id in ids("abd")[1:]] == [("dropped", "duplicate-content")] * 2


def test_an_image_named_by_one_that_goes_names_the_one_that_stays() -> None:
    first, second, third = ids("abc")
    twins = {"sha1": "twins"}
    files = [file(name_of(first)), file(name_of(second), **twins), file(name_of(third), **twins)]
    commons = Commons({"Rawon": files}, {f"https://x.org/thumb/{name}": b"same" for name in "abc"})
    records, _ = from_commons(commons, ONE, download=True)
    assert [record.get("same_as") for record in records] == [None, first, first]


def test_files_without_a_hash_are_not_equal() -> None:
    records, _ = from_commons(Commons({"Rawon": [file("a", sha1=""), file("b", sha1="")]}), ONE)
    assert ["same_as" in record for record in records] == [False, False]


def test_the_same_images_fit_the_total_whatever_the_search_found_first() -> None:
    contents = {f"https://x.org/thumb/{name}": name.encode() * 4 for name in "abcdefgh"}
    for names in ("abcdefgh", "hgfedcba"):
        commons = Commons({"Rawon": [file(name) for name in names]}, contents)
        records, verdicts = from_commons(commons, ONE, download=True, max_bytes=5, max_total_bytes=14)
        assert [record["image_id"] for record in records if "content_sha256" in record] == ids("abcdefgh")[:3]
        assert len(commons.fetched) == 4, "no more than one image in vain"
        late = {verdicts[f"download:{id}"] for id in ids("abcdefgh")[3:]}
        assert late == {("dropped", "total-bytes-reached")}
        assert len(records) == 8


def test_downloads_that_fail_leave_the_record() -> None:
    names = dict(zip("abcdef", ids("abcdef"), strict=True))
    contents: dict[str, Any] = {
        "a": Failed("http-404", "gone"),
        "b": response(b"<html>", "text/html"),
        "c": b"larger than it may be",
        "d": response(gzip.compress(b"good"), Content_Encoding="gzip"),
        "e": response(b"", "image/png"),
        "f": response(gzip.compress(b"0" * 1000), Content_Encoding="gzip"),
    }
    commons = Commons({"Rawon": [file(name) for name in "abcdef"]})
    commons.contents = {f"https://x.org/thumb/{md5_name}": contents[md5_name] for md5_name in contents}
    records, verdicts = from_commons(commons, ONE, download=True, max_bytes=10)
    assert len(records) == 6
    reasons = {name: verdicts[f"download:{md5(f'https://x.org/{name}')}"] for name in names}
    assert reasons == {
        "a": ("failed", "http-404"),
        "b": ("failed", "not-an-image"),
        "c": ("failed", "too-large"),
        "d": ("kept", ""),
        "e": ("failed", "not-an-image"),
        "f": ("failed", "too-large"),
    }
    (kept,) = [record for record in records if "content_sha256" in record]
    assert kept["content_sha256"] == hashlib.sha256(b"good").hexdigest()


def test_a_file_known_to_be_too_large_is_not_asked_for() -> None:
    commons = Commons({"Rawon": [file("a", size=100)]})
    records, verdicts = from_commons(commons, ONE, download=True, width=0, max_bytes=10)
    assert commons.fetched == []
    assert verdicts[f"download:{records[0]['image_id']}"] == ("dropped", "too-large")


def test_a_lost_network_ends_the_search() -> None:
    commons = Commons({"Rawon": [file("a")]}, {"https://x.org/thumb/a": EnvironmentFailure("no network")})
    with pytest.raises(EnvironmentFailure):
        from_commons(commons, ONE, download=True)
