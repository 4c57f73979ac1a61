"""Documents in more than one language, paragraph by paragraph, and what is flagged."""

from __future__ import annotations

import pytest

from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.romanised import read_romanised
from m4corpus.identify.segments import cut, shares_of
from m4corpus.identify.sequence import likeliest
from m4corpus.identify.step import IdentifyStep
from m4corpus.records import Block, Document

GERMAN = [
    "Für den Rahmen nimmt man zwei leichte Leisten, die in der Mitte über Kreuz gebunden werden.",
    "Danach wird das Papier zugeschnitten, um die Schnur gefaltet und mit Leim befestigt.",
    "Der Schwanz hält den Drachen ruhig; er soll etwa fünfmal so lang sein wie der Rahmen hoch ist.",
    "Zum Steigen braucht es gleichmäßigen Wind und eine Wiese ohne Bäume und Leitungen.",
]
ENGLISH = [
    "Hold the reel with both hands and let the line run out slowly while your helper lets go.",
    "If the nose drops, shorten the upper leg of the bridle by the width of a finger and try again.",
]
HINDI = [
    "पतंग बनाने के लिए पतला कागज़ और बाँस की दो तीलियाँ चाहिए, जिन्हें बीच में बाँधा जाता है।",
    "फिर कागज़ को तीलियों पर चिपकाया जाता है और नीचे एक लंबी पूँछ लगाई जाती है।",
    "हवा तेज़ हो तो डोर को धीरे-धीरे छोड़ना चाहिए, नहीं तो पतंग फट सकती है।",
]
HINGLISH = (
    "Patang banane ke liye patla kagaz chahiye aur do tiliyan, jinhe beech mein bandha jata hai. Phir kagaz ko "
    "chipkaya jata hai aur neeche ek lambi poonch lagayi jati hai, lekin hawa tez nahi honi chahiye."
)


def document(*parts: tuple[str, str], hint: str = "") -> Document:
    """A document of blocks, each given as its kind and its text."""
    text, blocks = "", []
    for kind, part in parts:
        text += "\n\n" if text else ""
        blocks.append(Block(kind, int(kind == "heading"), len(text), len(text) + len(part)))
        text += part
    return Document("d", "test", "d.html", "", text, blocks, language_hint=hint, hint_from="path" if hint else "")


def paragraphs(*texts: str, hint: str = "") -> Document:
    return document(*(("paragraph", text) for text in texts), hint=hint)


def identify(*documents: Document, config: IdentifyConfig | None = None) -> list[Document]:
    return list(IdentifyStep(config or IdentifyConfig(second_opinion_below=0)).run(iter(documents)))


def languages(document: Document) -> list[str]:
    return [block.language for block in document.blocks]


def test_an_untranslated_paragraph_is_found() -> None:
    found = identify(paragraphs(GERMAN[0], GERMAN[1], ENGLISH[0], ENGLISH[1], GERMAN[2], GERMAN[3], hint="de"))[0]
    assert found.language == "deu"
    assert languages(found) == ["", "", "eng", "eng", "", ""]
    assert found.flags == ["untranslated"]
    assert set(found.language_mix) == {"deu", "eng"}
    letters = [sum(map(str.isalpha, "".join(texts))) for texts in (GERMAN, ENGLISH)]
    assert found.language_mix["deu"] == pytest.approx(letters[0] / sum(letters), abs=0.01)
    assert sum(found.language_mix.values()) == pytest.approx(1, abs=1e-9)


def test_a_text_in_one_language_is_all_in_it() -> None:
    found = identify(paragraphs(*GERMAN, hint="de"), paragraphs(*HINDI), paragraphs(GERMAN[0]))
    assert [d.language_mix for d in found] == [{"deu": 1.0}, {"hin": 1.0}, {"deu": 1.0}]
    assert [set(languages(d)) for d in found] == [{""}] * 3
    assert [d.flags for d in found] == [[]] * 3


