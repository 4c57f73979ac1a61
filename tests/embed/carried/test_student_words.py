"""What the student reads of a text: words alike however they are typed, and features that tell words apart."""

from __future__ import annotations

import pytest

from m4corpus.embed.carried.student_words import LONGEST_WORD, features, words_of


@pytest.mark.parametrize(
    ("typed", "also"),
    [
        ("ÀÉ", "A\u0300e\u0301"),
        ("ΔΡΟΜΟΣ", "δρομος"),
        ("\u200fكتاب", "کِتَاب"),
        ("क\u200dषण", "कषण"),
        ("१९४५", "1945"),
        ("İzmir", "izmir"),
        ("ﬁne", "FINE"),
    ],
)
def test_a_word_is_one_however_it_is_typed(typed: str, also: str) -> None:
    assert words_of([typed]) == words_of([also])


def test_words_keep_their_vowel_signs_and_end_at_marks() -> None:
    assert words_of(["हिन्दी में, नमस्ते।", "d'água e-mail", ""]) == [["हिन्दी", "में", "नमस्ते"], ["d", "água", "e", "mail"], []]


def test_texts_stay_apart() -> None:
    assert words_of(["one\ntwo", "three"]) == [["one", "two"], ["three"]]


def test_what_is_written_without_spaces_is_read_in_pairs() -> None:
    assert words_of(["平たいUSBパン x"]) == [["平た", "たい", "usb", "パン", "x"]]
    assert words_of(["猫"]) == [["猫"]]


def test_endless_words_are_cut() -> None:
    assert [len(word) for word in words_of(["a" * 1000])[0]] == [LONGEST_WORD]


def test_features_of_a_word_do_not_depend_on_the_words_beside_it() -> None:
    words = words_of(["Đường phố हिन्दी में straße a ኢትዮጵያ 平た"])[0]
    together = features(words)
    for i, word in enumerate(words):
        whole, whole_of, grams, gram_of = features([word])
        assert whole.tolist() == together[0][together[1] == i].tolist()
        assert grams.tolist() == together[2][together[3] == i].tolist()
        assert not whole_of.any()
        assert not gram_of.any()


def test_a_word_without_its_accents_shares_what_it_can() -> None:
    (_, _, grams, _), (_, _, plain, _) = features(["đường"]), features(["duong"])
    assert grams.tolist() == plain.tolist()


@pytest.mark.parametrize(
    ("word", "longer"), [("స్వాతంత్ర్యము", "అభిప్రాయస్వాతంత్ర్యమునకును"), ("ኢትዮጵያ", "ከኢትዮጵያውያን"), ("δικαίωμα", "δικαιώματα")]
)
def test_a_word_and_one_made_of_it_share_ngrams(word: str, longer: str) -> None:
    (_, _, grams, _), (_, _, others, _) = features([word]), features([longer])
    assert 2 * len(set(grams.tolist()) & set(others.tolist())) > len(grams)


def test_ngrams_of_alphabets_and_vowel_signs_are_longer_than_those_of_syllables() -> None:
    lengths = {word: len(features([word])[2]) for word in ("abcde", "हिन्दी"[:5], "ኢትዮጵያ"[:5])}
    assert list(lengths.values()) == [5 + 4 + 3, 5 + 4 + 3, 6 + 5]


def test_no_words_no_features() -> None:
    assert all(len(part) == 0 for part in features([]))
