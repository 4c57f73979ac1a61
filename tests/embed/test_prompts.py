"""Templates: on the right side, with titles that give way to texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from vector_work import passage_vectors

from m4corpus.embed.prompts import PromptedEncoder, Prompts
from m4corpus.errors import UserError

if TYPE_CHECKING:
    from m4corpus.embed.encoder import Vectors


class Words(PromptedEncoder):
    """An encoder whose tokens are words, with one mark at the end; a vector is the number of its words."""

    max_tokens = 8

    def __init__(self, prompts: Prompts) -> None:
        super().__init__()
        self.prompts = prompts

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        spans, at = [], 0
        for word in text.split():
            start = text.index(word, at)
            at = start + len(word)
            spans.append((start, at))
        return spans

    def count_inputs(self, inputs: Sequence[str]) -> list[int]:
        return [len(text.split()) + 1 for text in inputs]

    def encode(self, inputs: Sequence[str]) -> Vectors:
        return np.array([[tokens] for tokens in self.count_inputs(inputs)], dtype=np.float32)


def test_prompts_stand_on_their_own_side() -> None:
    encoder = Words(Prompts("query: {text}", "passage: {text}"))
    assert encoder.queries(["a kite"]) == ["query: a kite"]
    assert encoder.passages(["a kite"], ["Title"]) == ["passage: a kite"]
    assert encoder.encode_queries(["a kite"]).tolist() == [[4]]
    assert passage_vectors(encoder, ["a"]).tolist() == [[3]]


def test_counts_include_the_prompt_and_the_models_marks() -> None:
    assert Words(Prompts("{text}", "a long passage: {text}")).count_tokens(["a kite", ""]) == [6, 4]


def test_braces_in_texts_and_prompts_stand_for_themselves() -> None:
    prompts = Prompts("{x} {text}", "{title} | {text} {}")
    assert prompts.for_query("{title} {text}") == "{x} {title} {text}"
    assert prompts.for_passage("{title}", "{text}") == "{text} | {title} {}"


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("old kite festival", "one two three", "old kite festival | one two three"),
        ("old kite festival", "one two three four", "old kite | one two three four"),
        ("old kite festival", "1 2 3 4 5 6", " | 1 2 3 4 5 6"),
        ("old kite festival", "1 2 3 4 5 6 7 8 9", " | 1 2 3 4 5 6 7 8 9"),
        ("", "1 2 3 4 5 6 7 8 9", " | 1 2 3 4 5 6 7 8 9"),
    ],
)
def test_a_title_gives_way_to_its_text(title: str, text: str, expected: str) -> None:
    encoder = Words(Prompts("{text}", "{title} | {text}"))
    assert encoder.passages([text], [title]) == [expected]


def test_passages_without_titles_leave_the_place_empty() -> None:
    assert Words(Prompts("{text}", "{title}: {text}")).passages(["kite"]) == [": kite"]


def test_a_template_must_say_where_the_text_goes() -> None:
    with pytest.raises(UserError, match="query_prompt 'query: ' does not say") as error:
        Prompts(query="query: ")
    assert "'query: {text}'" in error.value.hint
    with pytest.raises(UserError, match="passage_prompt"):
        Prompts(passage="{title}")


def test_a_query_has_no_title() -> None:
    with pytest.raises(UserError, match="a query has no title"):
        Prompts(query="{title} {text}")
