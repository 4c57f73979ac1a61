"""The crawl of whole sites on loopback, with the real client, archive and robots.txt."""

from __future__ import annotations

import re
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import site_work
from site_work import crawl, kept, replay, slugs
from webserver import Answer, Served, WebServer, page, redirect, text, xml

from m4corpus.crawl.sites import SiteResult, page_of, site
from m4corpus.ledger import Fail


def listed(*paths: str) -> str:
    return "<urlset>" + "".join(f"<url><loc>{{root}}{path}</loc></url>" for path in paths) + "</urlset>"


def index(*paths: str) -> str:
    return "<sitemapindex>" + "".join(f"<sitemap><loc>{p}</loc></sitemap>" for p in paths) + "</sitemapindex>"


def calendar(path: str) -> str | None:
    """A page for every month there ever will be, each linking to the next."""
    if found := re.fullmatch(r"/calendar/(\d+)", path):
        return page(f"/calendar/{int(found[1]) + 1}")
    return None


SITE: dict[str, Served] = {
    "/robots.txt": text("User-agent: *\nDisallow: /private\nAllow: /\n"),
    "/": page("a", "/b?utm_source=home", "b#part", "/b", "/calendar/1", "/private/x", "/gone", "http://elsewhere.invalid/",
              "mailto:us@example.org", "/photo.jpg", "/feed", "http://[bad", "/old", "/older", "/loop", "/hidden"),
    "/a": page("/c", "/", head='<base href="/deep/">'),
    "/b": page("deep/d", head='<link rel="canonical" href="/b-proper">'),
    "/b?utm_source=home": page("/trap"),
    "/c": page(text="Kites in the south."),
    "/deep/d": page("../e", "/nofollowed").replace('<a href="/nofollowed"', '<a rel=nofollow href="/nofollowed"'),
    "/e": page("/beyond"),
    "/feed": Answer(b"<rss/>", type="application/rss+xml"),
    "/old": redirect("/c"),
    "/older": redirect("{root}/old"),
    "/loop": redirect("/loop?"),
    "/hidden": page("/from-hidden", head='<meta name="robots" content="noindex">'),
    "/from-hidden": Answer(page("/not-this-way").encode(), headers=(("X-Robots-Tag", "nofollow"),)),
}  # fmt: skip


def test_every_address_of_a_site_has_one_verdict_and_is_asked_for_once(tmp_path: Path) -> None:
    with WebServer(SITE, calendar) as server:
        result = crawl(tmp_path, server.root, depth=3, exclude=["*/calendar/2"])
        said = slugs(result, server.root)
    assert kept(result, server.root) == ["/", "/a", "/b", "/c", "/calendar/1", "/deep/d", "/e", "/from-hidden"]
    assert said == {
        "/": "kept",
        "/a": "kept",
        "/b": "kept",
        "/beyond": "too-deep",
        "/c": "duplicate-redirect",
        "/calendar/1": "kept",
        "/calendar/2": "excluded",
        "/deep/d": "kept",
        "/e": "kept",
        "/feed": "not-html",
        "/from-hidden": "kept",
        "/gone": "http-status",
        "/hidden": "noindex",
        "/loop": "redirect-loop",
        "/nofollowed": "nofollow",
        "/not-this-way": "nofollow",
        "/old": "kept",
        "/older": "duplicate-redirect",
        "/photo.jpg": "not-html",
        "/private/x": "robots-denied",
        "http://[bad": "bad-address",
        "http://elsewhere.invalid/": "out-of-scope",
    }
    assert len(result.verdicts) == len(said)
    for path in ("/private/x", "/b?utm_source=home", "/photo.jpg", "/beyond", "/nofollowed", "/calendar/2"):
        assert server.hits[path] == 0, path
    assert server.hits["/robots.txt"] == server.hits["/b"] == server.hits["/"] == 1
    depths = {p.final_url.removeprefix(server.root): p.depth for p in result.pages}
    assert (depths["/"], depths["/a"], depths["/deep/d"], depths["/e"]) == (0, 1, 2, 3)


def test_links_resolve_against_the_base_and_where_a_redirect_led(tmp_path: Path) -> None:
    pages: dict[str, Served] = {
        "/": page("x", head='<base href="/sub/">'),
        "/sub/x": redirect("/other/place"),
        "/other/place": page("next"),
        "/other/next": page(),
    }
    with WebServer(pages) as server:
        result = crawl(tmp_path, server.root)
    assert kept(result, server.root) == ["/", "/other/next", "/other/place"]
    assert [p.url for p in result.pages if p.final_url.endswith("place")] == [server.url("/sub/x")]


