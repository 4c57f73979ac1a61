"""The stage that applies the declared rules."""

from __future__ import annotations

from collections.abc import Iterable

from m4corpus.filters.config import FilterConfig
from m4corpus.filters.rules import Rule, rules
from m4corpus.ledger import Drop
from m4corpus.records import Document
from m4corpus.steps import Step


class FilterStep(Step):
    """Drops each document that breaks a rule, by the first rule it breaks; changes none.

    Raises ``UserError`` when made with a configuration that names an unknown language.
    """

    name = "filter"

    def __init__(self, config: FilterConfig | None = None) -> None:
        super().__init__()
        self.config = config or FilterConfig()
        rules(self.config)
        self._rules: list[tuple[str, Rule]] = []

    def prepare(self) -> None:
        """Build the rules in the worker: they are closures, which do not pickle."""
        self._rules = rules(self.config)

    def close(self) -> None:
        """Let go of the rules, so that the step can be pickled again."""
        self._rules = []

    def process(self, record: Document) -> Iterable[Document]:
        """The document, or ``Drop`` naming the rule it breaks."""
        for name, rule in self._rules:
            evidence = rule(record)
            if evidence is not None:
                raise Drop(name, evidence)
        return [record]
