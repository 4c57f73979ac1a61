"""Parallel text for the student encoder: what parsers align and which pairs are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of the benchmarks are scripts beside each other, not a package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.syspath_prepend(str(BENCHMARKS / "student"))


def test_fluent_keeps_ids_attributes_and_the_last_variant() -> None:
    from aligned import fluent

    content = """# comment
tab-close = Close { $count } tabs
    in this window
menu-open =
    .label = Open file
    .accesskey = O
files = { $n ->
    [one] One file
   *[other] Many files
}
"""
    assert fluent(content) == {
        "tab-close": "Close tabs in this window",
        "menu-open.label": "Open file",
        "menu-open.accesskey": "O",
        "files": "Many files",
    }


def test_pages_align_by_position_only_where_their_structure_is_the_same() -> None:
    from aligned import by_position, html_blocks

    english = html_blocks("<h1>Bread</h1><pre><p>code</p></pre><p>Flour and water.</p>")
    assert english == [("h1", "Bread"), ("p", "Flour and water.")]
    assert list(by_position(html_blocks("<h1>Pâine</h1><p>Făină și apă.</p>"), english)) == [
        ("Pâine", "Bread"), ("Făină și apă.", "Flour and water."),
    ]  # fmt: skip
    assert not list(by_position(html_blocks("<p>Pâine</p><p>Făină și apă.</p>"), english))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("chakula /tʃakˈula/ <n> (pl: {vyakula})\n1.\nfood\n2.\nmeal\n", [("chakula", "food"), ("chakula", "meal")]),
        ("Thun //θuːn// <pn>\nТун\ncity and municipality\n", [("Thun", "Тун")]),
        ('over <Adv>\n1. आरपार\n   "I helped her over."\n2. उस~पार\n', [("over", "आरपार"), ("over", "उस पार")]),
        ("agree /ɐɡɹˈiː/\n\nσυναινώ, συγκατατίθεμαι\n", [("agree", "συναινώ"), ("agree", "συγκατατίθεμαι")]),
    ],
)  # fmt: skip
def test_the_first_line_of_a_sense_translates(text: str, found: list[tuple[str, str]]) -> None:
    from dictionaries import entry

    assert list(entry(text)) == found


@pytest.mark.parametrize(
    ("text", "pivot", "alike"),
    [
        ("चावल और दाल", "Rice and lentils", True),
        ("飯與扁豆", "Rice and lentils", True),
        ("Rice and lentils", "rice and lentils", False),
        ("Apache HTTP Server Version zwei", "Apache HTTP Server Version two", False),
        ("... 12", "Rice", False),
        ("दाल", "Rice and lentils are eaten together in many parts of the world", False),
    ],
)
def test_copies_and_texts_of_other_lengths_are_no_pairs(text: str, pivot: str, alike: bool) -> None:
    import keep

    assert keep.alike(text, pivot) is alike


def test_labels_need_the_script_of_their_language() -> None:
    from keep import label

    assert label("hi", "चावल और दाल") == "hin_Deva"
    assert label("hi", "chaval aur dal") == ""
    assert label("zh_TW", "飯與扁豆") == "cmn_Hant"
    assert label("el", "ρύζι") == "ell_Grek"
    assert label("eu", "arroza") == ""


def test_a_held_out_sentence_and_its_repeats_are_left_out(tmp_path: Path) -> None:
    from aligned import Aligned
    from keep import REPEATS, HeldOut, kept

    (tmp_path / "declaration").mkdir()
    held = "Toate ființele umane se nasc libere și egale în demnitate și în drepturi."
    (tmp_path / "declaration" / "ron.html").write_text(f"<p>{held}</p>", encoding="utf-8")
    found = [
        Aligned("ro", f"Articolul 1. {held}", "All human beings are born free and equal in dignity and rights."),
        *(Aligned("ro", f"Deschide fișierul {n}", f"Open the file {n}") for n in range(10)),
    ]
    pairs = list(kept(found, "here", HeldOut(tmp_path)))
    assert [pair.text for pair in pairs] == [f"Deschide fișierul {n}" for n in range(REPEATS)]
    assert {(pair.lang, pair.pivot_lang, pair.kind) for pair in pairs} == {("ron_Latn", "eng_Latn", "message")}


def test_context_for_translators_is_no_part_of_a_message() -> None:
    from aligned import without_context

    assert [without_context(text) for text in ("race^Bats", "?verb:Build", "Time: 10 ^ 2", "Bread")] == [
        "Bats", "Build", "Time: 10 ^ 2", "Bread",
    ]  # fmt: skip
