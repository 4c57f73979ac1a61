"""Runs many asking generators side by side, so that the tokenizer is called once a round and not once a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from m4corpus.chunk.split import Asking
from m4corpus.ledger import Verdict

T = TypeVar("T")


def drive(tasks: Sequence[Asking[T]], count: Callable[[list[str]], list[int]]) -> list[T | Verdict]:
    """The result of each task, or the verdict it raised; ``count`` gives the tokens of each text of a list."""
    results: dict[int, T | Verdict] = {}
    asked: dict[int, list[str]] = {}

    def resume(index: int, answer: list[int] | None) -> None:
        try:
            asked[index] = next(tasks[index]) if answer is None else tasks[index].send(answer)
        except StopIteration as end:
            results[index] = end.value
        except Verdict as verdict:
            results[index] = verdict

    for index in range(len(tasks)):
        resume(index, None)
    while asked:
        questions, asked = asked, {}
        counts = iter(count([text for texts in questions.values() for text in texts]))
        for index, texts in questions.items():
            resume(index, [next(counts) for _ in texts])
    return [results[index] for index in range(len(tasks))]
