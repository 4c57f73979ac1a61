"""Questions kept beside a crawl are those that were asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from m4corpus.crawl.questions.names import NameQuestion
from m4corpus.crawl.questions.own import TitleQuestion
from m4corpus.crawl.questions.plain import SearchQuestion
from m4corpus.crawl.questions.questionset import QuestionSet
from m4corpus.crawl.questions.records import Query, Rejected
from m4corpus.crawl.questions.stored import store, stored
from m4corpus.errors import IntegrityError

QUESTIONS = QuestionSet(
    (
        NameQuestion("food-1", "worldcuisines", True, 10, (Query("en", "rawon", "name"),), ("en", "zh-yue"), 3, 300),
        SearchQuestion("7", "cvqa", True, 5, (Query("su", "naon ieu", "question", "naon ieu téh"),)),
        TitleQuestion("own:1", "own", False, 1, (Query("ja", "お好み焼き", "title"),)),
    ),
    (Rejected("dishes.csv:4", "empty-name"),),
    {"worldcuisines.dishes": "0" * 64},
    {"worldcuisines.dishes": "hf://datasets/worldcuisines/food-kb@" + "1" * 40 + "/dishes.csv"},
)


def test_every_kind_of_question_comes_back(tmp_path: Path) -> None:
    store(QUESTIONS, tmp_path / "asked.jsonl")
    assert stored(tmp_path / "asked.jsonl") == QUESTIONS


@pytest.mark.parametrize(
    "damage", [b"", b"[]\n", b"{}\n", b'{"inputs": {}, "origins": {}}\n{"odd": {"queries": []}}\n']
)
def test_what_is_no_such_file_is_told(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "asked.jsonl").write_bytes(damage)
    with pytest.raises(IntegrityError, match=r"asked\.jsonl is damaged"):
        stored(tmp_path / "asked.jsonl")
