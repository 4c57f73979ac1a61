"""What is said of a text's variety: the claims that bear on it, and the decision they come to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """One piece of evidence: that the text is in ``variety`` (a BCP-47 tag) with probability ``confidence``, 0 to 1.

    ``way`` is how it is known: one of :data:`WAYS`; ``detail`` what was seen, in a few words.
    """

    variety: str
    confidence: float
    way: str
    detail: str

    def __str__(self) -> str:
        return f"{self.way}: {self.detail}"


#: How a variety can be known, as named in the evidence of a decision and in ``tables/variety_evidence.csv``.
WAYS = ("tag", "edition", "host", "address", "markers", "model", "language")


@dataclass(frozen=True, slots=True)
class VarietyDecision:
    """The variety of a text, or why none is given.

    ``variety`` is a BCP-47 tag, mostly of one of the registry's 56; evidence may also name one outside (``pt-PT``,
    ``nan-Latn``), and ``languages.resolve_variety`` then gives None. It is empty when abstaining, and ``abstained``
    says why. ``confidence`` (0 to 1) is that of ``variety``, 0 without one; ``evidence`` is what it rests on, or what
    was found and did not suffice.
    """

    variety: str
    confidence: float
    evidence: str
    abstained: str = ""
