from __future__ import annotations

from dataclasses import fields

import pytest
from pydantic import ValidationError

from m4corpus.errors import UserError
from m4corpus.filters.config import FilterConfig
from m4corpus.filters.rules import AUTOMATIC, RULES, rules
from m4corpus.records import Block, Document

#: Options that switch no rule on: they change documents, or need the whole corpus.
BESIDE = ("max_template_share", "template_documents", "record_parallel", "mask")
OFF = dict.fromkeys(
    f.name for f in fields(FilterConfig) if f.name not in (*BESIDE, "script_mismatch", "hint_disagreement")
)


def verdict(text: str = "", /, script: str = "Latn", language: str = "eng", **options: object) -> str | None:
    """Evidence of the one rule ``options`` switches on, all others off; keys of a document may be given too."""
    labels = {key: options.pop(key) for key in list(options) if key not in RULES}
    document = Document("d", "s", "l", "", text, script=script, language=language, **labels)  # type: ignore[arg-type]
    chosen = rules(FilterConfig(**{**OFF, **options}))  # type: ignore[arg-type]
    assert [name for name, _ in chosen] == [option.replace("_", "-") for option in options]
    finding = chosen[0][1](document)
    return finding.evidence if finding.broken else None


def test_every_option_has_its_rule_in_the_same_order() -> None:
    assert [field.name for field in fields(FilterConfig) if field.name not in BESIDE] == list(RULES)
    assert rules(FilterConfig(**OFF)) == []  # type: ignore[arg-type]


def test_min_chars_counts_letters_marks_and_digits() -> None:
    assert verdict("twelve chars!", min_chars=12) == "chars=11 minimum=12"
    assert verdict("twelve chars!", min_chars=11) is None
    assert verdict("กี่ปี", script="Thai", min_chars=5) is None


def test_max_chars() -> None:
    assert verdict("abcdef", max_chars=5) == "chars=6 maximum=5"
    assert verdict("abcde", max_chars=5) is None


def test_min_words_is_fair_to_scripts_without_spaces() -> None:
    assert verdict("one two -- three", min_words=4) == "words=3 minimum=4"
    assert verdict("凧は糸で引いて揚げる。", script="Jpan", language="jpn", min_words=4) is None
    assert verdict("ว่าวลอยอยู่บนฟ้า", script="Thai", language="tha", min_words=4) is None
    assert verdict("凧揚", script="Jpan", language="jpn", min_words=4) == "words=1 minimum=4"


def test_letter_share_counts_vowel_signs_as_letters() -> None:
    assert verdict("ab 12 34", min_letter_share=0.4) == "letter-share=0.3333 minimum=0.4"
    assert verdict("పతంగం గాలిలో ఎగురుతుంది", script="Telu", min_letter_share=1.0) is None
    assert verdict("\n\t ", min_letter_share=0.1) == "letter-share=0 minimum=0.1"


def test_symbol_share_leaves_punctuation_and_joiners_alone() -> None:
    assert verdict("ab++", max_symbol_share=0.4) == "symbol-share=0.5 maximum=0.4"
    assert verdict("(a), “b”; c…\n\td", max_symbol_share=0.0) is None
    assert verdict("می\u200cخواهم क्\u200dष", max_symbol_share=0.0) is None


def test_repeated_lines_weigh_by_length() -> None:
    text = "Menu\nMenu\nA long line that is the real text of this page.\nMenu"
    assert verdict(text, max_repeated_lines_share=0.5) is None
    assert verdict("Menu\n Menu \nMenu\n\n\n", max_repeated_lines_share=0.5) == (
        "repeated-lines-share=0.6667 maximum=0.5"
    )
    assert verdict("", max_repeated_lines_share=0.0) is None


def test_languages_are_named_in_any_way_the_registry_knows() -> None:
    allowed = ("zh-yue", "Irish", "de", "und")
    assert verdict(language="yue", languages=allowed) is None
    assert verdict(language="und", languages=allowed) is None
    assert verdict(language="fra", languages=allowed) == "language=fra allowed=deu,gle,und,yue"
    with pytest.raises(UserError, match="unknown language 'Klingon'"):
        verdict(languages=("Klingon",))


def test_confidence() -> None:
    assert verdict(language_confidence=0.25, min_language_confidence=0.5) == "confidence=0.25 minimum=0.5"
    assert verdict(language_confidence=0.5, min_language_confidence=0.5) is None


