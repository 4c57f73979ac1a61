from __future__ import annotations

from m4corpus.identify.byte_reader import weighed as weigh


def test_two_readers_in_doubt_are_settled_by_the_second() -> None:
    weighed = weigh(
        {"nob": 0.4, "dan": 0.6}, "Hun har ikke hatt tid til å skrive, sier hun, men nå gjør hun det likevel."
    )
    assert weighed["nob"] > weighed["dan"]


def test_a_language_it_does_not_know_is_not_ruled_out() -> None:
    weighed = weigh({"src": 0.7, "ita": 0.3}, "Deris so andadu a su mercadu a comporare su late.")
    assert weighed["src"] > weighed["ita"]


def test_forms_of_arabic_keep_their_odds() -> None:
    weighed = weigh({"arz": 0.75, "arb": 0.25}, "امبارح رحت السوق عشان أشتري لبن بس لقيت المحل قافل")
    assert weighed["arz"] == 3 * weighed["arb"]


def test_a_text_without_letters_weighs_nothing() -> None:
    weighed = weigh({"nob": 0.4, "dan": 0.6}, "")
    assert weighed["nob"] < weighed["dan"]
