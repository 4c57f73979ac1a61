from __future__ import annotations

from m4corpus import languages as registry
from m4corpus.identify.fasttext_model import LanguageModel
from m4corpus.identify.labels import labels, read_hint, scripts_of
from m4corpus.identify.resources import lid176_path
from m4corpus.tables import read_table


def test_the_table_is_exactly_the_label_set_of_the_model() -> None:
    import fasttext

    model = fasttext.load_model(str(lid176_path()))
    assert {label.removeprefix("__label__") for label in model.get_labels()} == set(labels())
    assert len({label.code for label in labels().values()}) == 176


def test_four_of_the_42_are_beyond_the_model() -> None:
    assert {language.code for language in registry.languages()} - set(scripts_of()) == {"nan", "ibo", "kin", "gaz"}


def test_codes_of_the_42_are_the_registrys() -> None:
    for label in labels().values():
        language = registry.resolve(label.label)
        if language is not None:
            assert label.code == language.code
            assert set(label.scripts) & set(language.scripts)


def test_scripts_are_known_scripts() -> None:
    known = {row["code"] for row in read_table("scripts")}
    assert {script for scripts in scripts_of().values() for script in scripts} <= known


def test_hints_inside_and_outside_the_registry() -> None:
    for hint, code in (("zh-min-nan", "nan"), ("pt-BR", "por"), ("de", "deu"), ("sr-Latn", "srp"), ("fas", "fas")):
        found = read_hint(hint)
        assert found is not None
        assert found.code == code
    assert read_hint("") is None
    assert read_hint("misc") is None


def test_the_label_als_is_alemannic_and_no_hint() -> None:
    assert labels()["als"].code == "gsw"
    assert read_hint("als") is None


def test_relatives_share_the_macrolanguage() -> None:
    hokkien = read_hint("nan")
    assert hokkien is not None
    assert not hokkien.known
    assert hokkien.relatives == {"cmn", "yue"}


def test_probabilities_of_a_batch_are_those_of_each_text() -> None:
    model = LanguageModel()
    texts = ["Die Kinder lassen im Herbst Drachen steigen.", "Les enfants jouent\nau cerf-volant.", ""]
    together = model.probabilities(texts)
    assert [model.probabilities([text])[0] for text in texts] == together
    assert max(together[0], key=lambda code: together[0][code]) == "deu"
    assert max(together[1], key=lambda code: together[1][code]) == "fra"
    assert all(0 <= p <= 1 for p in together[0].values())