def test_script_mismatch() -> None:
    assert verdict(script="Latn", language="urd", script_mismatch=True) == ("script=Latn expected=Arab language=urd")
    assert verdict(script="Hani", language="yue", script_mismatch=True) is None
    assert verdict(script="Latn", language="und", script_mismatch=True) is None


def test_hint_disagreement() -> None:
    odd = {"language_hint": "ig", "hint_agreement": "disagree"}
    assert verdict(language="eng", hint_disagreement=True, **odd) == "language=eng hint=ig"
    assert verdict(language="ibo", hint_disagreement=True, hint_agreement="unsupported") is None


def test_options_that_may_be_learnt_take_auto_and_the_others_do_not() -> None:
    for option in RULES:
        if option in AUTOMATIC:
            FilterConfig(**{option: "auto"})
        elif option not in ("script_mismatch", "hint_disagreement", "languages"):
            with pytest.raises(ValidationError):
                FilterConfig(**{option: "auto"})


ENGLISH = (
    "The kite was made from paper and bamboo, and it was flown on the hill above the village. Children ran behind it "
    "with the string in their hands, and the old men who watched from the wall said that the wind would turn. When it "
    "did, the kite came down in a tree, and nobody was able to get it out of there before the rain had begun."
)
#: Enough clean text to be judged, in scripts with and without spaces.
CLEAN = {
    "eng": ("Latn", ENGLISH),
    "yor": (
        "Latn",
        "Àwọn ọmọdé ń sáré lẹ́yìn rẹ̀ pẹ̀lú okùn ní ọwọ́ wọn, àti pé àwọn àgbà tí ó ń wo láti "
        "orí ògiri sọ pé afẹ́fẹ́ yóò yí padà. Nígbà tí ó yí padà, ó já sí orí igi kan, kò sì s"
        "í ẹni tí ó lè mú un jáde níbẹ̀ kí òjò tó dé.",
    ),
    "jpn": (
        "Jpan",
        "凧は竹の骨組みに紙を張って作られ、村の上の丘で揚げられた。子どもたちは糸を手に持ってその後"
        "ろを走り、塀の上から見ていた老人たちは風向きが変わるだろうと言った。そのとおりになると、凧"
        "は木の上に落ちてしまい、雨が降り出す前にそれを取り出せる人は誰もいなかった。翌朝になって風"
        "がやむと、大工が長いはしごを持って来て、静かに枝から外した。",
    ),
    "tha": (
        "Thai",
        "ว่าวทำจากไม้ไผ่และกระดาษ เด็กๆ วิ่งตามว่าวไปบนเนินเขาเหนือหมู่บ้านโดยถือเชือกไว้ในมือ"
        " คนแก่ที่นั่งดูอยู่บนกำแพงบอกว่าลมจะเปลี่ยนทิศทาง เมื่อลมเปลี่ยนแล้วว่าวก็ตกลงบนต้นไม"
        "้ และไม่มีใครสามารถเอาออกมาได้ก่อนที่ฝนจะตก",
    ),
    "arz": (
        "Arab",
        "الطيارة الورق بتتعمل من البوص والورق، والعيال كانوا بيطيروها من على السطوح فى الصيف. "
        "الولد الكبير كان بيمسك الخيط، واللى أصغر منه كان بيجرى وراه. ولما الهوا كان بيهدى، كا"
        "نت الطيارة بتقع على شجرة، وماحدش كان بيعرف يجيبها من هناك قبل ما الدنيا تضلم والناس ت"
        "روح على بيوتها.",
    ),
}
EVERY_AUTO = dict.fromkeys(AUTOMATIC, "auto")


def broken(text: str, language: str, script: str, **labels: object) -> set[str]:
    """The rules with learnt limits a text breaks."""
    document = Document("d", "s", "l", "", text, language=language, script=script, **labels)  # type: ignore[arg-type]
    return {
        name
        for name, rule in rules(FilterConfig(**{**OFF, **EVERY_AUTO}))
        if rule(document).broken  # type: ignore[arg-type]
    }


@pytest.mark.parametrize("language", CLEAN)
def test_clean_text_keeps_every_learnt_limit(language: str) -> None:
    script, text = CLEAN[language]
    assert broken(text, language, script) == set()