def test_a_replay_takes_the_same_way_and_a_second_run_asks_for_nothing(tmp_path: Path) -> None:
    with WebServer(SITE, calendar) as server:
        first = crawl(tmp_path, server.root)
        hits = dict(server.hits)
        assert crawl(tmp_path, server.root) == first
        assert dict(server.hits) == hits
    assert replay(tmp_path, server.root) == first


def test_who_answers_first_decides_nothing(tmp_path: Path) -> None:
    order = threading.Semaphore(0)

    def late(path: str) -> str:
        order.acquire(timeout=5)
        return page("/z")

    def soon(path: str) -> Answer:
        order.release()
        return redirect("/z")

    pages: dict[str, Served] = {"/": page("/late", "/soon"), "/z": page()}
    with WebServer({**pages, "/late": late, "/soon": soon}) as server:
        late_first = crawl(tmp_path / "1", server.root)
    with WebServer({**pages, "/late": page("/z"), "/soon": redirect("/z")}) as other:
        plain = crawl(tmp_path / "2", other.root)
    assert slugs(late_first, server.root) == slugs(plain, other.root)
    assert kept(plain, other.root) == ["/", "/late", "/z"]


def test_an_endless_calendar_ends_at_the_depth(tmp_path: Path) -> None:
    with WebServer({}, calendar) as server:
        result = crawl(tmp_path, server.root, ("/calendar/1",), depth=5)
        assert kept(result, server.root) == [f"/calendar/{n}" for n in range(1, 7)]
        assert slugs(result, server.root)["/calendar/7"] == "too-deep"


def test_max_pages_takes_the_first_addresses_of_a_level(tmp_path: Path) -> None:
    pages: dict[str, Served] = {"/": page("/gone", *(f"/{n:02d}" for n in range(20, 0, -1)))}
    pages.update({f"/{n:02d}": page("/below") for n in range(1, 21)})
    with WebServer(pages) as server:
        result = crawl(tmp_path, server.root, max_pages=5)
        said = slugs(result, server.root)
    assert kept(result, server.root) == ["/", "/01", "/02", "/03", "/04"]
    assert said["/05"] == said["/gone"] == said["/below"] == "page-limit"
    assert server.hits["/05"] == 0


def test_addresses_that_are_no_pages_do_not_fill_the_limit_but_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "_WINDOW", 4)
    dead = [f"/dead/{n:02d}" for n in range(30)]
    with WebServer({"/": page(*dead[:5], "/live"), "/live": page()}) as server:
        assert kept(crawl(tmp_path / "1", server.root, max_pages=2), server.root) == ["/", "/live"]
    with WebServer({"/": page(*dead, "/live"), "/live": page()}) as server:
        result = crawl(tmp_path / "2", server.root, max_pages=2)
        assert kept(result, server.root) == ["/"]
        assert slugs(result, server.root)["/live"] == "page-limit"
        assert sum(server.hits.values()) <= 2 * site.ASKED_PER_PAGE + 4 + 2


def test_depth_zero_takes_the_start_addresses_alone(tmp_path: Path) -> None:
    with WebServer(SITE) as server:
        result = crawl(tmp_path, server.root, ("/a", "/c"), depth=0)
        assert kept(result, server.root) == ["/a", "/c"]
        assert slugs(result, server.root)["/"] == "too-deep"


def test_a_start_address_out_of_scope_is_followed_but_not_taken(tmp_path: Path) -> None:
    pages: dict[str, Served] = {"/": page("/wiki/a", "/about"), "/wiki/a": page("/about", "/wiki/b"), "/wiki/b": page()}
    with WebServer(pages) as server:
        result = crawl(tmp_path, server.root, include=["*/wiki/*"])
        assert kept(result, server.root) == ["/wiki/a", "/wiki/b"]
        assert slugs(result, server.root) == {
            "/": "out-of-scope",
            "/about": "out-of-scope",
            "/wiki/a": "kept",
            "/wiki/b": "kept",
        }


def test_a_redirect_off_the_site_is_not_taken(tmp_path: Path) -> None:
    with WebServer({"/": page("/secret")}) as elsewhere:
        pages: dict[str, Served] = {"/": page("/away", "/b"), "/away": redirect(elsewhere.url("/")), "/b": page()}
        with WebServer(pages) as server:
            result = crawl(tmp_path, server.root)
            assert kept(result, server.root) == ["/", "/b"]
            away = next(v for v in result.verdicts if v.url.endswith("/away"))
            assert (away.outcome, away.slug) == ("dropped", "out-of-scope")
            assert elsewhere.url("/") in away.detail
            assert elsewhere.hits["/secret"] == 0


