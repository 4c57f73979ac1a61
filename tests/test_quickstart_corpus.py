"""The quickstart corpus is what its README and its table of documents say."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).parent.parent / "data" / "quickstart"
HTML = CORPUS / "html"
#: Roles whose file holds a text of its own.
TEXTS = ("page", "misplaced", "cut-off", "article")


def jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    rows = jsonl(CORPUS / "pages.jsonl")
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def queries() -> dict[str, dict[str, Any]]:
    rows = jsonl(CORPUS / "queries.jsonl")
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {path.relative_to(HTML).as_posix(): path.read_bytes() for path in sorted(HTML.rglob("*")) if path.is_file()}


def judgements(name: str) -> list[tuple[str, str, int]]:
    lines = [line.split() for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]
    return [(query, document, int(relevance)) for query, _, document, relevance in lines]


def good_lines(path: Path) -> list[bytes]:
    """Whole lines of a gzip file, up to where it ends or breaks off."""
    lines = []
    with gzip.open(path) as file:
        try:
            for line in file:
                lines.append(line)
        except EOFError:
            pass
    return lines


def file_of(document: dict[str, Any]) -> str:
    return str(document["id"]).removeprefix("quickstart:")


def test_every_file_is_listed_and_every_listed_file_exists(documents: dict[str, Any], files: dict[str, bytes]) -> None:
    assert {file_of(row) for row in documents.values() if row["id"].startswith("quickstart:")} == set(files)


def test_at_least_300_pages_in_42_languages(documents: dict[str, Any], files: dict[str, bytes]) -> None:
    assert len([row for row in documents.values() if row["role"] == "page"]) >= 300
    assert len({name.split("/")[0] for name in files}) == 42
    assert len({row["language"] for row in documents.values() if row["role"] == "page"}) == 42


def test_eight_categories_each_in_many_languages(documents: dict[str, Any]) -> None:
    languages = defaultdict(set)
    for row in documents.values():
        if row["role"] in TEXTS:
            languages[row["category"]].add(row["language"])
    assert len(languages) >= 8
    assert all(len(found) >= 10 for found in languages.values())


def test_at_least_six_markups_and_several_in_each_language(documents: dict[str, Any]) -> None:
    markups = defaultdict(set)
    for row in documents.values():
        if row["role"] == "page":
            markups[row["language"]].add(row["markup"])
    assert len(set().union(*markups.values())) >= 6
    assert all(len(found) >= 4 for found in markups.values())


def test_no_two_pages_are_equal_byte_for_byte(files: dict[str, bytes]) -> None:
    assert len({hashlib.sha256(data).digest() for data in files.values()}) == len(files)


def test_pages_declare_the_language_they_are_in(documents: dict[str, Any], files: dict[str, bytes]) -> None:
    declared_as = {"no": "nb", "yue": "yue-Hant"}
    for row in documents.values():
        if row["role"] in ("page", "mirror", "copy", "misplaced"):
            text = files[file_of(row)].decode("utf-8")
            found = re.search(r"<html[^>]*?\slang=\"?([\w-]+)", text, re.IGNORECASE)
            assert found, row["id"]
            assert found[1] == (row["variety"] or declared_as.get(row["language"], row["language"])), row["id"]
            assert bool(re.search(r"<html[^>]*\sdir=\"?rtl", text, re.IGNORECASE)) == (
                row["language"] in ("ar", "arz", "ur")
            ), row["id"]


def test_every_page_has_its_own_canonical_address(documents: dict[str, Any], files: dict[str, bytes]) -> None:
    canonical = re.compile(r"<link rel=\"?canonical\"? href=\"?(https://[\w-]+\.example\.org/[^\">\s]+)", re.IGNORECASE)
    addresses = []
    for row in documents.values():
        if row["role"] in ("page", "mirror", "copy", "misplaced", "cut-off"):
            found = canonical.findall(files[file_of(row)].decode("utf-8"))
            assert len(found) == 1, row["id"]
            addresses.append(found[0])
    assert [address for address, times in Counter(addresses).items() if times > 1] == []


def test_queries_in_at_least_twelve_languages(queries: dict[str, Any]) -> None:
    assert len({row["language"] for row in queries.values()}) >= 12
    assert all(row["text"].strip() for row in queries.values())


def test_judgements_refer_to_known_queries_and_documents(documents: dict[str, Any], queries: dict[str, Any]) -> None:
    judged = judgements("qrels.txt")
    assert len({(query, document) for query, document, _ in judged}) == len(judged)
    for query, document, relevance in judged:
        same = documents[document]["language"] == queries[query]["language"]
        assert documents[document]["subject"] == queries[query]["subject"]
        assert relevance == (2 if same else 1)
    assert {query for query, _, relevance in judged if relevance == 2} == set(queries)


def test_crosslingual_judgements_are_the_foreign_ones(documents: dict[str, Any], queries: dict[str, Any]) -> None:
    foreign = [
        (query, document, relevance)
        for query, document, relevance in judgements("qrels.txt")
        if documents[document]["language"] != queries[query]["language"]
    ]
    assert judgements("qrels-crosslingual.txt") == foreign
    assert len({queries[query]["language"] for query, _, _ in foreign}) >= 12


def test_nothing_unusable_is_judged(documents: dict[str, Any]) -> None:
    judged = {document for _, document, _ in judgements("qrels.txt")}
    assert judged == {row["id"] for row in documents.values() if row["subject"]}


def test_planted_documents_are_in_the_readme(documents: dict[str, Any]) -> None:
    readme = (CORPUS / "README.md").read_text(encoding="utf-8")
    planted = [row for row in documents.values() if row["role"] not in ("page", "article")]
    assert len(planted) >= 35
    assert [row["id"] for row in planted if f"`{file_of(row)}`" not in readme] == []


def test_planted_duplicates_name_an_original_in_their_language(documents: dict[str, Any]) -> None:
    roles = Counter(row["role"] for row in documents.values())
    assert roles["mirror"] >= 12
    assert roles["copy"] >= 12
    for row in documents.values():
        if row["role"] in ("mirror", "copy", "article-copy"):
            original = documents[row["of"]]
            assert original["role"] == "page"
            assert (original["language"], original["subject"]) == (row["language"], row["subject"])
            if row["role"] == "mirror":
                assert original["markup"] != row["markup"]


def test_misplaced_pages_lie_in_the_folder_of_another_language(documents: dict[str, Any]) -> None:
    misplaced = [row for row in documents.values() if row["role"] == "misplaced"]
    assert len(misplaced) == 5
    for row in misplaced:
        folder, name = file_of(row).split("/")
        assert folder == row["folder"] != row["language"]
        assert name == f"{row['subject']}-2.html"
        assert not (HTML / row["language"] / f"{row['subject']}.html").exists()


def test_unusable_files_are_as_described(documents: dict[str, Any], files: dict[str, bytes]) -> None:
    bad = {row["role"]: files[file_of(row)] for row in documents.values() if not row["subject"]}
    assert bad["empty"] == b""
    assert bad["blank"]
    assert not bad["blank"].strip()
    with pytest.raises(UnicodeDecodeError):
        bad["broken-encoding"].decode("utf-8")
    assert bad["control-characters"].count(b"\0") > 8
    assert bad["deep-nesting"].count(b"<div>") == 5000
    assert not re.search(rb"<p[ >]", bad["furniture-only"].split(b'id="mw-content-text"')[1])
    cut = next(row for row in documents.values() if row["role"] == "cut-off")
    assert files[file_of(cut)].rfind(b"<") > files[file_of(cut)].rfind(b">")


def test_articles_have_the_form_of_m4rag(documents: dict[str, Any]) -> None:
    articles = [json.loads(line) for line in good_lines(CORPUS / "articles" / "articles.jsonl.gz")]
    assert [row["id"] for row in articles if documents[row["id"]]["role"] != "article"] == []
    assert len(articles) == 6
    for row in articles:
        assert row["id"] == hashlib.md5(f"{row['pageid']}_{documents[row['id']]['language']}".encode()).hexdigest()
        assert set(row) == {"id", "pageid", "title", "url", "content"}
        assert all(set(part) == {"heading", "content", "images", "access_time"} for part in row["content"])
        page = documents[row["id"]]
        assert not (HTML / page["language"] / f"{page['subject']}.html").exists()


def test_broken_articles_are_broken_as_described(documents: dict[str, Any]) -> None:
    path = CORPUS / "articles" / "broken.jsonl.gz"
    lines = good_lines(path)
    assert len(lines) == 5
    for number in (0, 1, 3):
        assert documents[json.loads(lines[number])["id"]]["role"] == "article-copy"
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[2])
    with pytest.raises(UnicodeDecodeError):
        lines[4].decode("utf-8")
    with gzip.open(path) as file, pytest.raises(EOFError):
        file.read()


def test_no_path_of_a_machine_in_any_file(files: dict[str, bytes]) -> None:
    others = {path.name: path.read_bytes() for path in CORPUS.iterdir() if path.is_file()}
    found = re.compile(rb"(?<![\w./-])/(?:tmp|work|home|root|Users|mnt)/|file://")
    assert [name for name, data in {**files, **others}.items() if found.search(data)] == []


def test_the_corpus_stays_small() -> None:
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 6_000_000
