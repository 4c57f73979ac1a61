from __future__ import annotations

import pytest

from m4corpus.clean.wikilinks import Names, caption_of, is_shown_small, kind_of, options_of
from m4corpus.languages import languages
from m4corpus.tables import read_table


def caption(arguments: str, *, in_gallery: bool = False) -> str | None:
    parts = arguments.split("|")
    index = caption_of(parts, in_gallery=in_gallery)
    return None if index is None else parts[index].strip()


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("thumb|盛り付けた一椀", "盛り付けた一椀"),
        ("サムネイル|右|200ピクセル|寿司", "寿司"),
        ("缩略图|右|350像素|点心", "点心"),
        ("縮圖|置中|點心", "點心"),
        ("thumb|ผัดไทย", "ผัดไทย"),
        ("섬네일|오른쪽|김치", "김치"),
        ("jmpl|ka|Gudeg", "Gudeg"),
        ("تصغير|يسار|كشري", "كشري"),
        ("अंगूठाकार|दाएँ|खिचड़ी", "खिचड़ी"),
        ("vignette|redresse=1.3|lien=Crêpe|alternative=Une crêpe|Cidre", "Cidre"),
        ("мини|ляво|200п|Баница", "Баница"),
        ("miniatur|rechts|hochkant 1.2|Brot", "Brot"),
        ("  thumb |\n Rawon \n| right", "Rawon"),
        ("thumb|Rawon|", "Rawon"),
        ("thumb|Rawon|Soto", "Soto"),
    ],
)
def test_one_word_can_be_a_caption_beside_options_in_any_language(arguments: str, shown: str) -> None:
    assert caption(arguments) == shown


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "thumb",
        "thumb|right|200px",
        "サムネイル|中央",
        "vignette|gauche|redresse",
        "mini|rechts|hochkant=0.8",
        "thumb|x120px|upright 1.5|page 3",
        "200x100px|ligne-de-base",
        "代替文=寿司|リンク=寿司",
        "कड़ी=खिचड़ी",
        "thumbtime=1:20|start=3|loop",
        "widht=200|Alt=Soup",
    ],
)
def test_pictures_without_caption(arguments: str) -> None:
    assert caption(arguments) is None


@pytest.mark.parametrize("words", ["100 g", "1969", "E=mc²", "Right", "Base", "page of a book", "x", "px", "30 px of"])
def test_words_that_only_look_like_options_are_captions(words: str) -> None:
    assert caption(f"thumb|{words}") == words


def test_the_lines_of_a_gallery_have_few_options() -> None:
    assert caption("Left|alt=A spoon|link=Spoon", in_gallery=True) == "Left"
    assert caption("左|代替文=匙", in_gallery=True) == "左"
    assert caption("alt=A spoon", in_gallery=True) is None


def test_icons_in_a_line_show_no_caption_and_framed_ones_do() -> None:
    for small in ("20px|Java", "x20px|Java", "20x20px|Java", "20пкс|Java", "20ピクセル|Java"):
        assert is_shown_small(small.split("|")), small
    for shown in (
        "20px|thumb|Java",
        "20px|vignette|Java",
        "サムネイル|20ピクセル|Java",
        "120px|Java",
        "x200px",
        "Java",
    ):
        assert not is_shown_small(shown.split("|")), shown


def test_the_table_of_options() -> None:
    rows = read_table("picture_options")
    options = [row["option"] for row in rows]
    assert options == sorted(set(options))
    for row in rows:
        words = row["words"].split("|")
        assert words == sorted(set(words))
        for word in words:
            assert word == word.strip() != ""
            assert row["option"] in options_of(word.replace("$1", "15")), word
    assert options_of("kanan") == {"left", "right"}


def test_no_name_of_a_language_is_lost() -> None:
    for language in languages():
        for name in (language.name, language.native_name):
            assert caption(f"thumb|{name}") == name


def test_a_link_to_a_file_shows_its_text_and_not_the_file() -> None:
    names = Names.of({"namespaces.-2": "Medium|Медиа", "namespaces.6": "Datei"})
    for link in ("Media:Gamelan.ogg", "media:Gamelan.ogg", "Medium:Gamelan.ogg", "Медиа:Gamelan.ogg"):
        assert kind_of(link, names) == "text", link
    assert kind_of("Datei:Gamelan.ogg", names) == "file"