def test_a_broken_page_fails_but_its_links_lead_on(tmp_path: Path) -> None:
    broken = Answer(b"<meta charset=utf-8><p>caf\xe9 <a href='/b'>b</a>")
    zipped = Answer(b"no gzip at all", headers=(("Content-Encoding", "deflate"),))
    with WebServer({"/": broken, "/b": page("/c", "/empty"), "/c": zipped, "/empty": Answer(b" \n")}) as server:
        result = crawl(tmp_path, server.root)
        assert kept(result, server.root) == ["/b"]
        said = slugs(result, server.root)
    assert said == {"/": "invalid-utf8", "/b": "kept", "/c": "bad-encoding", "/empty": "empty-text"}


def sitemap_crawl(folder: Path, server: WebServer, *paths: str, **options: object) -> SiteResult:
    return crawl(folder, server.root, paths or ("/",), by="sitemap", **options)


def test_sitemaps_that_robots_txt_names(tmp_path: Path) -> None:
    site: dict[str, Served] = {
        # The sitemaps lie where no page may be taken from; they are named here all the same.
        "/robots.txt": text("User-agent: *\nDisallow: /maps/\nDisallow: /no\nSitemap: {root}/maps/all.xml\n"),
        "/maps/all.xml": xml(index("{root}/maps/1.xml.gz", "2.txt", "{root}/maps/gone.xml", "{root}/maps/all.xml")),
        "/maps/2.txt": text("{root}/c\nhttp://elsewhere.invalid/d\n"),
        "/a": page("/unlisted"),
        "/c": Answer(page(head='<meta name=robots content="noindex">').encode()),
    }
    with WebServer(site) as server:
        server.site["/maps/1.xml.gz"] = xml(
            listed("/b", "/a?utm_source=map", "/no", "/a").replace("{root}", server.root), zipped=True
        )
        result = sitemap_crawl(tmp_path, server)
        said = slugs(result, server.root)
        assert replay(tmp_path, server.root, by="sitemap") == result
    assert kept(result, server.root) == ["/a"]
    assert said == {
        "/": "not-listed",
        "/a": "kept",
        "/b": "http-status",
        "/c": "noindex",
        "/maps/1.xml.gz": "sitemap",
        "/maps/2.txt": "sitemap",
        "/maps/all.xml": "sitemap",
        "/maps/gone.xml": "http-status",
        "/no": "robots-denied",
        "http://elsewhere.invalid/d": "out-of-scope",
    }
    assert server.hits["/unlisted"] == 0
    assert server.hits["/robots.txt"] == server.hits["/maps/all.xml"] == 1


def test_a_site_cannot_invite_to_the_files_of_another(tmp_path: Path) -> None:
    other: dict[str, Served] = {"/robots.txt": text("User-agent: *\nDisallow: /\n"), "/s.xml": xml(listed("/x"))}
    with WebServer(other) as elsewhere, WebServer({"/a": page()}) as server:
        server.site["/robots.txt"] = text(f"Sitemap: {elsewhere.root}/s.xml\nSitemap: /own.xml\nSitemap: /far\n")
        server.site["/own.xml"] = xml(listed("/a"))
        server.site["/far"] = redirect("/" + "x" * 3000)
        server.site["/" + "x" * 3000] = xml(listed("/b"))
        result = sitemap_crawl(tmp_path, server)
        said = slugs(result, server.root)
        assert elsewhere.hits["/s.xml"] == 0
        assert said[f"{elsewhere.root}/s.xml"] == "robots-denied"
    assert kept(result, server.root) == ["/a"]
    assert said["/far"] == "bad-address", "what no page may be called, no sitemap is"


def test_a_sitemap_as_start_address(tmp_path: Path) -> None:
    site: dict[str, Served] = {
        "/robots.txt": text("User-agent: *\nDisallow: /forbidden\nSitemap: /other.xml"),
        "/list": xml(listed("/a", "/")),
        "/forbidden.xml": xml(listed("/b")),
        "/a": page(),
        "/": page(),
    }
    with WebServer(site) as server:
        result = sitemap_crawl(tmp_path, server, "/list", "/forbidden.xml")
        assert kept(result, server.root) == ["/", "/a"]
        assert slugs(result, server.root)["/forbidden.xml"] == "robots-denied"
        assert server.hits["/other.xml"] == server.hits["/forbidden.xml"] == 0


def test_a_page_as_start_address_finds_the_sitemaps_of_its_site(tmp_path: Path) -> None:
    site: dict[str, Served] = {"/news/": page("/b"), "/sitemap.xml": xml(listed("/news/", "/a")), "/a": page()}
    with WebServer(site) as server:
        result = sitemap_crawl(tmp_path, server, "/news/")
        assert kept(result, server.root) == ["/a", "/news/"]
        assert slugs(result, server.root) == {"/a": "kept", "/news/": "kept", "/sitemap.xml": "sitemap"}