def test_most_of_the_text_names_the_document_not_its_hint() -> None:
    page = paragraphs(HINDI[0], *ENGLISH, *ENGLISH, *ENGLISH, hint="hi")
    found = identify(page)[0]
    assert (found.language, found.script, found.hint_agreement) == ("eng", "Latn", "disagree")
    assert languages(found)[0] == "hin"
    assert set(languages(found)[1:]) == {""}
    assert found.language_mix["eng"] > 0.8
    assert 0.5 < found.language_confidence <= 1


def test_a_heading_of_two_words_decides_nothing() -> None:
    alone = identify(document(("heading", "Open Data"), *(("paragraph", text) for text in GERMAN)))[0]
    assert set(languages(alone)) == {""}
    assert alone.language_mix == {"deu": 1.0}
    # Between English paragraphs the same words are English.
    kinds = [("paragraph", text) for text in GERMAN]
    around = [("paragraph", ENGLISH[0]), ("heading", "Open Data"), ("paragraph", ENGLISH[1])]
    mixed = identify(document(*kinds, *around))[0]
    assert languages(mixed) == ["", "", "", "", "eng", "eng", "eng"]


def test_names_in_other_letters_do_not_make_a_text_mixed() -> None:
    found = identify(paragraphs(*HINDI, "LibreOffice Calc", "Debian GNU/Linux", hint="hi"))[0]
    assert set(languages(found)) == {""}
    assert found.flags == []


def test_code_is_in_no_language() -> None:
    listing = "if the list of files is empty then print this message and leave the loop at once" * 3
    found = identify(document(("paragraph", GERMAN[0]), ("code", listing), ("paragraph", GERMAN[1])))[0]
    assert found.language_mix == {"deu": 1.0}
    assert set(languages(found)) == {""}


def test_lines_of_a_text_without_blocks_count_for_the_mix() -> None:
    text = "\n".join([*GERMAN, *ENGLISH])
    found = identify(Document("d", "test", "d.txt", "", text))[0]
    assert set(found.language_mix) == {"deu", "eng"}
    assert found.blocks == []


def test_a_quotation_in_another_language_is_no_untranslated_paragraph() -> None:
    parts = [("paragraph", text) for text in GERMAN]
    found = identify(document(*parts, ("quote", ENGLISH[0]), ("quote", ENGLISH[1])))[0]
    assert languages(found)[-2:] == ["eng", "eng"]
    assert found.flags == []


@pytest.mark.parametrize("hint", ["hi", "ur"])
def test_romanised_text_keeps_its_letters_and_is_flagged(hint: str) -> None:
    found = identify(paragraphs(HINGLISH, hint=hint))[0]
    assert found.text == HINGLISH
    assert found.language == {"hi": "hin", "ur": "urd"}[hint]
    assert (found.script, found.hint_agreement) == ("Latn", "unsupported")
    assert found.flags == ["romanised", "wrong-script"]


def test_a_hint_alone_does_not_name_the_language_of_text_in_latin_letters() -> None:
    # Greek, written as it is spoken; the table has no words of it.
    text = "I pedia trehun sto livadi ke petane ton haetaeto psila, otan fisai dinatos aeras apo ti thalassa."
    found = identify(paragraphs(text, hint="el"))[0]
    assert found.language != "ell"
    assert found.flags == ["romanised"]


def test_romanised_text_needs_no_hint() -> None:
    found = identify(paragraphs(HINGLISH))[0]
    assert found.flags == ["romanised"]


def test_english_in_a_hindi_folder_is_not_romanised_hindi() -> None:
    found = identify(paragraphs(*ENGLISH, hint="hi"))[0]
    assert (found.language, found.flags) == ("eng", [])


def test_a_romanised_paragraph_of_a_page_in_its_own_letters_is_flagged() -> None:
    found = identify(paragraphs(*HINDI, HINGLISH, hint="hi"))[0]
    assert found.language == "hin"
    assert found.flags == ["romanised", "wrong-script"]


