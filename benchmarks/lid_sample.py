"""From messages of known language to the lines the language identifier is trained on.

A line is one message, a few of them, or a few words of one, so that the model meets short texts and long ones. What
the spelling of a language leaves open is varied: tone marks of Yoruba and Hokkien, cedillas of Romanian, simplified
and traditional characters, letters without their marks.
"""

from __future__ import annotations

import csv
import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from lid_labels import NEIGHBOURS
from lid_sources import Text

from m4corpus import languages as registry
from m4corpus.identify.normalise import normalise
from m4corpus.identify.script import dominant_script
from m4corpus.identify.sinitic import to_simplified

#: Letters of a text that must be of one script for the text to be taken.
SCRIPT_SHARE = 0.75
#: Characters of text a label must have to be trained; one of the 42 or a neighbour of theirs needs fewer.
ENOUGH, ENOUGH_NEAR = 8_000, 1_500
#: A script that holds less than this part of a language's text is there by mistake.
STRAY = 0.15
#: Characters of lines a label is given: one of the 42, a neighbour of theirs, any other.
BUDGET, BUDGET_NEAR, BUDGET_OTHER = 350_000, 200_000, 90_000
#: Characters of random words, drawn by frequency, for a language of the 42 or a neighbour; others get a quarter, and so
#: do those whose words come from a dictionary, all as frequent.
WORDS = 200_000
UNWEIGHTED = ("swh_Latn",)
#: Characters of lines mixed from a language's texts and the words of its own in ``lid_words.csv``.
OWN_WORDS = 200_000
#: How often the messages of a label with few are gone through, at most.
ROUNDS, ROUNDS_NEAR = 5, 20
#: Languages so like another that one's words teach nothing about the other unless those both have are left out.
CONTRASTS = (("nob", "nno"), ("ind", "zsm"), ("ces", "slk"), ("bul", "mkd"), ("spa", "cat"), ("nob", "dan"))

Pools = dict[str, list[str]]


def pools(texts: Iterable[tuple[str, Text]], scripts: frozenset[str]) -> Pools:
    """Distinct texts of each label, ``<code>_<script>``; ``texts`` come with their code, of ``scripts`` alone."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for code, text in texts:
        if len(text.text) < 8:
            continue
        script = dominant_script(text.text)
        if script.share >= SCRIPT_SHARE:
            found[f"{code}_{merged(script.code)}"][text.text] = None
    trusted = _trusted({label: list(kept) for label, kept in found.items()})
    return {label: kept for label, kept in trusted.items() if label.split("_")[1] in scripts}


def merged(script: str) -> str:
    """The script in the model's labels: both forms of Chinese writing are ``Hani``."""
    return "Hani" if script in ("Hans", "Hant") else script


def _trusted(found: Pools) -> Pools:
    sizes = {label: sum(map(len, texts)) for label, texts in found.items()}
    totals: dict[str, int] = defaultdict(int)
    for label, size in sizes.items():
        totals[label.split("_")[0]] += size
    ours = {language.code for language in registry.languages()}
    kept = {}
    for label, texts in sorted(found.items()):
        code, script = label.split("_")
        enough = ENOUGH_NEAR if code in ours or code in NEIGHBOURS else ENOUGH
        if sizes[label] >= enough and (sizes[label] >= STRAY * totals[code] or script == "Hani"):
            kept[label] = texts
    return kept


def own_words() -> dict[str, list[str]]:
    """Words that tell a language from its nearest relatives, by label: written down for this purpose."""
    with Path(__file__).with_name("lid_words.csv").open(encoding="utf-8", newline="") as file:
        return {row["label"]: row["words"].split() for row in csv.DictReader(file)}


