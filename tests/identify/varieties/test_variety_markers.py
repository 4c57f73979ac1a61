from __future__ import annotations

import pytest

from m4corpus.identify.varieties.groups import group, score
from m4corpus.identify.varieties.markers import Marker, arrange
from m4corpus.identify.varieties.questions import question_like
from m4corpus.identify.varieties.reading import Reading, fold


def test_words_phrases_affixes_strings_and_endings_are_counted_once_each() -> None:
    markers = arrange(
        [
            Marker(("a",), "word", "blue", 1.0),
            Marker(("a",), "word", "blue sky", 2.0),
            Marker(("b",), "prefix", "un", 1.0),
            Marker(("b",), "suffix", "ing", 1.0),
            Marker(("a", "b"), "text", "zz", 1.0),
            Marker(("b",), "end", "done", 3.0),
        ]
    )
    found = markers.count(Reading("Blue sky. Undoing it, fizz! It is done."))
    assert found.scores == {"a": 1.0 + 2.0 + 1.0, "b": 1.0 + 1.0 + 1.0 + 3.0}
    assert found.of("b", 1) == "done"


def test_the_longest_marker_at_a_place_is_the_one_that_counts() -> None:
    markers = arrange([Marker(("a",), "text", "ab", 1.0), Marker(("b",), "text", "abc", 1.0)])
    assert markers.count(Reading("abc")).scores == {"a": 0.0, "b": 1.0}
    endings = arrange([Marker(("a",), "end", "た", 1.0), Marker(("b",), "end", "ました", 1.0)])
    assert endings.count(Reading("行きました。")).scores == {"a": 0.0, "b": 1.0}


def test_an_affix_needs_a_stem_and_repetition_counts_ever_less() -> None:
    markers = arrange([Marker(("a",), "prefix", "nge", 1.0)])
    assert markers.count(Reading("ngeri ngelihat")).scores == {"a": 1.0}
    assert markers.count(Reading("ngelihat ngeliput ngebantu")).scores == {"a": 2.0}
    assert markers.count(Reading("ngelihat " * 50)).scores == {"a": 2.0}


def test_spellings_that_vary_at_will_are_one() -> None:
    assert fold("Ё ’ مُـدَرِّس") == "е ' مدرس"


DIALECTS = [
    ("arabic", "arz-EG", "الراجل ده عايز يشترى عيش دلوقتى عشان جعان اوى"),
    ("arabic", "ar", "هذه المدينة هي التي زارها الكاتب قبل أن يعود إلى بلده"),
    ("sinitic", "yue", "佢哋琴日喺街市買咗好多嘢，啲菜好新鮮"),
    ("sinitic", "zh", "他们昨天在市场买了很多东西，你知道是什么吗"),
    ("sinitic", "nan-Hani", "恁昨昏佇市場買啥物？阮攏毋知影"),
    ("min-nan-latin", "nan-Latn", "Góa ê pêng-iú tī chhī-tiûⁿ bé hî, lâng chin chē"),
    ("min-nan-latin", "nan-Latn-ID", "lu ciak ha mik mia, wa ai be cai"),
    ("malayic", "id", "Kantor itu tutup karena hujan, jadi kami bisa pulang, yaitu naik mobil"),
    ("malayic", "ms-MY", "Pejabat itu ditutup kerana hujan, iaitu pada bulan Ogos, bahawa perkhidmatan berhenti"),
    ("malayic", "min-ID", "Urang kampuang tu indak ado nan datang, dek karano hari alah hujan"),
    ("portuguese", "pt-BR", "O usuário perdeu o ônibus e tomou um suco no café da manhã"),
    ("portuguese", "pt-PT", "O utilizador perdeu o autocarro e bebeu um sumo ao pequeno-almoço"),
]


@pytest.mark.parametrize(("name", "variety", "text"), DIALECTS)
def test_dialects_and_national_standards_are_told_by_their_words(name: str, variety: str, text: str) -> None:
    found = score(group(name), text)
    assert found.variety == variety
    assert found.confidence >= 0.75
    assert found.markers


def test_a_text_without_markers_has_no_variety() -> None:
    found = score(group("malayic"), "Nasi")
    assert (found.variety, found.confidence, found.markers) == ("", 0.0, "")
    assert sum(found.probabilities.values()) < 1


def test_one_word_does_not_place_a_text_in_a_country() -> None:
    assert score(group("spanish"), "El ordenador, el ordenador y otra vez el ordenador").variety == ""
    assert score(group("spanish"), "El ordenador y el zumo de melocotón").variety == "es-ES"


def test_words_of_several_countries_do_not_choose_between_them() -> None:
    found = score(group("chinese"), "软件里的视频信息和网络质量")
    assert found.confidence < 0.5
    assert found.probabilities["zh-CN"] == found.probabilities["zh-SG"]


def test_confidence_never_passes_the_groups_ceiling() -> None:
    spanish = group("spanish")
    text = "Vosotros habéis cogido el ordenador y el móvil; tenéis zumo de melocotón, patatas y gambas, ¿vale?"
    assert score(spanish, text * 5).confidence == spanish.ceiling


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where is the bread?", True),
        ("ما اسم هذا الطبق؟", True),
        ("この料理の名前を教えてください。", True),
        ("Punapa namanipun jajan menika", True),
        ("The bread is on the table.", False),
        ("Is it? " * 80, False),
        ("", False),
    ],
)
def test_what_passes_for_a_question(text: str, expected: bool) -> None:
    assert question_like(text) is expected
