"""The stage that applies the declared rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.filters.config import FilterConfig
from m4corpus.filters.masking import masked
from m4corpus.filters.parallel import languages_by_signature, signature
from m4corpus.filters.rules import Finding, Rule, rules
from m4corpus.filters.templates import template_share
from m4corpus.images import image_of
from m4corpus.ledger import Drop
from m4corpus.records import Document
from m4corpus.steps import Step
from m4corpus.storage.digests import canonical_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class FilterStep(Step):
    """Drops each document that breaks a rule, by the first rule it breaks; changes none but those it masks.

    ``templates`` is a file of the phrases :mod:`.templates` found, for ``max_template_share``; without it that rule is
    not applied. ``numbers`` is the folder of what :mod:`.parallel` found; without it nothing is recorded.

    Raises ``UserError`` when made with a configuration that names an unknown language.
    """

    name = "filter"

    def __init__(
        self, config: FilterConfig | None = None, templates: Path | None = None, numbers: Path | None = None
    ) -> None:
        super().__init__()
        self.config = config or FilterConfig()
        rules(self.config)
        self._file = templates
        self._numbers = numbers
        self._parallel: dict[str, int] = {}
        self._rules: list[tuple[str, Rule]] = []
        self._corpus: bytes | None = None

    def besides(self, rank: int, ids: Sequence[str]) -> list[bytes] | None:
        """What was found out about the whole corpus, the same for every document."""
        if self._corpus is None:
            self._corpus = self._found_in_corpus()
        return [self._corpus] * len(ids) if self._corpus else None

    def _found_in_corpus(self) -> bytes:
        """A digest of the templates, and of the numbers that occur in several languages; empty when neither is used."""
        digest = hashlib.blake2b(digest_size=16)
        if self._file is not None:
            digest.update(self._file.read_bytes())
        if self._numbers is not None:
            digest.update(canonical_json(languages_by_signature(self._numbers)))
        return digest.digest() if self._file is not None or self._numbers is not None else b""

    def prepare(self) -> None:
        """Build the rules in the worker: they are closures, which do not pickle."""
        self._rules = rules(self.config)
        if self._file is not None and self.config.max_template_share is not None:
            import numpy as np

            self._rules.append(("max-template-share", from_template(np.load(self._file), self.config)))

        if self._numbers is not None:
            self._parallel = languages_by_signature(self._numbers)

    def close(self) -> None:
        """Let go of the rules, so that the step can be pickled again."""
        self._rules = []
        self._parallel = {}

    def process(self, record: Document) -> Iterable[Document]:
        """The document, or ``Drop`` naming the rule it breaks. The rules are about prose: images pass."""
        if image_of(record.metadata):
            return [record]
        for name, rule in self._rules:
            finding = rule(record)
            if finding.broken:
                raise Drop(name, finding.evidence)
        notes: dict[str, int] = {}
        if languages := self._parallel and self._parallel.get(signature(record.text)):
            record.metadata["parallel_languages"] = str(languages)
            notes["parallel"] = 1
        if self.config.mask:
            record, counts = masked(record, self.config.mask)
            notes |= {f"masked-{kind}": count for kind, count in counts.items()}
        self.note(record.id, notes)
        return [record]


def from_template(phrases: NDArray[np.uint64], config: FilterConfig) -> Rule:
    """The rule over phrases that many documents share."""
    maximum = config.max_template_share

    def rule(document: Document) -> Finding:
        share: Any = template_share(document.text, document.script, document.language, phrases)
        if share is None or maximum is None:
            return Finding("template-share=none", "", False)
        limit = f"maximum={maximum:g} documents={config.template_documents}"
        return Finding(f"template-share={share:.4f}", limit, share > maximum)

    return rule
