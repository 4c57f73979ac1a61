"""What questions ask, against wikis on paper."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest
from paper_wiki import PaperWiki

from m4corpus.crawl.config import CrawlConfig
from m4corpus.crawl.messages import Failed
from m4corpus.crawl.questions import Answer, QuestionSet, load
from m4corpus.crawl.questions.records import edition_code
from m4corpus.errors import EnvironmentFailure, UserError
from m4corpus.tables import read_table

DISHES = """Name,Alias,Coarse-grained categories,Fine-grained categories
Tinola ,"[{'Tinolang manok': 'Tagalog'}, {'chicken tinola': 'not_stated'}]","[""Soup""]","[""chicken soup""]"
rawon,"[{'no_alias': True}]","[""soup""]","['beef soup']"
RAWON,[],"[""soup""]",[]
 ,[],[],[]
Soto,"[{'soto': 1}]",nonsense,
"""


def wiki(**options: Any) -> PaperWiki:
    return PaperWiki(
        editions={
            "en": ["Rawon", "Rawon soup", "Black rawon", "Rawon fourth", "Tinola", "Beef soup"],
            "id": ["Rawon", "Rawon hitam", "Tinola"],
            "tl": ["Tinola", "Sinigang"],
            "jv": ["Rawon"],
        },
        links={
            "Rawon": {"id": "Rawon", "de": "Rawon"},
            "Rawon soup": {"id": "Rawon", "jv": "Rawon jawa"},
            "Black rawon": {"id": "Rawon hitam"},
            "Rawon fourth": {"tl": "Never asked"},
        },
        **options,
    )


def loaded(base: Path, **sections: Any) -> QuestionSet:
    return load(CrawlConfig(**sections), base)


def dishes(base: Path, text: str = DISHES, **options: Any) -> QuestionSet:
    (base / "dishes.csv").write_text(text)
    section = {"dishes": "dishes.csv", "locations": "", "editions": ["en", "id", "tl", "jv"], **options}
    return loaded(base, worldcuisines=section)


def answer(questions: QuestionSet, id: str, on: PaperWiki) -> Answer:
    question = next(question for question in questions.questions if question.id == id)
    return asyncio.run(question.answer(on))


def log(result: Answer) -> list[str]:
    return [f"{query} {query.how}" for query in result.queries]


def test_dishes_and_categories_are_numbered_over_their_sorted_names(tmp_path: Path) -> None:
    questions = dishes(tmp_path)
    assert [(q.id, q.queries[0].text, q.conditioned) for q in questions.questions] == [
        ("food-1", "rawon", True),
        ("food-2", "soto", True),
        ("food-3", "tinola", True),
        ("category-1", "beef soup", False),
        ("category-2", "chicken soup", False),
        ("category-3", "soup", False),
    ]
    assert [(r.id, r.slug) for r in questions.rejected] == [
        ("dishes.csv:3", "repeated-name"),
        ("dishes.csv:4", "empty-name"),
        ("dishes.csv:5", "bad-categories"),
    ]
    assert list(questions.inputs) == ["worldcuisines.dishes"]
    assert questions.origins == {"worldcuisines.dishes": "dishes.csv"}
    assert [q.id for q in dishes(tmp_path, limit=1).questions] == ["food-1", "category-1"]


def test_the_links_of_the_top_hits_name_a_dish_and_the_rest_falls_back(tmp_path: Path) -> None:
    paper = wiki()
    result = answer(dishes(tmp_path), "food-1", paper)
    assert log(result) == [
        "(en) rawon name",
        "(id) Rawon langlink",
        "(jv) Rawon jawa langlink",
        "(id) Rawon hitam langlink",
        "(tl) rawon fallback",
    ]
    assert result.found == ((1, 2, 3, 4), (1, 2), (1,), (2, 1), ())
    pages = [("en", 1), ("en", 2), ("en", 3), ("en", 4), ("id", 1), ("id", 2), ("jv", 1)]
    assert result.pages() == pages
    assert result.failed == ()
    assert paper.asked.count(("search", "id", "Rawon")) == 1
    assert ("langlinks", "en", "1", "2", "3") in paper.asked
    assert Answer.from_dict(json.loads(json.dumps(result.as_dict()))) == result


def test_fewer_linked_hits_are_followed_when_asked_to(tmp_path: Path) -> None:
    result = answer(dishes(tmp_path, linked=1), "food-1", wiki())
    assert log(result)[1:] == ["(id) Rawon langlink", "(tl) rawon fallback", "(jv) rawon fallback"]


def test_english_pages_count_only_where_english_is_wanted(tmp_path: Path) -> None:
    result = answer(dishes(tmp_path, editions=["id"]), "food-1", wiki())
    assert log(result)[0] == "(en) rawon name"
    assert {edition for edition, _ in result.pages()} == {"id"}
    only = wiki()
    assert log(answer(dishes(tmp_path, editions=["en"]), "food-1", only)) == ["(en) rawon name"]
    assert not any(kind == "langlinks" for kind, *_ in only.asked)


def test_what_fails_is_noted_and_the_rest_goes_on(tmp_path: Path) -> None:
    questions = dishes(tmp_path)
    failed = answer(questions, "food-1", wiki(broken=frozenset({"Rawon hitam"})))
    assert [(str(query), slug, detail) for query, _, slug, detail in failed.failed] == [
        ("(id) Rawon hitam", "http-status", "status=500")
    ]
    assert failed.found == ((1, 2, 3, 4), (1, 2), (1,), (), ())
    no_links = answer(questions, "food-1", wiki(no_links=True))
    assert log(no_links) == ["(en) rawon name", *(f"({e}) rawon fallback" for e in ("id", "tl", "jv"))]
    assert [(query.how, slug) for query, _, slug, _ in no_links.failed] == [("langlinks", "api-internal")]
    nothing = answer(questions, "food-1", wiki(broken=frozenset({"rawon"})))
    assert len(nothing.failed) == 4
    assert nothing.pages() == []
    assert Answer.from_dict(nothing.as_dict()) == nothing


def test_the_order_of_arrival_changes_nothing(tmp_path: Path) -> None:
    class Late(PaperWiki):
        async def search(self, edition: str, text: str, limit: int) -> Any:
            await asyncio.sleep(0.02 if edition in ("id", "tl") else 0)
            return await super().search(edition, text, limit)

    paper = wiki()
    questions = dishes(tmp_path)
    assert answer(questions, "food-1", Late(paper.editions, paper.links)) == answer(questions, "food-1", paper)


def test_what_ends_the_crawl_is_raised_once_nothing_is_under_way(tmp_path: Path) -> None:
    ended: list[str] = []

    class Down(PaperWiki):
        async def search(self, edition: str, text: str, limit: int) -> Any:
            if edition == "id":
                raise EnvironmentFailure("nothing answers")
            found = await super().search(edition, text, limit)
            await asyncio.sleep(0.02)
            ended.append(edition)
            return found

    paper = wiki()
    with pytest.raises(EnvironmentFailure):
        answer(dishes(tmp_path), "food-1", Down(paper.editions, paper.links))
    assert sorted(ended) == ["en", "jv", "tl"]


def test_aliases_are_searched_in_their_language_or_in_english(tmp_path: Path) -> None:
    questions = dishes(tmp_path, aliases=True)
    assert log(answer(questions, "food-3", wiki())) == [
        "(en) tinola name",
        "(tl) tinolang manok alias",
        "(en) chicken tinola alias",
        "(id) tinola fallback",
        "(tl) tinola fallback",
        "(jv) tinola fallback",
    ]
    assert ("food-2", "bad-alias") in [(r.id, r.slug) for r in questions.rejected]


def test_long_names_and_titles_are_cut_and_the_whole_is_kept(tmp_path: Path) -> None:
    text = DISHES.replace("rawon", "rawon " + "of the very long name " * 3)
    (tmp_path / "dishes.csv").write_text(text)
    section = {"dishes": "dishes.csv", "locations": "", "editions": ["en", "id"], "categories": False}
    questions = load(CrawlConfig(worldcuisines=section, wiki={"longest_query": 20}), tmp_path)
    paper = wiki()
    paper.links["Rawon"] = {"id": "Sup daging sapi hitam dari Jawa Timur"}
    result = answer(questions, "food-2", paper)
    assert [(query.text, query.trimmed_from) for query in result.queries[:2]] == [
        ("rawon of the very", "rawon of the very long name of the very long name of the very long name"),
        ("Sup daging sapi", "Sup daging sapi hitam dari Jawa Timur"),
    ]
    assert Answer.from_dict(result.as_dict()) == result


def test_the_hubs_spelling_of_the_columns_is_understood(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {"name": "Rawon", "coarse_categories": ["soup"], "fine_categories": ["beef soup"]}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "d.parquet")
    questions = loaded(tmp_path, worldcuisines={"dishes": "d.parquet", "locations": ""})
    assert [q.id for q in questions.questions] == ["food-1", "category-1", "category-2"]


def test_a_table_without_a_column_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column 'Fine-grained categories'"):
        dishes(tmp_path, "Name,Coarse-grained categories\nRawon,[]\n")


# --- cuisines

PHRASES = read_table("cuisine_phrases")


def locations(path: Path, *rows: dict[str, str], key_id: bool = False) -> None:
    """A table as it is distributed: two header rows, or as on the Hub: one, with ids."""
    columns = [(row["language"], row["column"]) for row in PHRASES]
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        if key_id:
            table.writerow(["key_id", "Base Key", *(f"{language}_{column}" for language, column in columns)])
        else:
            table.writerow(["Base Key", *(language for language, _ in columns), "English"])
            table.writerow(["", *(column for _, column in columns), "<LOCATION>"])
        for row in rows:
            cuisines = [row.get(language, f"{row['key']}-ian") for language, _ in columns]
            table.writerow([*([row["id"]] if key_id else []), row["key"], *cuisines, *([] if key_id else ["x"])])


def cuisines(base: Path, **options: Any) -> QuestionSet:
    return loaded(base, worldcuisines={"dishes": "", "locations": "places.csv", **options})


def test_every_cuisine_is_asked_for_in_every_language(tmp_path: Path) -> None:
    locations(tmp_path / "places.csv", {"key": "Peru"}, {"key": "Java", "Cantonese": " "})
    questions = cuisines(tmp_path)
    assert len(questions.questions) == 47
    assert [(q.id, str(q.queries[0])) for q in questions.questions[:2]] == [
        ("cuisine-0-en", "(en) Peru-ian food"),
        ("cuisine-0-id", "(id) makanan Peru-ian"),
    ]
    assert [(r.id, r.slug) for r in questions.rejected] == [("cuisine-1-zh-yue", "empty-query")]
    assert "(ar) الطعام الPeru-ian" in [str(q.queries[0]) for q in questions.questions]
    paper = PaperWiki({"en": ["Peru-ian food"]})
    assert answer(questions, "cuisine-0-en", paper).pages() == [("en", 1)]
    assert paper.asked == [("search", "en", "Peru-ian food")]


def test_a_row_that_repeats_a_key_in_part_is_left_out_and_noted(tmp_path: Path) -> None:
    rows = [{"key": "Peru"}, {"key": "Peru", "Sardinian": ""}, {"key": "Peru"}, {"key": "Java", "Sardinian": ""}]
    locations(tmp_path / "places.csv", *rows)
    questions = cuisines(tmp_path, editions=["en"])
    assert [q.id for q in questions.questions] == ["cuisine-0-en", "cuisine-1-en", "cuisine-2-en"]
    assert [(r.id, r.slug) for r in questions.rejected] == [("places.csv:2", "superseded-row")]


def test_ids_of_the_table_are_kept(tmp_path: Path) -> None:
    rows = [{"id": "key_a", "key": "Peru"}, {"id": "key_b", "key": "Peru"}, {"id": "key_a", "key": "Java"}]
    locations(tmp_path / "places.csv", *rows, key_id=True)
    questions = cuisines(tmp_path, editions=["yue", "de"])
    assert [q.id for q in questions.questions] == ["key_a-zh-yue", "key_b-zh-yue"]
    assert [(r.id, r.slug) for r in questions.rejected] == [("places.csv:3", "repeated-id")]


def test_the_phrases_cover_the_editions_of_the_reference() -> None:
    from m4corpus.crawl.config import WORLDCUISINES_EDITIONS

    assert [row["edition"] for row in PHRASES] == list(WORLDCUISINES_EDITIONS)
    assert all(row["phrase"].count("{0}") == 1 for row in PHRASES)
    assert all(edition_code(row["edition"]) == row["edition"] for row in PHRASES)


# --- CVQA


def question(**changed: Any) -> dict[str, Any]:
    return {
        "ID": "17_0",
        "Subset": "('Egyptian_Arabic', 'Egypt')",
        "Question": "ما هذا؟",
        "Translated Question": "What is this?",
        "Options": ["كشري", "فول"],
        "Translated Options": ["koshari", "ful"],
        "Label": 1,
        **changed,
    }


def cvqa(base: Path, records: list[dict[str, Any]], expansions: Any = None, **options: Any) -> QuestionSet:
    (base / "cvqa.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    if expansions is not None:
        (base / "expansions.json").write_text(json.dumps(expansions))
        options["expansions"] = "expansions.json"
    return loaded(base, cvqa={"questions": "cvqa.jsonl", **options})


def test_a_question_is_asked_in_its_language_and_in_english(tmp_path: Path) -> None:
    expansions = [
        {"ID": "17_0-Egyptian_Arabic", "queries": "Here are some:\n- فول مدمس\n - فول\n"},
        {"ID": "17_0-English", "queries": ["ful medames", "What is this?"]},
    ]
    questions = cvqa(tmp_path, [question()], expansions)
    [asked] = questions.questions
    assert (asked.id, asked.plan, asked.conditioned, asked.results) == ("17_0", "cvqa", True, 5)
    assert [f"{query} {query.how}" for query in asked.queries] == [
        "(arz) فول مدمس expansion",
        "(arz) فول expansion",
        "(arz) ما هذا؟ question",
        "(en) ful medames expansion",
        "(en) What is this? expansion",
        "(en) ful answer",
    ]
    assert questions.rejected == ()
    assert list(questions.inputs) == ["cvqa.expansions", "cvqa.questions"]


def test_a_question_alone_knows_no_answer(tmp_path: Path) -> None:
    [asked] = cvqa(tmp_path, [question()], use=["question"], profile="paper").questions
    assert not asked.conditioned
    assert asked.results == 25
    assert [str(query) for query in asked.queries] == ["(arz) ما هذا؟", "(en) What is this?"]


def test_bad_questions_are_set_aside_with_their_reason(tmp_path: Path) -> None:
    bad = {
        "unknown-language": {"Subset": "('Klingon', 'Qo noS')"},
        "bad-subset": {"Subset": "__import__('os')"},
        "bad-label": {"Label": 2},
        "bad-options": {"Options": "[open('x')]"},
        "bad-field": {"Question": ["x"]},
    }
    records = [question(ID=slug, **changed) for slug, changed in bad.items()]
    records += [question(), question(), question(ID=None), question(ID="last", Options="['كشري', 'فول']", Label="0")]
    questions = cvqa(tmp_path, records)
    assert [q.id for q in questions.questions] == ["17_0", "last"]
    assert [(r.id, r.slug) for r in questions.rejected] == [
        *((slug, slug) for slug in bad),
        ("17_0", "repeated-id"),
        ("cvqa.jsonl:8", "bad-id"),
    ]


def test_missing_and_malformed_expansions_are_noted(tmp_path: Path) -> None:
    expansions = [{"ID": "17_0-English", "queries": "none of these"}, {"ID": "", "queries": []}, 5]
    questions = cvqa(tmp_path, [question()], expansions)
    assert len(questions.questions[0].queries) == 4
    assert [(r.id, r.slug) for r in questions.rejected] == [
        ("expansions.json:1", "bad-expansions"),
        ("expansions.json:2", "bad-id"),
        ("expansions.json:3", "not-an-object"),
        ("17_0", "no-expansions"),
        ("17_0", "no-expansions"),
    ]


def test_every_language_of_cvqa_has_an_edition(tmp_path: Path) -> None:
    from m4corpus.languages import languages, varieties

    names = {language.code: language.name.replace(" ", "_") for language in languages()}
    names["arb"] = "Arabic"
    pairs = [(names[variety.language], country) for variety in varieties() for country in variety.cvqa]
    questions = cvqa(tmp_path, [question(ID=f"{n}", Subset=str(pair)) for n, pair in enumerate(pairs)])
    assert len(pairs) == 39
    assert len(questions.questions) == 39
    assert questions.rejected == ()


# --- queries of one's own


def own(base: Path, text: str, **options: Any) -> QuestionSet:
    (base / "own.csv").write_text("question_id,edition,query\n" + text)
    return loaded(base, queries=[{"name": "mine", "path": "own.csv", **options}])


def test_own_queries_are_grouped_by_question(tmp_path: Path) -> None:
    text = "b,en,rawon\na,yue,x\nb,id,rawon\nb,en, rawon \na,evil.example/#,x\na,en,\n,en,x\n"
    questions = own(tmp_path, text, results=2)
    assert [(q.id, q.plan, list(map(str, q.queries))) for q in questions.questions] == [
        ("mine:b", "mine", ["(en) rawon", "(id) rawon"]),
        ("mine:a", "mine", ["(zh-yue) x"]),
    ]
    assert [r.slug for r in questions.rejected] == ["bad-edition", "empty-query", "bad-id"]
    assert answer(questions, "mine:b", wiki()).pages() == [("en", 1), ("en", 2), ("id", 1), ("id", 2)]


def test_titles_are_fetched_and_not_searched(tmp_path: Path) -> None:
    questions = own(tmp_path, "a,en,Tinola\na,id,Rawon\na,en,Gone\n", titles=True)
    paper = wiki()
    result = answer(questions, "mine:a", paper)
    assert log(result) == ["(en) Tinola title", "(id) Rawon title", "(en) Gone title"]
    assert result.pages() == [("en", 5), ("id", 1)]
    assert [(str(query), slug) for query, _, slug, _ in result.failed] == [("(en) Gone", "missing-page")]
    assert paper.asked == [("titles", "en", "Tinola", "Gone"), ("titles", "id", "Rawon")]


def test_titles_of_a_wiki_that_fails_are_noted_one_by_one(tmp_path: Path) -> None:
    class Broken(PaperWiki):
        async def pin_titles(self, edition: str, titles: list[str]) -> Any:
            raise Failed("timeout", edition)

    result = answer(own(tmp_path, "a,en,Tinola\na,en,Gone\n", titles=True), "mine:a", Broken({}))
    assert [slug for _, _, slug, _ in result.failed] == ["timeout", "timeout"]
    assert result.pages() == []


@pytest.mark.parametrize("name", ["../x", "en.evil", "a b", "", "en/", "EN@x"])
def test_what_is_no_edition_never_becomes_a_host(name: str) -> None:
    with pytest.raises(UserError, match="no edition"):
        edition_code(name)
    assert [edition_code(code) for code in ("yue", "nan", "nb", "simple", "De")] == [
        "zh-yue",
        "zh-min-nan",
        "no",
        "simple",
        "de",
    ]
