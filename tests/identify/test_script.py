from __future__ import annotations

import pytest

from m4corpus.identify.script import compatible, count_scripts, dominant_script
from m4corpus.identify.sinitic import is_cantonese
from m4corpus.tables import read_table


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("A kite is flown on a string. 2024!", "Latn"),
        ("Воздушный змей летит", "Cyrl"),
        ("ካይት በገመድ ይበራል", "Ethi"),
        ("الطائرة الورقية", "Arab"),
        ("凧は糸で引いて揚げる遊び道具である。", "Jpan"),
        ("カイト", "Jpan"),
        ("연은 실로 띄운다", "Hang"),
        ("这个风筝是用线来放的，他们说很好看。", "Hans"),
        ("這個風箏是用線來放的，他們說很好看。", "Hant"),
        ("天地人", "Hani"),
        ("ว่าวลอยอยู่บนฟ้า", "Thai"),
        ("සරුංගලය", "Sinh"),
        ("పతంగం", "Telu"),
        ("123 — 456 :-)", "Zzzz"),
        ("", "Zzzz"),
        ("\ud800\x00", "Zzzz"),
    ],
)
def test_names_the_dominant_script(text: str, script: str) -> None:
    assert dominant_script(text).code == script


def test_share_counts_letters_only_and_ties_go_by_code() -> None:
    assert dominant_script("abc дд 12345 ...").share == pytest.approx(0.6)
    assert dominant_script("яa").code == "Cyrl"
    assert dominant_script("aя").code == "Cyrl"


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("请运行 apt-get update 再安装 linux-image-amd64 软件包。", "Hans"),
        ("ランレベルは systemctl isolate rescue.target で変えます。", "Jpan"),
        ("먼저 dpkg-reconfigure 명령을 실행한다.", "Hang"),
        ("The Chinese word for a kite is 風箏, and the Japanese word is 凧.", "Latn"),
        ("Запустите apt-get install linux-image-amd64", "Latn"),
    ],
)
def test_a_letter_that_says_more_counts_for_more(text: str, script: str) -> None:
    assert dominant_script(text).code == script


def test_share_is_weighted() -> None:
    assert dominant_script("天abc").share == pytest.approx(0.5)
    assert dominant_script("연ab").share == pytest.approx(0.5)
    assert dominant_script("กab").code == "Latn"


def test_a_japanese_name_in_a_chinese_text_does_not_make_it_japanese() -> None:
    text = "這個節目的名稱叫做「ドラえもん」，" + "是他們說過的許多動畫節目之一，後來還發展成為電影。" * 3
    assert dominant_script(text).code == "Hant"


def test_every_script_of_the_table_is_a_unicode_script() -> None:
    assert count_scripts("aбαא") == {"Latn": 1, "Cyrl": 1, "Grek": 1, "Hebr": 1}
    assert len({row["code"] for row in read_table("scripts")}) == len(read_table("scripts"))


def test_compatible_knows_han_writing_in_its_forms() -> None:
    assert compatible("Hani", ("Hant",))
    assert compatible("Hans", ("Hant",))
    assert compatible("Hani", ("Jpan",))
    assert compatible("Zzzz", ("Latn",))
    assert not compatible("Latn", ("Cyrl",))
    assert not compatible("Jpan", ("Hans",))


def test_cantonese_is_told_from_mandarin() -> None:
    assert is_cantonese("佢哋喺香港食嘢，呢啲嘢好好食，我都唔知點解。")
    assert not is_cantonese("他們在香港吃東西，這些東西很好吃，我也不知道為什麼。")
    assert not is_cantonese("")
