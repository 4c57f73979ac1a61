from __future__ import annotations

import pytest

from m4corpus.clean.invisible import balance_directions
from m4corpus.clean.mojibake import repair
from m4corpus.clean.unicode import clean_code, clean_prose


@pytest.mark.parametrize(
    "text",
    [
        "کتاب\u200cها",  # Persian
        "می\u200cخواهم",
        "کے\u200cلیے",  # Urdu
        "क्\u200dष और क्\u200cष",  # Hindi: half form, visible virama
        "र\u200d्याचा",  # Marathi: eyelash ra
        "ক্\u200cষ র\u200d্যাব",  # Bengali
        "ක්\u200dෂ ශ්\u200dරී",  # Sinhala
        "க்\u200cஷ",  # Tamil
        "న్\u200cకి",  # Telugu
        "ខ្មែរ\u200bភាសា",  # Khmer: where lines may break
        "ภาษา\u200bไทย",
        "👨\u200d👩\u200d👧 🏳️\u200d🌈 🤷🏽\u200d♀️",
    ],
)
def test_what_a_script_spells_with_stays(text: str) -> None:
    assert clean_prose(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Auf\u200blage\u200c des\u200d Buches\u2060", "Auflage des Buches"),
        ("кни\u200cга", "книга"),
        ("漢\u200b字", "漢字"),
        ("x\u200dy 👨\u200d x", "xy 👨 x"),
        ("\ufeffkite\u00ad", "kite"),
        ("\u200ekite\u202c \u202bflies\u202c", "kite flies"),
    ],
)
def test_elsewhere_it_goes(text: str, clean: str) -> None:
    assert clean_prose(text) == clean
    assert clean_code(text) == clean


def test_directions_stay_in_text_written_from_the_right() -> None:
    text = "قال \u2066M4-RAG\u2069 إنه\u200f (RAG\u200e)."
    assert clean_prose(text) == text
    assert clean_prose("עברית \u202aLatin\u202c.") == "עברית \u202aLatin\u202c."


@pytest.mark.parametrize(
    ("text", "balanced"),
    [
        ("\u202babc", "\u202babc\u202c"),
        ("abc\u202c\u2069", "abc"),
        ("\u2067a\u202ab\u2069c", "\u2067a\u202ab\u202c\u2069c"),
        ("\u2067a\u202cb\u2069", "\u2067ab\u2069"),
        ("\u202ea\u2068b", "\u202ea\u2068b\u2069\u202c"),
    ],
)
def test_directions_are_balanced(text: str, balanced: str) -> None:
    assert balance_directions(text) == balanced
    assert balance_directions(balanced) == balanced


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ("Die StraÃŸe fÃ¼r groÃŸe Ã„pfel", "Die Straße für große Äpfel"),
        ("It\u00e2\u0080\u0099s \u00e2\u0080\u009ctrue\u00e2\u0080\u009d", "It’s “true”"),
        ("NejlĂ©pe to vysvÄ›tlĂ­ nĂˇsledujĂ­cĂ­ pĹ™Ă­klad", "Nejlépe to vysvětlí následující příklad"),
        ("la Chambre d\x92Agriculture \x96 25 \x80", "la Chambre d’Agriculture – 25 €"),
        ("a\x81b", "ab"),
    ],
)
def test_what_was_read_in_another_encoding_is_read_again(broken: str, text: str) -> None:
    assert clean_prose(broken) == text


@pytest.mark.parametrize(
    "text",
    [
        "Il a dit : « É » et l’été “à l’œuvre” – 25 °C, à 100 €",
        "ÀÉÈÊ Ã Â São João PÃO CORAÇÃO “É…”",
        "Ärger über Öl; Å® Ñ¿ Ć™ ß–",
        "Việt Nam: Đường sắt Bắc–Nam",
        "Æther® 5 µm ±2 · ¡Ñandú!",
        "čeština – příliš žluťoučký kůň",
        "Ⅷ ½ ¾ Ω≈ç√",
        "Bá\ufffdch Ã¼",
    ],
)
def test_what_is_not_broken_stays(text: str) -> None:
    assert repair(text) == text