def test_a_paragraph_does_not_tell_a_language_from_its_nearest_relatives() -> None:
    cantonese = [
        "呢個風箏係阿爺整畀我嘅，佢用竹同紙砌咗成日先砌得起。",
        "我哋放學之後就去公園度放，大風嗰陣飛得好高㗎。",
    ]
    mandarin = "製作風箏需要竹條、紙張和線。風箏的歷史可以追溯到兩千多年以前，最早用於傳遞軍事信息。"
    found = identify(paragraphs(*cantonese, mandarin, *cantonese))[0]
    assert found.language_mix == {"yue": 1.0}
    assert found.flags == []


def test_segments_can_be_turned_off() -> None:
    config = IdentifyConfig(segments=False, second_opinion_below=0)
    found = identify(paragraphs(*GERMAN, *ENGLISH), config=config)[0]
    assert set(languages(found)) == {""}
    assert (found.language_mix, found.flags) == ({}, [])


def test_a_document_is_judged_alike_in_any_batch() -> None:
    def pages() -> list[Document]:
        return [paragraphs(*GERMAN, *ENGLISH), paragraphs(*ENGLISH), paragraphs(HINGLISH, hint="hi"), paragraphs("?")]

    assert identify(*pages()) == [identify(page)[0] for page in pages()]


def test_text_without_letters_has_no_mix() -> None:
    found = identify(paragraphs("123", "4567 ..."), paragraphs("...", hint="hi"))
    assert [(d.language, d.language_mix, d.flags) for d in found] == [("und", {}, [])] * 2


def test_shares_add_up_to_one() -> None:
    assert shares_of({"a": 1, "b": 1, "c": 1}) == {"a": 0.3334, "b": 0.3333, "c": 0.3333}
    assert shares_of({"a": 100_000, "b": 1}) == {"a": 1.0}


def test_segments_are_lines_with_letters_outside_code() -> None:
    page = document(("paragraph", "one two\n\n3 4\nthree"), ("code", "x = y"), ("heading", "夏"))
    assert [(s.block, s.text, s.script, s.letters) for s in cut(page)] == [
        (0, "one two", "Latn", 6), (0, "three", "Latn", 5), (2, "夏", "Hani", 3),
    ]  # fmt: skip


def test_the_likeliest_sequence_changes_only_for_what_it_gains() -> None:
    neutral, other = {"a": 0.0, "b": 0.0}, {"a": -3.0, "b": 0.0}
    own = {"a": 0.0, "b": -3.0}
    assert likeliest([own, other, neutral], "a", 1.0) == ["a", "b", "b"]
    assert likeliest([own, other, neutral, own], "a", 1.0) == ["a", "b", "a", "a"]
    assert likeliest([neutral, other, neutral], "a", 4.0) == ["a", "a", "a"]
    assert likeliest([neutral], "b", 1.0) == ["b"]
    assert likeliest([], "a", 1.0) == []


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("Ya ne znayu, chto eto takoe, no mama skazala, chto nado poprobovat.", ("rus",)),
        ("Kono mise no ramen wa totemo oishii desu kara, watashi wa mainichi kimasu.", ("jpn",)),
        ("ana msh 3aref eh elly 7asal, bas kan fe nas keteer awy", ("arb", "arz")),
        ("Women zai jia li chi fan, tamen dou hen xihuan zhe ge cai.", ("cmn",)),
        ("The wind was strong and the children ran across the field with their kites.", ()),
        ("Anak-anak bermain layang-layang di lapangan ketika angin bertiup kencang.", ()),
        ("I bambini corrono nel prato e fanno volare gli aquiloni quando soffia il vento.", ()),
        ("", ()),
    ],
)
def test_characteristic_words_tell_romanised_text(text: str, languages: tuple[str, ...]) -> None:
    assert read_romanised(text).languages == languages
