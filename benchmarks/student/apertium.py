"""Words in all their forms with their translations, out of the compiled data of Apertium's translators.

A translator from A to B has a list of A's forms, each with its lemma and tags (``<A>-<B>.automorf.bin``), and a
dictionary of lemmas (``<A>-<B>.autobil.bin``). Both are transducers: graphs whose arcs bear a symbol that is read and
one that is written. A form's translation is its lemma's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from aligned import Aligned, Wanted
from lid_labels import code_of

#: Arcs of each state: the symbol read, the one written (empty: none), the state they lead to.
Arcs = list[list[tuple[str, str, int]]]
#: Where a transducer begins, where a word may end, and its arcs.
Transducer = tuple[int, frozenset[int], Arcs]

_MAGIC, _PART, _FLAGS = b"LTTB", b"LTTD", 8
#: The kind of the pairs: many have the same translation.
FORM = "form"
#: What marks the part of a file that holds ordinary words; others are numbers, punctuation, clitics.
_WORDS = "main"
#: Longest form, in characters, and translations taken of each.
LONGEST, TRANSLATIONS = 30, 2
#: Lemma and part of speech, as both files begin an entry.
_LEMMA = re.compile(r"([^<]+)<(\w+)>")
_INFINITIVE = "<inf>"
#: Forms and lemmas with one of these are phrases, or have others' clitics; written with a cedilla, or
#: with a vowel that Hindi does not have, they are misspelt.
_COMPOUND = frozenset("-'’ +#0123456789ţşŢŞ\u0946\u094a")


def dictionary(folders: list[Path], wanted: Wanted, pivots: tuple[str, ...]) -> Iterator[Aligned]:
    """Forms of each translator from a language that is ``wanted`` to one of ``pivots``, in no order."""
    for folder in folders:
        for path in sorted(folder.rglob("*.automorf.bin")):
            ours, theirs = path.name.split(".")[0].split("-")
            if wanted(ours) and code_of(theirs) in pivots:
                pairs = forms(path.read_bytes(), path.with_name(f"{ours}-{theirs}.autobil.bin").read_bytes())
                for form, translation in sorted(pairs, key=_shuffled):
                    yield Aligned(ours, form, translation, theirs, FORM)


def inflected(folder: Path, entries: Iterator[Aligned]) -> Iterator[Aligned]:
    """Forms of the headwords of another dictionary, with their translations, by the analyser in ``folder``: of a word
    that is a lemma or an infinitive."""
    of_lemma: dict[str, list[str]] = {}
    lemma_of: dict[str, str] = {}
    for path in sorted(folder.rglob("*.automorf.bin")):
        for form, analysis in words(path.read_bytes()):
            if found := _LEMMA.match(analysis):
                of_lemma.setdefault(found[1], []).append(form)
                if _INFINITIVE in analysis:
                    lemma_of.setdefault(form, found[1])
    pairs = {
        (form, entry.pivot): entry
        for entry in entries
        for form in of_lemma.get(entry.text) or of_lemma.get(lemma_of.get(entry.text, ""), [])
        if form != entry.text
    }
    for form, translation in sorted(pairs, key=_shuffled):
        yield replace(pairs[form, translation], text=form, kind=FORM)


def _shuffled(pair: tuple[str, str]) -> bytes:
    """Texts that follow one another are trained on as one: no series of forms of one word."""
    return hashlib.blake2b("\0".join(pair).encode(), digest_size=8).digest()


def forms(analyser: bytes, lemmas: bytes) -> Iterator[tuple[str, str]]:
    """Forms with translations of their lemmas."""
    translations: dict[tuple[str, str], list[str]] = {}
    for read, written in words(lemmas):
        ours, theirs = _LEMMA.match(read), _LEMMA.match(written)
        if ours and theirs:
            known = translations.setdefault((ours[1], ours[2]), [])
            if theirs[1] not in known and len(known) < TRANSLATIONS:
                known.append(theirs[1])
    seen: set[tuple[str, str]] = set()
    for form, analysis in words(analyser):
        if found := _LEMMA.match(analysis):
            for pair in ((form, translation) for translation in translations.get((found[1], found[2]), ())):
                if pair not in seen:
                    seen.add(pair)
                    yield pair


def words(data: bytes) -> Iterator[tuple[str, str]]:
    """What the transducers of ordinary words read and write, without compounds."""
    for name, transducer in transducers(data).items():
        if name.startswith(_WORDS):
            yield from _paths(transducer, transducer[0], "", "", set())


def _paths(
    transducer: Transducer, state: int, read: str, written: str, open_states: set[int]
) -> Iterator[tuple[str, str]]:
    _, ends, arcs = transducer
    if state in ends:
        yield read, written
    if len(read) < LONGEST:
        open_states.add(state)  # a circle of arcs is gone round once
        for taken, given, target in arcs[state]:
            if target not in open_states and taken not in _COMPOUND and given not in _COMPOUND:
                yield from _paths(transducer, target, read + taken, written + given, open_states)
        open_states.discard(state)


def transducers(data: bytes) -> dict[str, Transducer]:
    """The transducers of a compiled file (lttoolbox 3, without weights) by name."""
    numbers = _Numbers(data)
    if not numbers.begins(_MAGIC):
        raise ValueError("no file of lttoolbox")
    for _ in range(numbers.next()):  # the letters words are made of
        numbers.next()
    tags = [f"<{numbers.text()}>" for _ in range(numbers.next())]

    def symbol(number: int) -> str:
        # Below the number of tags it is a tag, counted from the end; at it none; above, a character.
        return tags[len(tags) - 1 - number] if number < len(tags) else chr(number - len(tags)).strip("\0")

    pairs = [(symbol(numbers.next()), symbol(numbers.next())) for _ in range(numbers.next())]
    return {numbers.text(): _transducer(numbers, pairs) for _ in range(numbers.next())}


def _transducer(numbers: _Numbers, pairs: list[tuple[str, str]]) -> Transducer:
    numbers.begins(_PART)
    start, ends, arcs, end = numbers.next(), set[int](), Arcs(), 0
    for _ in range(numbers.next()):  # numbers that rise are written as differences
        end += numbers.next()
        ends.add(end)
    states = numbers.next()
    for state in range(states):
        label, found = 0, list[tuple[str, str, int]]()
        for _ in range(numbers.next()):
            label += numbers.next()
            found.append((*pairs[label], (state + numbers.next()) % states))
        arcs.append(found)
    return start, frozenset(ends), arcs


class _Numbers:
    """Numbers one after the other; the two highest bits of each say how many bytes more it has."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def begins(self, magic: bytes) -> bool:
        """Whether ``magic`` is next, which is passed over with its flags: none, or the file has weights."""
        if not self._data.startswith(magic, self._at):
            return False
        after = self._at + len(magic) + _FLAGS
        if any(self._data[self._at + len(magic) : after]):
            raise ValueError("a file of lttoolbox with extensions, which are not read")
        self._at = after
        return True

    def next(self) -> int:
        more = self._data[self._at] >> 6
        value = int.from_bytes(self._data[self._at : self._at + 1 + more], "big") & ((1 << (6 + 8 * more)) - 1)
        self._at += 1 + more
        return value

    def text(self) -> str:
        return "".join(chr(self.next()) for _ in range(self.next()))