def lines(found: Pools, words: Mapping[str, Sequence[tuple[str, float]]], seed: int) -> list[str]:
    """fastText's training file, a label and a normalised text on each line, in random order."""
    ours = {language.code for language in registry.languages()}
    rng = random.Random(seed)
    own = own_words()
    rows = []
    for label, texts in sorted(found.items()):
        code = label.split("_")[0]
        near = code in NEIGHBOURS
        budget = BUDGET if code in ours else BUDGET_NEAR if near else BUDGET_OTHER
        chosen = _varied(texts, budget, ROUNDS_NEAR if code in ours or near else ROUNDS, rng)
        if label in words:
            plenty = (code in ours or near) and label not in UNWEIGHTED
            chosen += _random_words(words[label], WORDS if plenty else WORDS // 4, rng)
        if label in own:
            background = found["cmn_Hani"] if label == "nan_Hani" else texts
            chosen += _mixed(own[label], background, "" if label == "nan_Hani" else " ", rng)
        if label == "nan_Hani":
            chosen += _in_hokkien(found["cmn_Hani"], rng)
        for text in chosen:
            text = normalise(_respelt(label, text, rng))
            if len(text) > 2:
                rows.append(f"__label__{label} {text}")
    rng.shuffle(rows)
    return rows


def _varied(texts: list[str], budget: int, rounds: int, rng: random.Random) -> list[str]:
    """Lines of one to eight texts, or of some words of one, until ``budget`` characters or ``rounds`` are reached."""
    chosen: list[str] = []
    size = 0
    texts = list(texts)
    for _ in range(rounds):
        rng.shuffle(texts)
        start = 0
        while start < len(texts) and size < budget:
            count = rng.choices((1, 2, 3, 5, 8), (55, 20, 12, 8, 5))[0]
            line = " ".join(texts[start : start + count])[:700]
            start += count
            pieces = line.split(" ")
            if count == 1 and len(pieces) > 4 and rng.random() < 0.25:
                length = rng.randint(3, min(8, len(pieces)))
                first = rng.randrange(len(pieces) - length + 1)
                line = " ".join(pieces[first : first + length])
            chosen.append(line)
            size += len(line)
        if size >= budget:
            break
    return chosen


def _random_words(words: Sequence[tuple[str, float]], budget: int, rng: random.Random) -> Iterator[str]:
    names = [word for word, _ in words]
    cumulative = list(accumulate(weight for _, weight in words))
    size = 0
    while size < budget:
        line = " ".join(rng.choices(names, cum_weights=cumulative, k=rng.randint(3, 18)))
        size += len(line)
        yield line


def _mixed(words: Sequence[str], texts: Sequence[str], space: str, rng: random.Random) -> Iterator[str]:
    """Runs of ``words`` with bits of ``texts`` among them, as far as those can be told into bits."""
    size = 0
    while size < OWN_WORDS:
        parts = []
        for _ in range(rng.randint(1, 6)):
            parts += rng.choices(words, k=rng.randint(1, 4))
            if rng.random() < 0.5:
                text = rng.choice(texts)
                pieces = text.split() if space else text
                first = rng.randrange(len(pieces))
                parts.append(space.join(pieces[first : first + rng.randint(1, 5)]))
        line = space.join(parts)
        size += len(line)
        yield line


#: Function words of Mandarin, and those that stand in their place in written Hokkien.
_HOKKIEN = (
    ("什么", "啥物"), ("什麼", "啥物"), ("怎么", "按怎"), ("怎麼", "按怎"), ("这个", "即个 這个"),
    ("這個", "這个 即個"), ("那个", "彼个"), ("那個", "彼个"), ("他们", "𪜶 因"), ("他們", "𪜶 因"),
    ("我们", "阮 咱"), ("我們", "阮 咱"), ("没有", "無 无"), ("沒有", "無"), ("不能", "袂使 勿会使 勿会"),
    ("不会", "勿会 袂"), ("不會", "袂"), ("知道", "知影"), ("喜欢", "佮意"), ("孩子", "囡仔"), ("女人", "查某"),
    ("这种", "即号 這款"), ("這種", "這款"), ("已经", "业已 已经"), ("不", "毋 勿会 無"), ("这", "即 這"),
    ("這", "這 即"), ("和", "佮 佮 合"), ("与", "佮 佮 合"), ("都", "拢 攏"), ("让", "互 予"), ("给", "互 予"),
    ("給", "予 互"), ("在", "佇 伫"), ("很", "誠 真 足"), ("要", "欲 愛 着"), ("说", "讲"), ("說", "講"),
    ("吃", "食"), ("也", "嘛"), ("再", "閣 阁"), ("还", "猶 犹"), ("被", "互 予 共"), ("把", "共"), ("他", "伊"),
    ("它", "伊"),
)  # fmt: skip


def _in_hokkien(texts: Sequence[str], rng: random.Random) -> Iterator[str]:
    """Mandarin with the function words of Hokkien, where at least two come into it: of real Hokkien there is little."""
    size = 0
    for text in rng.sample(texts, len(texts)):
        replaced = 0
        for mandarin, hokkien in _HOKKIEN:
            if mandarin in text:
                text = text.replace(mandarin, rng.choice(hokkien.split()))
                replaced += 1
        if replaced > 1:
            size += len(text)
            yield text
        if size > OWN_WORDS:
            return


def contrasts(lists: dict[str, list[tuple[str, float]]]) -> None:
    """Add to the word lists of confusable languages what sets them apart once more, in place.

    A word counts for a language where it is at least three times as frequent there as in the other.
    """
    original = {label: dict(words) for label, words in lists.items()}
    for first, second in CONTRASTS:
        for one, other in ((first, second), (second, first)):
            for script in ("Latn", "Cyrl"):
                mine, theirs = original.get(f"{one}_{script}"), original.get(f"{other}_{script}")
                if mine and theirs:
                    own = [(word, f) for word, f in mine.items() if f > 3 * theirs.get(word, 0.0)]
                    lists[f"{one}_{script}"] = lists[f"{one}_{script}"] + [(word, 2 * f) for word, f in own]


_TONES_YORUBA = str.maketrans("", "", "\u0300\u0301")


def _respelt(label: str, text: str, rng: random.Random) -> str:
    """``text`` in one of the other spellings its language is met in, now and then."""
    code, script = label.split("_")
    chance = rng.random()
    if script == "Hani" and code != "jpn" and chance < 0.35:
        return to_simplified(text)
    if script != "Latn":
        return text
    if code == "yor" and chance < 0.35:
        return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).translate(_TONES_YORUBA))
    if code == "yor" and chance < 0.6:
        return _plain(text)
    if code == "nan" and chance < 0.6:
        return _loose_hokkien(text) if chance < 0.25 else _plain(text).replace("-", " ").replace("ⁿ", "n")
    if code == "jav" and chance < 0.2:
        # As many write it: the rounded a at the end of a word, and before it, as o.
        return _ROUNDED.sub(r"o\1o", text)
    if code == "ron" and chance < 0.3:
        return text.replace("ș", "ş").replace("ț", "ţ")
    return _plain(text) if chance < 0.08 else text


_ROUNDED = re.compile(r"a((?:ng|ny|dh|th|[bcdfghjklmnprstwy])?)a\b")
_LOOSE = (
    ("chh", "\0"),
    ("ts", "c"),
    ("ch", "c"),
    ("\0", "ch"),
    ("goa", "wa"),
    ("oa", "ua"),
    ("oe", "ue"),
    ("eng", "ing"),
)


def _loose_hokkien(text: str) -> str:
    """Hokkien as it is typed without a standard: no tones, no hyphens, ``c`` for ``ch``, ``k`` for a final ``h``."""
    text = _plain(text.lower()).replace("-", " ").replace("ⁿ", "")
    for standard, loose in _LOOSE:
        text = text.replace(standard, loose)
    return re.sub(r"(?<=[aeiou])h\b", "k", text)


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
