from __future__ import annotations

import pytest

from m4corpus.identify.normalise import normalise


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("L’allarme: 3 giorni!", "l'allarme giorni"),
        ("Bân-lâm-gú -- (POJ)", "bân-lâm-gú poj"),
        ("Ọ̀rẹ́ mi lọ", "ọ̀rẹ́ mi lọ"),
        ("كِتَابٌ جـــديد", "كتاب جديد"),
        ("हिन्दी में, 5", "हिन्दी में"),
        ("我們去 OK 吧", "我們 們去 ok 吧"),
        ("'quoted' rock'n'roll", "quoted rock'n'roll"),
        ("123 !?", ""),
        ("", ""),
    ],
)
def test_what_the_model_reads(text: str, read: str) -> None:
    assert normalise(text) == read


def test_composed_and_decomposed_letters_read_alike() -> None:
    assert normalise("e\u0301té") == normalise("été")
