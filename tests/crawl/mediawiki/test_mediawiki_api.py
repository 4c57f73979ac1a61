from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fresh import modules_loaded_by

from m4corpus.crawl.config import WikiConfig
from m4corpus.crawl.mediawiki import Hit, ImageInfo, Pin, Rendered, Wiki, api, pages, render
from m4corpus.crawl.mediawiki.answers import data, judge, text_of
from m4corpus.crawl.messages import Failed, Judge, Request, Response, Retry
from m4corpus.errors import EnvironmentFailure
from m4corpus.ledger import Drop, Fail

API = "https://en.wikipedia.org/w/api.php"
PIN = Pin("en", 7, "Rawon", 70, "2025-04-30T12:00:00Z")


def response(body: Any, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(API, 200, named, raw, "2025-04-30T12:00:00Z")


def error(code: str, info: str = "") -> Response:
    return response({"error": {"code": code, "info": info, "docref": "See ..."}})


def parameters(request: Request) -> dict[str, str]:
    found = parse_qs(urlsplit(request.url).query, keep_blank_values=True, strict_parsing=True)
    return {name: value for name, (value,) in found.items()}


class Scripted:
    """Answers each request by what ``answer`` makes of its parameters: JSON, or an exception to raise."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, str]] = []

    async def get(self, request: Request, judge: Judge | None = None) -> Response:
        asked = parameters(request)
        self.asked.append(asked)
        await asyncio.sleep(0)
        found = self.answer(asked)
        if isinstance(found, BaseException):
            raise found
        return response(found)


# --- addresses


def test_equal_questions_have_equal_addresses() -> None:
    first = api.request("search", API, {"srsearch": "soup & salt/Kärry 拉", "action": "query"})
    second = api.request("search", API, {"action": "query", "srsearch": "soup & salt/Kärry 拉"})
    assert first == second
    assert first.key == second.key
    assert first.url.endswith(
        "action=query&format=json&formatversion=2&srsearch=soup%20%26%20salt%2FK%C3%A4rry%20%E6%8B%89"
    )


def test_order_and_repetition_of_page_ids_do_not_show() -> None:
    assert pages.pages(API, [30, 4, 30, 200]) == pages.pages(API, [200, 30, 4])
    assert parameters(pages.pages(API, [30, 4, 30, 200]))["pageids"] == "4|30|200"


def test_continuation_is_part_of_the_next_request() -> None:
    asked = parameters(api.search(API, "soup", limit=500, go_on={"sroffset": 50, "continue": "-||"}))
    assert asked["sroffset"] == "50"
    assert asked["continue"] == "-||"
    assert asked["srlimit"] == "50"


def test_where_to_search_is_left_to_the_wiki_unless_said() -> None:
    assert "srwhat" not in parameters(api.search(API, "soup", limit=5))
    assert parameters(api.search(API, "soup", limit=5, what="text"))["srwhat"] == "text"
    assert parameters(api.search(API, "soup", limit=5, namespaces=[14, 0]))["srnamespace"] == "0|14"


def test_a_thumbnail_is_asked_for_where_it_has_a_width() -> None:
    assert "iiurlwidth" not in parameters(api.image_search(API, "soup", limit=5))
    assert parameters(api.image_search(API, "soup", limit=5, width=320))["iiurlwidth"] == "320"


@pytest.mark.parametrize("edition", ["evil.example/", "", "EN", "en:8080", "-en", "en\n"])
def test_what_is_no_edition_never_gets_into_a_host_name(edition: str) -> None:
    with pytest.raises(Failed) as failed:
        api.address("https://{edition}.wikipedia.org/w/api.php", edition)
    assert failed.value.slug == "bad-edition"


def test_half_a_surrogate_pair_fails_the_request_and_no_more() -> None:
    with pytest.raises(Failed) as failed:
        api.search(API, "soup \ud83c", limit=5)
    assert failed.value.slug == "lone-surrogates"


# --- answers and excuses


@pytest.mark.parametrize(
    "code",
    ["maxlag", "ratelimited", "readonly", "internal_api_error_DBQueryError", "internalerror", "search-error",
     "cirrussearch-too-busy-error", "cirrussearch-backend-error", "concurrency-limit"],
)  # fmt: skip
def test_passing_errors_are_tried_again(code: str) -> None:
    with pytest.raises(Retry) as retry:
        judge(error(code, "Waiting for 10.64.48.23: 7 seconds lagged."))
    assert retry.value.slug == code.lower()
    assert retry.value.detail == ""  # it names hosts and times


@pytest.mark.parametrize("code", ["nosuchrevid", "permissiondenied", "missingparam", "cirrussearch-query-too-long"])
def test_other_errors_are_final(code: str) -> None:
    with pytest.raises(Failed) as failed:
        judge(error(code, "There is no revision\n with ID 70."))
    assert (failed.value.slug, failed.value.detail) == (f"api-{code}", "There is no revision with ID 70.")
    assert not failed.value.transient


def test_long_and_odd_errors_stay_short_and_plain() -> None:
    with pytest.raises(Failed) as failed:
        judge(error("what ever/Happened", "x" * 5000))
    assert failed.value.slug == "api-what-ever-happened"
    assert len(failed.value.detail) < 250
    with pytest.raises(Failed):
        judge(response({"error": "none of the usual"}))


@pytest.mark.parametrize("body", [b"<html>Our servers are under maintenance", b"", b"[1]", b"[" * 100_000, b"\xff{}"])
def test_what_is_no_json_object_is_tried_again(body: bytes) -> None:
    with pytest.raises(Retry) as retry:
        judge(response(body))
    assert retry.value.slug == "not-json"


def test_half_a_surrogate_pair_in_an_answer_fails_its_request() -> None:
    with pytest.raises(Failed) as failed:
        judge(response(b'{"query": {"search": [{"pageid": 1, "title": "\\ud83d"}]}}'))
    assert (failed.value.slug, failed.value.transient) == ("lone-surrogates", False)
    assert data(response(b'{"query": "\\ud83e\\udd63"}')) == {"query": "\U0001f963"}


def test_warnings_count_as_an_answer() -> None:
    judge(response({"batchcomplete": True, "warnings": {"main": {"warnings": "Unrecognized parameter: x."}}}))


def test_content_coding_is_undone() -> None:
    body = gzip.compress(json.dumps({"batchcomplete": True}).encode())
    assert data(response(body, Content_Encoding="gzip")) == {"batchcomplete": True}
    with pytest.raises(Failed) as failed:
        data(response(body[:-9], Content_Encoding="gzip"))
    assert failed.value.slug == "bad-encoding"


@pytest.mark.parametrize(
    "answer",
    [{"query": []}, {"query": {"search": [1]}}, {"query": {"search": [{"pageid": 1}]}}, {"query": {"search": 5}}],
)
def test_an_answer_of_another_shape_fails_its_request(answer: dict[str, Any]) -> None:
    with pytest.raises(Failed) as failed:
        api.hits(answer)
    assert failed.value.slug == "unexpected-answer"


def test_hits_keep_their_order_and_need_a_page() -> None:
    found = [
        {"ns": 0, "title": "Soup", "pageid": 9},
        {"ns": 0, "title": "Gone", "pageid": 0},
        {"title": "A", "pageid": 2},
    ]
    assert api.hits({"query": {"search": found}}) == [Hit(9, "Soup"), Hit(2, "A")]
    assert api.hits({"batchcomplete": True}) == []


# --- language links


def test_interwiki_prefixes_become_editions() -> None:
    links = [("yue", "飯"), ("nan", "Pn̄g"), ("nb", "Ris"), ("cmn", "米"), ("simple", "Rice"), ("be-x-old", "Рыс")]
    assert api.by_edition(links) == {
        "be-x-old": "Рыс", "no": "Ris", "simple": "Rice", "zh": "米", "zh-min-nan": "Pn̄g", "zh-yue": "飯",
    }  # fmt: skip


def test_an_edition_named_twice_goes_by_its_own_code() -> None:
    assert api.by_edition([("yue", "A"), ("zh-yue", "B")]) == {"zh-yue": "B"}
    assert api.by_edition([("zh-yue", "B"), ("yue", "A")]) == {"zh-yue": "B"}
    assert api.by_edition([("nn", "Ris"), ("en", ""), ("evil.example/", "Rice")]) == {"nn": "Ris"}


# --- pages


def page(title: str, pageid: int = 1, **more: Any) -> dict[str, Any]:
    return {"pageid": pageid, "ns": 0, "title": title, "revisions": [{"revid": 10 * pageid, "timestamp": "T"}], **more}


def test_titles_are_followed_through_spelling_script_and_redirects() -> None:
    answer = {
        "query": {
            "normalized": [{"fromencoded": False, "from": "蝦_餃", "to": "蝦 餃"}],
            "converted": [{"from": "蝦 餃", "to": "虾饺"}],
            "redirects": [{"from": "虾饺", "to": "点心"}, {"from": "点心", "to": "饮茶", "tofragment": "历史"}],
            "pages": [page("饮茶", 3), page("粥", 4)],
        }
    }
    leads = pages.leads(answer, ["蝦_餃", "粥", "点心", "unheard of"])
    assert leads["蝦_餃"] == pages.Lead(pages.Row(3, "饮茶", False, 30, "T"), "虾饺")
    assert leads["点心"].redirected_from == "点心"
    assert leads["粥"] == pages.Lead(pages.Row(4, "粥", False, 40, "T"))
    lost = leads["unheard of"].end
    assert isinstance(lost, Fail)
    assert (lost.slug, lost.detail) == ("unanswered", "unheard of")


def test_titles_that_lead_nowhere_say_why() -> None:
    answer = {
        "query": {
            "interwiki": [{"title": "no:Ris", "iw": "no"}],
            "redirects": [
                {"from": "Abroad", "to": "no:Ris", "tointerwiki": "no"},
                {"from": "Self", "to": "Self"},
                {"from": "There", "to": "Back"},
                {"from": "Back", "to": "There"},
                {"from": "Broken", "to": "Nowhere"},
            ],
            "pages": [
                {"ns": 0, "title": "Nowhere", "missing": True},
                {"ns": -1, "title": "Special:Version", "special": True},
                {"title": "a[b", "invalidreason": "...", "invalid": True},
            ],
        }
    }
    asked = ["no:Ris", "Abroad", "Self", "There", "Broken", "Special:Version", "a[b"]
    leads = pages.leads(answer, asked)
    slugs = {name: lead.end.slug for name, lead in leads.items() if isinstance(lead.end, Drop)}
    assert slugs == {
        "no:Ris": "interwiki", "Abroad": "interwiki", "Self": "redirect-loop", "There": "redirect-loop",
        "Broken": "missing-page", "Special:Version": "special-page", "a[b": "invalid-title",
    }  # fmt: skip


def test_titles_are_composed_and_lose_their_fragment() -> None:
    assert pages.askable("e\u0301cole#histoire ") == "école"
    for title in ("a|b", "", " ", "#only", "a\x1fb", "a\nb", "a\ud800"):
        with pytest.raises(Drop) as drop:
            pages.askable(title)
        assert drop.value.slug == "invalid-title"


def test_batches_are_ascending_and_bounded() -> None:
    found = pages.batches([*range(120, 0, -1), 5, 5])
    assert [len(batch) for batch in found] == [50, 50, 20]
    assert [number for batch in found for number in batch] == list(range(1, 121))


def test_batches_of_long_titles_make_addresses_servers_take() -> None:
    titles = [f"{number:03d}{'食' * 80}" for number in range(60)]
    found = pages.title_batches([*titles[::-1], titles[0]])
    assert [title for batch in found for title in batch] == titles
    assert max(len(pages.titles(API, batch).url) for batch in found) < 6000
    assert [len(batch) for batch in pages.title_batches([str(number) for number in range(60)])] == [50, 10]
    assert pages.title_batches(["食" * 2000]) == [["食" * 2000]]


# --- HTML and files


def test_a_rendering_must_be_of_the_pinned_revision() -> None:
    found = {
        "title": "Rawon",
        "pageid": 7,
        "revid": 70,
        "text": "<p>Soup</p>",
        "displaytitle": "<i>Rawon</i> &amp; rice",
    }
    found["categories"] = [{"sortkey": "", "category": "Beef_dishes"}]
    assert render.parsed({"parse": found}, PIN) == Rendered("<p>Soup</p>", "Rawon & rice", ("Beef dishes",))
    for change in ({"revid": 71}, {"pageid": 8}):
        with pytest.raises(Failed) as failed:
            render.parsed({"parse": found | change}, PIN)
        assert failed.value.slug == "wrong-revision"


def test_parsoid_names_title_and_categories() -> None:
    html = (
        '<html about="https://id.wikipedia.org/wiki/Special:Redirect/revision/70"><head><title>Rawon\n x</title></head>'
        '<body><link rel="mw:PageProp/Category" href="./Kategori:Masakan_%22sapi%22#b"/><p>Sup</p></body></html>'
    )
    found = render.parsoid(html, PIN)
    assert (found.title, found.categories, found.html) == ("Rawon x", ('Masakan "sapi"',), html)
    for other in (html.replace("/70", "/71"), "<p>Soup</p>"):
        with pytest.raises(Failed) as failed:
            render.parsoid(other, PIN)
        assert failed.value.slug == "wrong-revision"
    with pytest.raises(Failed) as failed:
        render.parsoid("", PIN)
    assert failed.value.slug == "empty-text"


def test_a_file_is_described_in_text() -> None:
    metadata = {
        "Artist": {"value": '<a href="//c.org/User:Ann" title="x">Ann &amp; Bo</a>\n<br>(c)', "source": "desc"},
        "UsageTerms": {"value": "Creative Commons"},
        "LicenseUrl": {"value": "https://creativecommons.org/licenses/by/4.0"},
    }
    info = {"url": "https://u.org/a.jpg", "mime": "image/jpeg", "width": 4, "height": 3, "size": 99, "sha1": "ab" * 20}
    page = {"pageid": 5, "title": "File:A.jpg", "index": 2, "imageinfo": [info | {"extmetadata": metadata}]}
    bare = {"pageid": 6, "title": "File:B.jpg", "index": 1, "imageinfo": [info | {"extmetadata": []}]}
    missing = {"pageid": 8, "title": "File:C.jpg", "index": 3, "imageinfo": [{"filemissing": True}]}
    found = api.images({"query": {"pages": [page, bare, missing, {"title": "File:D.jpg", "index": 4}]}})
    assert sorted(found) == [1, 2]
    assert (found[2].author, found[2].licence) == ("Ann & Bo (c)", "Creative Commons")
    assert found[2].licence_url.endswith("by/4.0")
    assert (found[1].author, found[1].licence) == ("", "")
    assert ImageInfo.from_dict(json.loads(json.dumps(found[2].as_dict()))) == found[2]
    assert Pin.from_dict(json.loads(json.dumps(PIN.as_dict()))) == PIN


def test_markup_becomes_text() -> None:
    assert text_of("  a\n b ") == "a b"
    assert text_of("<b></b>") == ""
    assert text_of("1 &lt; 2<!-- x -->") == "1 < 2"
    assert text_of("<!doctype html>") == ""
    assert text_of("<html><b>Ada</b> L.") == "Ada L."
    assert text_of("</div>Ada <p>L.") == "Ada L."


# --- the wiki over a scripted fetcher, for what a real one does not do on demand


def test_files_described_in_several_answers_come_out_in_the_order_of_the_search() -> None:
    info = {"url": "https://u.org/a", "mime": "image/png"}

    def answer(asked: dict[str, str]) -> dict[str, Any]:
        first, described = ("iistart" not in asked), ("1" if "iistart" not in asked else "2")
        found = [
            {"pageid": n, "title": f"File:{n}", "index": 4 - n, **({"imageinfo": [info]} if (n == 1) is first else {})}
            for n in (1, 2, 3)
        ]
        more = {"continue": {"iistart": described, "continue": "||"}} if first else {"batchcomplete": True}
        return {"query": {"pages": found}, **more}

    fetcher = Scripted(answer)
    found = asyncio.run(Wiki(fetcher, WikiConfig()).image_search(API, "soup", 2))
    assert [image.title for image in found] == ["File:3", "File:2"]
    assert len(fetcher.asked) == 2


def test_a_wiki_that_never_ends_is_left() -> None:
    numbers = iter(range(10**6))
    fetcher = Scripted(lambda asked: {"continue": {"sroffset": next(numbers), "continue": "-||"}})
    with pytest.raises(Failed) as failed:
        asyncio.run(Wiki(fetcher, WikiConfig()).search("en", "soup", 10))
    assert failed.value.slug == "endless"


def test_a_failed_batch_is_the_verdict_on_each_of_its_pages_alone() -> None:
    def answer(asked: dict[str, str]) -> Any:
        if "titles" in asked:
            return Failed("http-status", "status=400")
        numbers = [int(number) for number in asked["pageids"].split("|")]
        if 1 in numbers:
            return Failed("timeout", "", transient=True)
        return {"query": {"pages": [page(str(n), n, redirect=n == 60) for n in numbers if n != 61]}}

    found = asyncio.run(Wiki(Scripted(answer), WikiConfig()).pin("en", range(1, 71)))
    assert list(found) == list(range(1, 71))
    slugs = {number: verdict.slug for number, verdict in found.items() if isinstance(verdict, Failed)}
    assert slugs == dict.fromkeys(range(1, 51), "timeout") | {60: "http-status"}
    lost = found[61]
    assert isinstance(lost, Fail)
    assert lost.slug == "unanswered"
    assert found[70] == Pin("en", 70, "70", 700, "T")


def test_an_excuse_left_in_the_archive_counts_as_a_passing_failure() -> None:
    fetcher = Scripted(lambda asked: {"error": {"code": "maxlag", "info": "Waiting"}})
    with pytest.raises(Failed) as failed:
        asyncio.run(Wiki(fetcher, WikiConfig()).search("en", "soup", 10))
    assert (failed.value.slug, failed.value.transient) == ("maxlag", True)


def test_a_lost_network_goes_before_failed_requests() -> None:
    def answer(asked: dict[str, str]) -> Exception:
        return Failed("timeout") if asked["pageids"].startswith("1|") else EnvironmentFailure("down", hint="later")

    wiki = Wiki(Scripted(answer), WikiConfig())
    with pytest.raises(EnvironmentFailure):
        asyncio.run(wiki.langlinks("en", range(1, 101)))
    with pytest.raises(EnvironmentFailure):
        asyncio.run(wiki.pin("en", range(1, 101)))


def test_importing_the_package_brings_no_crawler() -> None:
    assert modules_loaded_by("import m4corpus") & {"httpx", "lxml", "m4corpus.crawl"} == set()
