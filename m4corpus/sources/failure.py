"""An input that became no page, and why."""

from __future__ import annotations

from dataclasses import dataclass

from m4corpus.ledger import FAILED, Entry, Verdict

#: Reasons that lie in the moment of reading and not in the input: the same input may read well the next time.
TRANSIENT = frozenset({"changed-while-reading", "unreadable", "vanished"})

_DETAIL_CHARS = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """One input that became no page. ``outcome`` is ``failed``, or ``dropped`` where a rule and no fault decided."""

    id: str
    locator: str
    reason: str
    detail: str = ""
    outcome: str = FAILED

    @classmethod
    def of(cls, verdict: Verdict, id: str, locator: str) -> Failure:
        """What ``verdict`` says about the input; its detail is cut to 500 characters that UTF-8 can hold."""
        detail = verdict.detail[:_DETAIL_CHARS].encode("utf-8", "backslashreplace").decode()
        return cls(id, locator, verdict.slug, detail, verdict.outcome)

    def entry(self) -> Entry:
        """Its row of the ledger."""
        return Entry(self.id, self.locator, self.outcome, self.reason, self.detail, 0)
