"""The path of headings a passage stands under."""

from __future__ import annotations

from collections.abc import Sequence

from m4corpus.records import Block


def heading_paths(text: str, blocks: Sequence[Block], positions: Sequence[int]) -> list[list[str]]:
    """For each of some ascending positions, the headings that begin before it and are in force there, outermost first.

    A heading is in force until the next of its own level or above.
    """
    headings = sorted((b for b in blocks if b.kind == "heading"), key=lambda b: b.start)
    paths: list[list[str]] = []
    path: list[tuple[int, str]] = []
    passed = 0
    for position in positions:
        while passed < len(headings) and headings[passed].start < position:
            heading = headings[passed]
            path = [entry for entry in path if entry[0] < heading.level]
            path.append((heading.level, " ".join(text[heading.start : heading.end].split())))
            passed += 1
        paths.append([title for _, title in path])
    return paths