def test_words_without_those_that_hold_them_together_are_dropped() -> None:
    keywords = (
        "kite paper bamboo hill village children string wall wind tree rain river stone basket bread oven flour salt "
        "drum flute song dance market cloth needle thread loom wool dye clay pot kiln spoon bowl lamp oil wick candle"
    )
    assert "min-stop-word-share" in broken(keywords, "eng", "Latn")
    assert verdict(keywords, min_stop_word_share="auto").endswith("learnt-from=eng")  # type: ignore[union-attr]


def test_yoruba_typed_without_tone_marks_is_still_yoruba() -> None:
    import unicodedata

    script, text = CLEAN["yor"]
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    assert broken(bare, "yor", script) == set()


@pytest.mark.parametrize("language", CLEAN)
def test_text_that_goes_round_in_circles_is_dropped_in_every_script(language: str) -> None:
    script, text = CLEAN[language]
    joint = "" if script in ("Jpan", "Thai") else " "
    assert {"max-repeated-ngrams-share", "min-distinct-share"} <= broken(joint.join([text[:40]] * 20), language, script)


def test_lost_spaces_are_found_by_the_length_of_words_and_only_in_scripts_that_have_them() -> None:
    assert "max-word-length" in broken(ENGLISH.replace(" ", ""), "eng", "Latn")
    script, text = CLEAN["tha"]
    assert broken(text.replace(" ", ""), "tha", script) == set()


def test_menus_are_found_by_their_lines() -> None:
    menu = "\n".join(
        " ".join(pair) for pair in zip(*[iter(ENGLISH.replace(".", "").replace(",", "").split())] * 2, strict=False)
    )
    assert {"min-punctuated-share", "min-line-letters"} <= broken(menu, "eng", "Latn")


def test_lines_of_headings_lists_and_tables_are_no_prose() -> None:
    text = "Kites\nRed kite\nBlue kite\n" + ENGLISH
    rows = text.index(ENGLISH)
    blocks = [Block("heading", 1, 0, 5), Block("table_row", 0, 6, rows - 1), Block("paragraph", 0, rows, len(text))]
    assert broken(text, "eng", "Latn", blocks=blocks) == set()


def test_a_short_text_passes_what_cannot_judge_it() -> None:
    assert broken("Kite kite kite.", "eng", "Latn") == set()


def test_a_language_without_limits_of_its_own_gets_its_scripts() -> None:
    spam = ENGLISH[:60] * 8
    for language, basis in (("eng", "eng"), ("deu", "Latn"), ("und", "Latn")):
        evidence = verdict(spam, language=language, max_repeated_ngrams_share="auto")
        assert evidence is not None
        assert evidence.endswith(f"learnt-from={basis}")
    assert verdict(spam, script="Grek", language="ell", max_repeated_ngrams_share="auto").endswith("learnt-from=*")  # type: ignore[union-attr]


def test_a_stub_is_short_prose_beside_a_long_infobox() -> None:
    prose, rows = "Ana is a village.", "\n".join(f"Row {n} with its value {n * 7}" for n in range(10))
    text = f"{prose}\n{rows}"
    blocks = [Block("paragraph", 0, 0, len(prose)), Block("table_row", 0, len(prose) + 1, len(text))]
    evidence = verdict(text, blocks=blocks, stub_letters=100)
    assert evidence == "prose-letters=13 rows-share=0.9319 minimum=100 unless rows-share<=0.5"
    assert verdict(text, blocks=blocks, stub_letters=10) is None
    assert verdict(prose, blocks=[Block("paragraph", 0, 0, len(prose))], stub_letters=100) is None
    # The same content takes fewer letters of Chinese.
    assert "minimum=29 " in verdict(text, blocks=blocks, language="cmn", script="Hans", stub_letters=100)  # type: ignore[operator]
    assert verdict(text, blocks=blocks, max_rows_share=0.9) == "rows-share=0.9319 maximum=0.9"


@pytest.mark.parametrize("options", [{"min_chars": -1}, {"max_symbol_share": 1.5}, {"no_such_rule": 1}])
def test_impossible_limits_are_refused(options: dict[str, object]) -> None:
    with pytest.raises((ValidationError, TypeError)):
        FilterConfig(**options)  # type: ignore[arg-type]
