"""Telling an answer of a MediaWiki action API from an excuse, and reading it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from m4corpus.crawl.client.body import content
from m4corpus.crawl.messages import Failed, Response, Retry

#: Bytes of the largest answer that is read, its content coding undone.
MAX_BYTES = 50_000_000

# Errors that say nothing about the question: the wiki is busy, lagging, or broken for the moment.
_PASSING = re.compile(
    r"maxlag|ratelimited|toofast|actionthrottledtext|readonly|internal[_-]?(?:api[_-]?)?error.*|db_?error|timeouterror"
    r"|concurrency-limit|pool-.*|view-pool-.*|search-error|cirrussearch-(?:too-busy|backend)-error"
)
_LONGEST_INFO = 200
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Answer = Mapping[str, Any]


def judge(response: Response) -> None:
    """Whether an action API answered, as :data:`m4corpus.crawl.messages.Judge` has it.

    Raises ``Retry`` with the error's code where the wiki could not answer now, also ``not-json`` (a proxy's page);
    ``Failed("api-<code>")`` for every other error. Warnings count as answered. ``Retry-After`` is the client's to read.
    """
    data(response)


def data(response: Response) -> Answer:
    """The JSON object an action API answered with; raises as :func:`judge` does, or ``Failed`` for a broken coding and
    for ``lone-surrogates``, which nothing that is written can hold."""
    try:
        text = content(response, MAX_BYTES).decode("utf-8-sig")
        answer = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(answer, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Failed("lone-surrogates") from None
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise Retry("not-json")
    error = answer.get("error")
    if error is None:
        return answer
    found = error if isinstance(error, dict) else {}
    code = re.sub(r"[^a-z0-9_-]+", "-", str(found.get("code", "unknown")).lower())[:80]
    if _PASSING.fullmatch(code):
        raise Retry(code)
    info = " ".join(str(found.get("info", "")).split())
    raise Failed(f"api-{code}", info if len(info) <= _LONGEST_INFO else f"{info[:_LONGEST_INFO]}...")


def continuation(answer: Answer) -> Answer | None:
    """What the next request must repeat to get the rest of an answer, None where this was all."""
    found = answer.get("continue")
    return found if isinstance(found, dict) and found else None


@contextmanager
def reading() -> Iterator[None]:
    """Turns an answer of another shape than MediaWiki's into ``Failed("unexpected-answer")``."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise Failed("unexpected-answer", type(error).__name__) from error


def text_of(markup: str) -> str:
    """The text of a fragment of HTML, white space collapsed."""
    if "<" in markup or "&" in markup:
        from lxml import html

        # In an element of its own, as lxml takes what begins like a whole page for one.
        markup = html.fragment_fromstring(f"<div>{markup}", create_parent=True).text_content()
    return " ".join(markup.split())
