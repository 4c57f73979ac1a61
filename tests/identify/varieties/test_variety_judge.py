from __future__ import annotations

import pytest

from m4corpus.identify.varieties.config import VarietiesConfig
from m4corpus.identify.varieties.decision import Claim, VarietyDecision
from m4corpus.identify.varieties.judge import VarietyJudge, is_register, weigh

judge = VarietyJudge().judge


def test_claims_for_one_variety_support_each_other_and_different_ones_compete() -> None:
    once = weigh([Claim("es-MX", 0.8, "tag", "")])
    twice = weigh([Claim("es-MX", 0.8, "tag", ""), Claim("es-MX", 0.8, "host", "")])
    against = weigh([Claim("es-MX", 0.8, "tag", ""), Claim("es-AR", 0.8, "host", "")])
    assert once == ("es-MX", pytest.approx(0.8))
    assert twice == ("es-MX", pytest.approx(0.96))
    assert against == ("es-MX", pytest.approx(4 / 9))


def test_a_tag_and_a_host_that_agree_make_a_variety() -> None:
    found = judge("El pan está en la mesa.", "spa", hint="es-MX", hint_from="attribute", url="https://pan.com.mx/")
    assert (found.variety, found.confidence) == ("es-MX", 0.985)
    assert found.evidence == "tag: es-MX; host: .mx"


def test_a_tag_and_a_host_that_contradict_each_other_make_none() -> None:
    found = judge("El pan está en la mesa.", "spa", hint="es-MX", hint_from="path", url="https://pan.com.ar/")
    assert found.variety == ""
    assert found.abstained.startswith("the likeliest, es-MX, has only 0.")
    assert found.evidence == "tag: es-MX; host: .ar"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("spa", "El pan está en la mesa y el agua en el jarro."),
        ("cmn", "面包在桌子上。"),
        ("urd", "روٹی میز پر ہے۔"),
        ("swh", "Mkate uko mezani."),
        ("ben", "রুটি টেবিলে আছে।"),
    ],
)
def test_text_that_shows_nothing_gets_no_variety(language: str, text: str) -> None:
    assert judge(text, language) == VarietyDecision("", 0.0, "", "neither the source nor the text says which")


def test_voseo_does_not_decide_between_argentina_and_uruguay() -> None:
    found = judge("Vos sabés que querés un mate; ¿tenés yerba y bombilla?", "spa")
    assert found.variety == ""
    assert found.evidence.startswith("markers: ")


def test_a_language_of_one_country_speaks_for_it_unless_the_host_is_elsewhere() -> None:
    assert judge("Bara zo war an daol.", "bre").variety == "br-FR"
    assert judge("Pâinea este pe masă.", "ron").variety == "ro-RO"
    elsewhere = judge("Pâinea este pe masă.", "ron", url="https://paine.md/")
    assert elsewhere.variety in {"", "ro-MD"}


def test_confidence_is_never_above_that_of_the_language() -> None:
    assert judge("Bara zo war an daol.", "bre", language_confidence=0.8).confidence == 0.8
    assert judge("Bara zo war an daol.", "bre", language_confidence=0.5).variety == ""


def test_a_variety_of_another_language_than_found_is_not_given() -> None:
    found = judge("الراجل ده عايز يشترى عيش دلوقتى عشان جعان اوى", "arb", "Arab")
    assert found.variety == ""
    assert found.abstained == "the text is taken for arb, but reads as arz-EG"
    assert judge("الراجل ده عايز يشترى عيش دلوقتى", "arz", "Arab").variety == "arz-EG"


def test_another_dialect_of_arabic_does_not_pass_for_the_standard() -> None:
    found = judge("شو هيك؟ بدي خبز كتير", "arb", "Arab")
    assert (found.variety, found.abstained) == ("", "the text is taken for arb, but reads as apc")
    assert judge("هذه المدينة هي التي زارها الكاتب", "arb", "Arab").variety == "ar"


def test_the_bare_language_is_no_variety() -> None:
    found = judge("他们昨天在市场买了很多东西，你知道是什么吗？", "cmn", "Hans")
    assert found.variety == ""


REGISTERS = [
    ("ind", "id-ID-x-formal", "Apakah Anda mengetahui nama alat musik tersebut?"),
    ("ind", "id-x-casual", "eh itu alat musik apaan sih namanya?"),
    ("jpn", "ja-JP-x-formal", "この楽器の名前を教えていただけますでしょうか。"),
    ("jpn", "ja-x-casual", "この楽器、なんて言うんだっけ？"),
    ("kor", "ko-KR-x-formal", "이 악기의 이름은 무엇입니까?"),
    ("kor", "ko-x-casual", "이 악기 이름이 뭐야?"),
    ("rus", "ru-RU-x-formal", "Подскажите, пожалуйста, как Вы называете этот инструмент?"),
    ("rus", "ru-x-casual", "слушай, ты не знаешь, что это за штука?"),
    ("jav", "jv-x-krama", "Punapa naminipun gamelan menika?"),
    ("jav", "jv-ID-x-ngoko", "Apa jenenge gamelan iki?"),
    ("sun", "su-ID-x-loma", "Naon ngaranna ieu kadaharan téh, maneh nyaho?"),
]


@pytest.mark.parametrize(("language", "variety", "text"), REGISTERS)
def test_registers_of_questions(language: str, variety: str, text: str) -> None:
    assert judge(text, language).variety == variety


def test_a_neutral_question_shows_no_register() -> None:
    assert judge("Как называется этот инструмент?", "rus").variety == ""


def test_registers_are_for_questions_alone_and_can_be_turned_off() -> None:
    prose = "この楽器は木でできている。音は高い。" * 40
    assert judge(prose, "jpn").abstained == "its varieties are those of questions, which this is not"
    assert VarietyJudge(VarietiesConfig(registers=False)).judge(REGISTERS[3][2], "jpn").variety == ""


def test_a_source_gives_no_register() -> None:
    found = judge("この楽器は木でできている。", "jpn", hint="ja-x-casual", hint_from="recipe")
    assert found.variety == ""


def test_the_threshold_decides() -> None:
    text = "Nasi itu enak banget, kan?"
    assert VarietyJudge(VarietiesConfig(min_confidence=0.5)).judge(text, "ind").variety == "id-x-casual"
    assert VarietyJudge(VarietiesConfig(min_confidence=0.99)).judge(text, "ind").variety == ""


def test_a_language_outside_the_registry_has_none() -> None:
    assert judge("Brot", "deu", hint="de-AT").abstained == "no varieties of this language are known"


def test_what_a_register_is() -> None:
    assert is_register("ja-x-casual")
    assert is_register("fr-x-formal")
    assert not is_register("es-MX")
