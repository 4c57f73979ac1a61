from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest

from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.second_opinion import SecondOpinion
from m4corpus.identify.step import IdentifyStep
from m4corpus.ledger import Entry
from m4corpus.records import Block, Document

FRENCH = "Le cerf-volant est un jouet que les enfants font voler au bout d'une longue ficelle quand le vent se lève."
TEXTS = {
    "eng": "A kite is a light frame covered with paper or cloth, flown in the wind at the end of a long string.",
    "fra": FRENCH,
    "spa": "La cometa es un juguete muy ligero que vuela con el viento y que los niños sujetan con un hilo largo.",
    "rus": "Воздушный змей — лёгкая игрушка, которую дети запускают на длинной нитке, когда дует сильный ветер.",
    "hin": "पतंग एक हल्का खिलौना है जिसे बच्चे लंबी डोर से बाँधकर हवा में उड़ाते हैं।",
    "jpn": "凧は竹の骨組みに紙や布を張り、糸で引いて風の力で空に揚げる遊び道具である。",
    "kor": "연은 대나무 살에 종이를 붙이고 실을 매어 바람에 띄우는 놀잇감이다.",
    "cmn": "风筝是一种玩具，孩子们用长线把它放到天上，风大的时候飞得很高。",
    "yue": "風箏係一種玩具，細路哥用條長線拉住佢，大風嗰陣就會飛得好高，好多人都鍾意喺公園放。",
    "tha": "ว่าวเป็นของเล่นที่ทำจากกระดาษและไม้ไผ่ เด็กๆ ใช้เชือกยาวปล่อยให้ลอยขึ้นไปบนฟ้าเมื่อมีลมแรง",
    "amh": "ካይት ልጆች በረጅም ገመድ አስረው በነፋስ የሚያበሩት ቀላል መጫወቻ ነው።",
    "arb": "الطائرة الورقية لعبة خفيفة يطيرها الأطفال في الهواء بخيط طويل عندما تهب الرياح.",
}


def document(text: str, hint: str = "", key: str = "d") -> Document:
    return Document(key, "test", f"{key}.html", "", text, language_hint=hint, hint_from="path" if hint else "")


def identify(*documents: Document, config: IdentifyConfig | None = None) -> list[Document]:
    return list(IdentifyStep(config).run(iter(documents)))


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_recognises_languages_without_a_hint(code: str) -> None:
    found = identify(document(TEXTS[code]))[0]
    assert found.language == code
    assert found.hint_agreement == "none"
    assert 0.3 <= found.language_confidence <= 1


def test_a_page_in_the_wrong_folder_is_labelled_by_its_text() -> None:
    found = identify(document(FRENCH, hint="ig"), document(FRENCH, hint="br"), document(FRENCH, hint="fr"))
    assert [d.language for d in found] == ["fra", "fra", "fra"]
    assert [d.hint_agreement for d in found] == ["disagree", "disagree", "agree"]
    assert found[0].second_language == "fra"
    assert found[2].second_language == ""


def test_igbo_is_recognised_with_its_hint_and_without() -> None:
    text = "Nri abụọ a na-eri n'oge ezumike bụ ji na ofe, ndị nne na-esi ya n'ụtụtụ ka ụmụaka wee rie."
    found = identify(document(text, hint="ig"), document(text))
    assert [(d.language, d.script) for d in found] == [("ibo", "Latn")] * 2
    assert [d.hint_agreement for d in found] == ["agree", "none"]


def test_a_language_unknown_to_the_model_is_taken_from_its_hint() -> None:
    text = "Zif at binon veütik ettuik in län obsik; mens mödik lifons us e vobons in fabs gretik."
    found = identify(document(text, hint="vo"))[0]
    assert (found.language, found.hint_agreement) == ("vol", "unsupported")