def test_a_site_without_sitemaps_says_so(tmp_path: Path) -> None:
    with WebServer({"/": page("/a"), "/a": page()}) as server:
        result = sitemap_crawl(tmp_path, server)
        assert result.pages == []
        assert slugs(result, server.root) == {"/": "not-listed", "/sitemap.xml": "http-status"}


def test_sitemaps_are_read_until_they_list_enough(tmp_path: Path) -> None:
    maps = [f"/m/{n:02d}.xml" for n in range(20)]
    site: dict[str, Served] = {"/sitemap.xml": xml(index(*maps))}
    for number, path in enumerate(maps):
        site[path] = xml(listed(f"/p/{number:02d}"))
        site[f"/p/{number:02d}"] = page()
    with WebServer(site) as server:
        result = sitemap_crawl(tmp_path, server, max_pages=2)
        said = slugs(result, server.root)
    assert kept(result, server.root) == ["/p/00", "/p/01"]
    assert said["/p/02"] == said["/m/19.xml"] == "page-limit"
    assert server.hits["/m/19.xml"] == server.hits["/p/02"] == 0


def test_indexes_that_go_ever_deeper_end(tmp_path: Path) -> None:
    def deeper(path: str) -> Answer | None:
        found = re.fullmatch(r"/m/(\d+)\.xml", path)
        return xml(index(f"/m/{int(found[1]) + 1}.xml")) if found else None

    with WebServer({}, deeper) as server:
        said = slugs(sitemap_crawl(tmp_path, server, "/m/0.xml"), server.root)
    assert said == {**{f"/m/{n}.xml": "sitemap" for n in range(4)}, "/m/4.xml": "too-deep"}


def test_a_kept_page_becomes_a_page_of_the_corpus(tmp_path: Path) -> None:
    legacy = Answer("<html lang=de><p>Drachen über dem Hügel".encode("latin-1"), type="text/html; charset=iso-8859-1")
    with WebServer({"/": page("/go"), "/go": redirect("/de?utm_source=x"), "/de?utm_source=x": legacy}) as server:
        result = crawl(tmp_path, server.root)
        answers = site_work.responses(tmp_path, result)
    config = site_work.site_config(server.root, ("/",), licence="CC-BY-4.0")
    made = {url: page_of(answer, config, url) for url, answer in answers.items()}
    german = made[server.url("/de")]
    assert german.id == f"s:{server.url('/de')}"
    assert german.url == server.url("/de")
    assert german.content.endswith("Drachen über dem Hügel")
    assert (german.language_hint, german.hint_from, german.licence) == ("de", "attribute", "CC-BY-4.0")
    assert (german.media_type, german.fetched_at, german.metadata) == ("text/html", "", {})
    fixed = site_work.site_config(server.root, ("/",), language="gsw")
    assert page_of(answers[server.url("/de")], fixed, "x").language_hint == "gsw"


def test_pages_that_are_none_fail(tmp_path: Path) -> None:
    with WebServer({"/": page()}) as server:
        result = crawl(tmp_path, server.root)
        answer = site_work.responses(tmp_path, result)[server.url("/")]
    config = site_work.site_config(server.root, ("/",))
    for body, slug in ((b"\xff\xff", "invalid-utf8"), (b"  ", "empty-text")):
        with pytest.raises(Fail) as caught:
            page_of(type(answer)(answer.url, 200, answer.headers, body, ""), config, "x")
        assert caught.value.slug == slug


def test_records_survive_json(tmp_path: Path) -> None:
    import json

    with WebServer(SITE) as server:
        result = crawl(tmp_path, server.root, depth=1)
    again = [type(p).from_dict(json.loads(json.dumps(p.as_dict()))) for p in result.pages]
    assert again == result.pages
    assert {p.final_url.removeprefix(server.root): p.canonical.removeprefix(server.root) for p in again}[
        "/b"
    ] == "/b-proper"


def test_bodies_do_not_stay_in_memory(tmp_path: Path) -> None:
    size, number = 500_000, 60
    paths = [f"/{n}" for n in range(number)]
    heavy: Callable[[str], str] = lambda path: page(text="kite " * (size // 5))  # noqa: E731
    with WebServer({"/": page(*paths), **dict.fromkeys(paths, heavy)}) as server:
        tracemalloc.start()
        try:
            result = crawl(tmp_path, server.root, depth=1)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(result.pages) == number + 1
    assert held < 5 * size
