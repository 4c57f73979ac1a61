from __future__ import annotations

from m4corpus import languages as registry
from m4corpus.identify.labels import code_of_tag, labels, read_hint, scripts_of
from m4corpus.identify.resources import model_path, read_settings
from m4corpus.tables import read_table


def test_the_table_is_exactly_what_the_model_tells_apart() -> None:
    import fasttext

    model = fasttext.load_model(str(model_path()))
    codes = {label.removeprefix("__label__").split("_")[0] for label in model.get_labels()}
    assert codes | set(read_settings().by_script.values()) == set(scripts_of())
    assert len({label.code for label in labels().values()}) == len(labels())


def test_the_model_knows_all_42() -> None:
    assert {language.code for language in registry.languages()} <= set(scripts_of())


def test_codes_of_the_42_are_the_registrys() -> None:
    for label in labels().values():
        language = registry.resolve(label.label)
        if language is not None:
            assert label.code == language.code
            assert set(label.scripts) & set(language.scripts)


def test_scripts_are_known_scripts() -> None:
    known = {row["code"] for row in read_table("scripts")}
    assert {script for scripts in scripts_of().values() for script in scripts} <= known
    assert set(read_settings().by_script) <= known


def test_hints_inside_and_outside_the_registry() -> None:
    for hint, code in (("zh-min-nan", "nan"), ("pt-BR", "por"), ("de", "deu"), ("sr-Latn", "srp"), ("fas", "fas")):
        found = read_hint(hint)
        assert found is not None
        assert found.code == code
        assert found.known
    assert read_hint("") is None
    assert read_hint("misc") is None


def test_a_hint_may_name_a_language_the_model_does_not_know() -> None:
    hint = read_hint("vo")
    assert hint is not None
    assert (hint.code, hint.known) == ("vol", False)


def test_the_label_als_is_alemannic_and_no_hint() -> None:
    assert labels()["als"].code == "gsw"
    assert read_hint("als") is None


def test_labels_by_tag() -> None:
    assert [code_of_tag(tag) for tag in ("de", "deu", "xx")] == ["deu", "deu", ""]
