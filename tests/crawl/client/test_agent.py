from __future__ import annotations

import re

import pytest
from hostile import hasty

from m4corpus.crawl.client import Client, user_agent
from m4corpus.crawl.config import CrawlConfig, QueriesConfig
from m4corpus.errors import UserError


@pytest.fixture(autouse=True)
def no_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("M4CORPUS_CONTACT", raising=False)


@pytest.mark.parametrize(
    "contact",
    ["me@example.org", "mailto:me@example.org", "https://example.org/~me", "https://example.org/bot; me@example.org"],
)
def test_it_names_program_contact_and_library(contact: str) -> None:
    assert re.fullmatch(rf"m4corpus/[\d.]+ \({re.escape(contact)}\) python-httpx/[\d.]+", user_agent(contact))


@pytest.mark.parametrize(
    "contact", ["", " ", "me", "me@localhost", "https://", "a b", "me@example.org\r\nX: y", "(me@a.org)"]
)
def test_without_a_real_contact_there_is_no_client(contact: str) -> None:
    config = CrawlConfig(contact=contact, queries=[QueriesConfig(name="q", path="q.csv")])
    with pytest.raises(UserError) as caught:
        Client(config)
    assert "M4CORPUS_CONTACT" in caught.value.hint
    assert caught.value.exit_code == 2


def test_the_environment_names_the_contact_where_the_recipe_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("M4CORPUS_CONTACT", "lab@example.org")
    assert "(lab@example.org)" in user_agent("")
    assert "(me@example.org)" in user_agent("me@example.org")
    Client(hasty())