def test_variety_needs_a_region_the_registry_knows_or_a_language_with_one_variety() -> None:
    hints = ("es-AR", "es_MX", "es", "es-419", "spawiki")
    found = identify(*(document(TEXTS["spa"], hint) for hint in hints), document(FRENCH, "es-AR"))
    assert [d.variety for d in found] == ["es-AR", "es-MX", "", "", "", "fr"]
    assert all(d.variety_evidence for d in found), "who abstains says why"
    assert all(0 < d.variety_confidence <= d.language_confidence for d in found if d.variety)


def test_text_without_letters_is_und_and_nothing_is_dropped() -> None:
    rows: list[Entry] = []
    step = IdentifyStep()
    step.ledger = rows.append
    found = list(step.run(iter([document(""), document("123 ..."), document("\ud800 \x00\n")])))
    assert [(d.language, d.script, d.language_confidence) for d in found] == [("und", "Zzzz", 0.0)] * 3
    assert [row.outcome for row in rows] == ["kept"] * 3


def test_labels_do_not_depend_on_the_batch_a_document_is_in() -> None:
    texts = list(TEXTS.values())
    alone = [identify(document(text))[0] for text in texts]
    together = identify(*map(document, texts))
    assert alone == together


def test_langdetect_is_repeatable_also_across_processes() -> None:
    text = "Chiese le chiavi, ok."
    code = f"from m4corpus.identify.second_opinion import SecondOpinion; print(SecondOpinion().ask({text!r}))"
    first = SecondOpinion().ask(text)
    again = SecondOpinion()
    again.ask(FRENCH)
    assert {again.ask(text) for _ in range(5)} == {first}
    for seed in ("1", "2"):
        command = [sys.executable, "-c", code]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        assert subprocess.run(command, capture_output=True, text=True, env=environment).stdout.strip() == first
    assert SecondOpinion().ask("12345") == "und"


def test_langdetect_is_left_alone_when_the_model_is_sure() -> None:
    text = TEXTS["spa"]
    assert identify(document(text), config=IdentifyConfig(second_opinion_below=0))[0].second_language == ""
    assert identify(document(text), config=IdentifyConfig(second_opinion_below=1))[0].second_language == "spa"


def test_the_step_can_be_pickled_before_and_after_a_run() -> None:
    step = IdentifyStep()
    assert pickle.loads(pickle.dumps(step)).config == step.config
    list(step.run(iter([document(FRENCH)])))
    assert pickle.loads(pickle.dumps(step)).config == step.config


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("cmn", "运行 apt-get install openssh-server 来安装远程登录服务器，然后再用 systemctl restart 重新启动它。"),
        ("jpn", "まず apt-get install openssh-server でサーバを入れ、次に systemctl restart で再起動します。"),
        ("kor", "apt-get install openssh-server 명령으로 서버를 설치하고 systemctl restart 명령으로 다시 시작한다."),
    ],
)
@pytest.mark.parametrize("hint", ["", "en"])
def test_commands_in_a_text_do_not_make_it_english(code: str, text: str, hint: str) -> None:
    found = identify(document(text, hint))[0]
    assert found.language == code
    assert found.language_confidence > 0.8


def test_an_english_text_that_names_things_in_another_script_is_english() -> None:
    text = TEXTS["eng"] + " The Chinese call it 風箏, the Russians воздушный змей, the Japanese 凧."
    found = identify(document(text))[0]
    assert (found.language, found.script) == ("eng", "Latn")
    assert found.language_confidence > 0.8


def test_code_blocks_do_not_speak_for_the_page() -> None:
    listing = "if the file is not there then print this message and exit with an error " * 10
    text = TEXTS["spa"] + "\n\n" + listing
    page = document(text)
    page.blocks = [Block("paragraph", 0, 0, len(TEXTS["spa"])), Block("code", 0, len(TEXTS["spa"]) + 2, len(text))]
    assert identify(document(text))[0].language == "eng"
    assert identify(page)[0].language == "spa"


def test_a_foreign_first_paragraph_does_not_decide() -> None:
    text = TEXTS["eng"] * 12 + "\n" + FRENCH * 60
    assert identify(document(text))[0].language == "fra"
