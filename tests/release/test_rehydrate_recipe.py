"""What the records of a release become: the recipe that fetches them, the revisions it names, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from m4corpus.crawl.config import WikiConfig
from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.errors import IntegrityError, UserError
from m4corpus.ledger import Entry, Fail
from m4corpus.recipe import load, portable
from m4corpus.rehydrate.compare import _gone
from m4corpus.rehydrate.found import pin_of
from m4corpus.rehydrate.rebuilt import Rebuilt, _named
from m4corpus.rehydrate.records import DIFFERS, GONE, LEFT_OUT, OK, Recorded, Records
from m4corpus.release.layout import Release
from m4corpus.snapshot.carried import learnt_path
from m4corpus.sources.m4rag import article_id

ROW = {
    "id": article_id("7", "zh-yue"), "source": "wikipedia", "locator": "zh-yue:7@71", "revision": "71",
    "url": "https://zh-yue.wikipedia.org/wiki/%E6%8B%89%E7%BF%81_(%E6%B9%AF)", "fetched_at": "2025-01-01T00:00:00Z",
}  # fmt: skip


def recorded(tmp_path: Path, text: str = "") -> dict[str, Any]:
    """A recipe as a snapshot records it."""
    (tmp_path / "recipe.yaml").write_text(
        "name: dishes\npartitions: 2\nchunk: {size: 99}\n"
        "crawl:\n  contact: cook@example.org\n  wiki: {html: parsoid}\n  queries: [{name: own, path: own.csv}]\n"
        "read:\n  sources:\n"
        "    - {name: wikipedia, format: crawl}\n    - {name: notes, format: text, path: /home/cook/notes}\n" + text,
        encoding="utf-8",
    )
    found: dict[str, Any] = json.loads(json.dumps(portable(load(tmp_path / "recipe.yaml"), None)))
    return found


def release(recipe: dict[str, Any], **more: Any) -> Release:
    snapshot = {"recipe": recipe, "tools": {"m4corpus": "9.9"}, "conditioned_on_answers": ["cvqa"], **more}
    return Release({"name": "dishes", "version": "0123456789ab", "snapshot": snapshot}, [])


def test_the_recipe_is_the_recorded_one_over_known_revisions(tmp_path: Path) -> None:
    made = Rebuilt(release({**recorded(tmp_path), "limit": 3}), {"contact": "me@example.org"})
    (tmp_path / "there").mkdir()
    pin = pin_of(ROW, made.formats, made.wiki)
    path = made.write(tmp_path / "there", [pin])
    again = load(path)
    assert again == made.recipe
    assert (again.name, again.partitions, again.chunk.size) == ("dishes-rehydrated", 2, 99)
    assert [(source.name, source.format, source.path) for source in again.read.sources] == [("wikipedia", "crawl", "")]
    assert again.crawl
    assert (again.crawl.wiki.html, again.crawl.contact, again.crawl.queries) == ("parsoid", "me@example.org", [])
    assert again.crawl.revisions
    assert again.crawl.revisions.conditioned == ["cvqa"]
    line = json.loads((path.parent / again.crawl.revisions.path).read_text(encoding="utf-8"))
    assert line == {
        "edition": "zh-yue", "pageid": 7, "revision": 71, "title": "拉翁 (湯)", "timestamp": "2025-01-01T00:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "notes"}, "not-crawled"),
        ({"source": "nobody's"}, "not-crawled"),
        ({"locator": "https://example.org/bread"}, "web-page"),
        ({"locator": "zh-yue:7@0"}, "web-page"),
        ({"revision": "72"}, "another-wiki"),
        ({"locator": "zh-yue:8@71"}, "another-wiki"),
        ({"url": "https://zh-yue.example.org/wiki/x"}, "another-wiki"),
        ({"url": "https://zh-yue.wikipedia.org/wiki/"}, "another-wiki"),
        ({"url": ROW["url"].replace("(", "%28")}, "another-wiki"),
    ],
)  # fmt: skip
def test_what_no_revision_stands_for(change: dict[str, str], reason: str) -> None:
    formats = {"wikipedia": "crawl", "notes": "text"}
    assert pin_of(ROW, formats, WikiConfig()) == Pin("zh-yue", 7, "拉翁 (湯)", 71, ROW["fetched_at"])
    with pytest.raises(Fail) as caught:
        pin_of({**ROW, **change}, formats, WikiConfig())
    assert caught.value.slug == reason


def test_recipes_that_cannot_be_used(tmp_path: Path) -> None:
    recipe = recorded(tmp_path)
    with pytest.raises(UserError, match=r"cannot be used by this m4corpus: chunk\.spoons") as caught:
        Rebuilt(release({**recipe, "chunk": {"spoons": 3}}), {})
    assert "9.9" in caught.value.hint
    with pytest.raises(UserError, match="api"):
        Rebuilt(release({**recipe, "crawl": {"wiki": {"api": "file:///etc/{edition}"}}}), {})
    for key, bad in (
        ("api", "http://[bad/{edition}"),
        ("rest", "http:///{edition}"),
        ("page", "http://h:port/{title}"),
        ("page", "http://h/\x1b[31m{title}"),
    ):
        with pytest.raises(UserError, match=f"{key}.*address of the web"):
            Rebuilt(release({**recipe, "crawl": {"wiki": {key: bad}}}), {})
    crawled = {**recipe, "crawl": "yes"}
    for broken in ({}, {**recipe, "read": {"sources": ["wikipedia"]}}, crawled, {**recipe, "identify": "yes"}):
        with pytest.raises(IntegrityError, match="is none"):
            Rebuilt(release(broken), {})


def test_a_model_file_is_looked_for_beside_the_recipe(tmp_path: Path) -> None:
    model = f"identify: {{model: {{sha256: '{'0' * 64}', path: /home/cook/lid.bin}}}}\n"
    made = Rebuilt(release(recorded(tmp_path, model)), {})
    assert made.recipe.identify.model
    assert made.recipe.identify.model.path == "lid.bin"
    with pytest.raises(UserError, match=r"no release holds: lid\.bin"):
        made.refuse_missing(tmp_path)
    (tmp_path / "lid.bin").touch()
    made.refuse_missing(tmp_path)


def test_model_files_of_one_name() -> None:
    files = [{"path": f"/home/cook/{name}/model.npz", "sha256": sha * 64} for name, sha in ("a1", "b2", "c1")]
    recipe = {"identify": {"model": None, "varieties": {"models": files}}}
    assert _named(recipe) == ["model.npz", "22222222-model.npz"]
    assert [file["path"] for file in files] == ["model.npz", "22222222-model.npz", "model.npz"]


def test_a_model_of_the_hub_is_told_of(tmp_path: Path) -> None:
    place = f"sha256: '{'0' * 64}', repo: stranger/lid, file: lid.bin, revision: {'a' * 40}"
    made = Rebuilt(release(recorded(tmp_path, f"identify: {{model: {{{place}}}}}\n")), {})
    assert made.files == []
    assert ["lid.bin of stranger/lid" in note for note in made.notes] == [True]


def test_what_a_wiki_shows_no_more() -> None:
    def gone(slug: str, detail: str, html: str) -> bool:
        return _gone(Entry("id", "", "failed", slug, detail, 0), html)

    assert gone("api-nosuchrevid", "There is no revision with ID 7.", "legacy")
    assert [gone("http-status", f"status={n}", "parsoid") for n in (403, 404, 410, 400)] == [True, True, True, False]
    # A wiki whose action API is not found, or refuses whoever asks, says nothing of a revision.
    assert not gone("http-status", "status=403", "legacy")


def test_what_post_processing_learnt_is_looked_for_beside_the_recipe(tmp_path: Path) -> None:
    sha256 = "ab" * 32
    recipe = recorded(tmp_path)
    recipe["embed"]["encoder"]["postprocess"] = {"file": "/home/cook/means.npz", "sha256": sha256}
    made = Rebuilt(release(recipe, encoder={"config": recipe["embed"]["encoder"]}), {})
    pinned = made.recipe.embed.encoder.postprocess
    assert pinned
    assert (pinned.file, pinned.sha256) == (learnt_path(sha256), sha256)


def test_several_crawls_become_one_of_its_own_name(tmp_path: Path) -> None:
    recipe = recorded(tmp_path)
    recipe["read"]["sources"].append({"name": "more", "format": "crawl", "path": "crawl-00001"})
    recipe["crawl"] = None
    made = Rebuilt(release(recipe), {})
    assert [source.name for source in made.recipe.read.sources] == ["rehydrated"]
    assert ["legacy parser" in note for note in made.notes] == [True, False]
    assert "wikipedia, more" in made.notes[1]


def test_every_document_has_one_outcome(tmp_path: Path) -> None:
    rows = [Recorded(f"d{n}", "eng_Latn" if n % 2 else "swh_Latn", "wikipedia", "u", "1", "0", 1) for n in range(6)]
    with Records(tmp_path / "r.sqlite") as records:
        for number, row in enumerate(rows):
            records.add(row, Pin("en", number, "T", 1, "") if number else None, "not-crawled" if not number else "")
        with pytest.raises(IntegrityError, match="two documents with the id d3"):
            records.add(rows[3], None)
        records.keep(4)
        kept = [pin.pageid for pin in records.pins()]
        assert len(kept) == 4
        assert kept == sorted(kept)
        records.settle(f"d{kept[0]}", GONE, "crawl", "api-nosuchrevid")
        records.settle(f"d{kept[0]}", OK)
        records.settle("d0", OK)
        records.settle(f"d{kept[1]}", DIFFERS, "", "text")
        assert dict(records.differing()) == {f"d{kept[1]}": "0"}
        records.settle_rest("failed", "unaccounted")
        found = records.counts()
        assert sum(sum(of.values()) for of in found.values()) == len(rows)
        listed = {row["id"]: row["outcome"] for row in records.listed()}
        assert listed == {
            f"d{kept[0]}": GONE, f"d{kept[1]}": DIFFERS, f"d{kept[2]}": "failed", f"d{kept[3]}": "failed",
        }  # fmt: skip
        # The one beyond the limit, and the one that no wiki has.
        assert sum(of[LEFT_OUT] for of in found.values()) == 2
        assert records.reasons().keys() == {GONE, DIFFERS, "failed"}
    assert not list(tmp_path.glob("r.sqlite*"))
