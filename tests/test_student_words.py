"""Parallel text for the student encoder: packed messages, listed forms of words, and which words get a vector."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of the benchmarks are scripts beside each other, not a package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.syspath_prepend(str(BENCHMARKS / "student"))


def _packed(messages: dict[int, str], aliases: dict[int, int]) -> bytes:
    start = 12 + 6 * (len(messages) + 1) + 4 * len(aliases)
    entries, texts = b"", b""
    for number, text in messages.items():
        entries += struct.pack("<HI", number, start + len(texts))
        texts += text.encode()
    entries += struct.pack("<HI", 0, start + len(texts))
    same = b"".join(struct.pack("<HH", number, place) for number, place in aliases.items())
    return struct.pack("<IBxxxHH", 5, 1, len(messages), len(aliases)) + entries + same + texts


def test_packed_messages_align_by_number(tmp_path: Path) -> None:
    from aligned import Aligned
    from chromium import packed

    folder = tmp_path / "locales"
    folder.mkdir()
    plural = "{{N,plural, =1{{{one}}}other{{# {many}}}}}"
    english = {
        1: "Bread with $1",
        2: "<a>Salt</a> &amp; water",
        4: "Chrome",
        5: plural.format(one="loaf", many="loaves"),
    }
    romanian = {1: "Pâine cu $1", 2: "<a>Sare</a> și apă", 4: "Chrome", 5: plural.format(one="pâine", many="pâini")}
    (folder / "en-GB.pak").write_bytes(_packed(english, {7: 1}))
    (folder / "ro.pak").write_bytes(_packed(romanian, {7: 1}))
    for other in ("ro_FEMININE", "pl"):
        (folder / f"{other}.pak").write_bytes(_packed({1: "Chleb"}, {}))
    assert list(packed(tmp_path, {"ro", "ro_FEMININE"}.__contains__)) == [
        Aligned("ro", "Pâine cu", "Bread with"), Aligned("ro", "Sare și apă", "Salt & water"),
        Aligned("ro", "pâini", "loaves"), Aligned("ro", "Sare și apă", "Salt & water"),
    ]  # fmt: skip


def test_a_packed_file_of_another_version_is_refused() -> None:
    from chromium import strings

    with pytest.raises(ValueError, match="version 4"):
        strings(struct.pack("<IBxxxHH", 4, 1, 0, 0))


def _number(value: int) -> bytes:
    more = next(i for i in range(4) if value < 1 << (6 + 8 * i))
    return (value | more << (6 + 8 * more)).to_bytes(1 + more, "big")


def _text(text: str) -> bytes:
    return _number(len(text)) + b"".join(_number(ord(letter)) for letter in text)


def _compiled(entries: list[list[tuple[str, str]]], part: str = "main@standard") -> bytes:
    """A transducer that reads and writes the ``entries``, symbol by symbol."""
    tags = sorted({symbol for entry in entries for pair in entry for symbol in pair if symbol.startswith("<")})
    pairs = sorted({pair for entry in entries for pair in entry})

    def symbol(name: str) -> bytes:
        if name.startswith("<"):
            return _number(len(tags) - 1 - tags.index(name))
        return _number(len(tags) + (ord(name) if name else 0))

    arcs: list[list[tuple[int, int]]] = [[]]
    ends = []
    for entry in entries:
        state = 0
        for pair in entry:
            arcs.append([])
            arcs[state].append((pairs.index(pair), len(arcs) - 1))
            state = len(arcs) - 1
        ends.append(state)
    data = b"LTTB" + bytes(8) + _number(0) + _number(len(tags)) + b"".join(_text(tag[1:-1]) for tag in tags)
    data += _number(len(pairs)) + b"".join(symbol(a) + symbol(b) for a, b in pairs)
    data += _number(1) + _text(part) + b"LTTD" + bytes(8) + _number(0) + _number(len(ends))
    data += b"".join(_number(end - before) for before, end in zip([0, *ends], ends, strict=False)) + _number(len(arcs))
    for state, found in enumerate(arcs):
        data += _number(len(found))
        before = 0
        for label, target in sorted(found):
            data += _number(label - before) + _number((target - state) % len(arcs))
            before = label
    return data


def _entry(read: str, *written: str) -> list[tuple[str, str]]:
    """Letter by letter, then symbols that are only written."""
    given = [*written[0], *written[1:]]
    width = max(len(read), len(given))
    return list(zip([*read] + [""] * (width - len(read)), given + [""] * (width - len(given)), strict=True))


def test_forms_have_the_translations_of_their_lemmas(tmp_path: Path) -> None:
    from aligned import Aligned
    from apertium import FORM, dictionary

    analyser = [
        _entry("pâine", "pâine", "<n>", "<sg>"), _entry("pâinii", "pâine", "<n>", "<sg>"),
        _entry("dă-mi", "da", "<v>"), _entry("apă", "apă", "<n>"),
    ]  # fmt: skip
    lemmas = [[*_entry("pâine", "pan"), ("<n>", "<n>")], [*_entry("da", "dar"), ("<v>", "<v>")]]
    (tmp_path / "ro-es.automorf.bin").write_bytes(_compiled(analyser))
    (tmp_path / "ro-es.autobil.bin").write_bytes(_compiled(lemmas))
    (tmp_path / "es-ro.automorf.bin").write_bytes(_compiled([_entry("pan", "pan", "<n>")]))
    found = list(dictionary([tmp_path], {"ro", "es"}.__contains__, ("spa",)))
    assert sorted(found, key=lambda pair: pair.text) == [
        Aligned("ro", "pâine", "pan", "es", FORM), Aligned("ro", "pâinii", "pan", "es", FORM),
    ]  # fmt: skip


def test_another_dictionary_is_inflected_by_lemma_or_infinitive(tmp_path: Path) -> None:
    from aligned import Aligned
    from apertium import FORM, inflected

    analyser = [
        _entry("सुनना", "सुन", "<v>", "<inf>"), _entry("सुनो", "सुन", "<v>", "<imp>"),
        _entry("घर", "घर", "<n>"), _entry("घरों", "घर", "<n>"),
    ]  # fmt: skip
    (tmp_path / "hin.automorf.bin").write_bytes(_compiled(analyser))
    entries = [Aligned("hin", "सुनना", "hear"), Aligned("hin", "घर", "house"), Aligned("hin", "पानी", "water")]
    assert {(pair.text, pair.pivot, pair.kind) for pair in inflected(tmp_path, iter(entries))} == {
        ("सुनो", "hear", FORM), ("घरों", "house", FORM),
    }  # fmt: skip


def test_forms_of_one_word_are_all_kept(tmp_path: Path) -> None:
    from aligned import Aligned
    from apertium import FORM
    from keep import HeldOut, kept

    listed = ["pâine", "pâinea", "pâinii", "pâini", "pâinilor"]
    found = [Aligned("ro", form, "pan", "es", FORM) for form in listed]
    assert [pair.text for pair in kept(found, "here", HeldOut(tmp_path))] == listed


def test_weighted_transducers_are_refused() -> None:
    from apertium import transducers

    with pytest.raises(ValueError, match="extensions"):
        transducers(b"LTTB" + b"\1" + bytes(7))


def _write(path: Path, columns: dict[str, list[str]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)


def test_words_get_a_vector_if_they_are_met_twice_in_a_dictionary_or_common_in_general(tmp_path: Path) -> None:
    import corpus
    import msgpack
    import numpy as np
    import teacher

    from m4corpus.embed.carried.student_words import features

    words = {"pages": ["pâine pâine", "pâini", "apă"], "freedict": ["unt"], "apertium": ["brânza", "lapte"]}
    for source, texts in words.items():
        rows = len(texts)
        _write(tmp_path / f"{source}.parquet", {
            "source": [source] * rows, "lang": ["ron_Latn"] * rows, "text": texts,
            "pivot": texts, "pivot_lang": ["ita_Latn"] * rows,
        })  # fmt: skip
    pivots = sorted(teacher.keys([text for texts in words.values() for text in texts]).tolist())
    (tmp_path / "teacher").mkdir()
    with (tmp_path / "teacher" / "part.npz").open("wb") as file:
        np.savez(file, k=np.array(pivots, np.uint64), y=np.ones((6, 4), np.float16), l=np.ones(6, np.uint16))
    wheel = tmp_path / "wordfreq.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        frequencies = msgpack.packb([{"format": "cB", "version": 1}, [], ["apă", "lapte", "vin"]])
        archive.writestr("wordfreq/data/small_ro.msgpack.gz", gzip.compress(frequencies))
    built = corpus.build(tmp_path, tmp_path / "teacher", wheel, 1000)
    kept = [
        word for word in ("pâine", "pâini", "apă", "unt", "brânza", "lapte", "vin")
        if features([word])[0][0] in built.whole_words
    ]  # fmt: skip
    assert kept == ["pâine", "apă", "unt", "lapte"]
