from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from m4corpus.errors import UserError
from m4corpus.identify.varieties.config import VarietiesConfig, VarietyModelConfig
from m4corpus.identify.varieties.examples import Example, read_examples
from m4corpus.identify.varieties.judge import VarietyJudge
from m4corpus.identify.varieties.linear import featurise
from m4corpus.identify.varieties.measure import Answer, at_threshold, calibration, calibration_error, confusion
from m4corpus.identify.varieties.model import load_model, save_model
from m4corpus.identify.varieties.training import TrainingConfig, train_classifier

THINGS = ("la chaise", "le pain", "la lampe", "le train", "la lettre", "le jardin", "la soupe", "le chemin")
FORMAL = ("Pourriez-vous me dire où est {} ?", "Sauriez-vous où se trouve {} ?", "Veuillez m'indiquer où est {} ?")
CASUAL = ("Tu sais où est {} ?", "T'as vu {} où ça ?", "C'est où {}, tu sais ?")
SETTINGS = TrainingConfig(folds=4, bits=12, epochs=10)


def examples() -> list[Example]:
    """Questions in two registers; the thing asked for is what each group has in common."""
    return [
        Example(template.format(thing), label, thing)
        for thing in THINGS
        for label, templates in (("fr-x-formal", FORMAL), ("fr-x-casual", CASUAL))
        for template in templates
    ]


def test_a_classifier_learns_and_reports_on_held_out_groups(tmp_path: Path) -> None:
    model, report = train_classifier(examples(), "french", SETTINGS)
    assert (len(report.answers), report.groups, report.folds) == (48, 8, 4)
    assert at_threshold(report.answers, 0.0).accuracy == 1.0
    assert model.languages == {"fra"}
    assert model.best("Pourriez-vous me dire où est le chat ?")[0] == "fr-x-formal"
    assert max(a.confidence for a in report.answers) <= 9 / 10


def test_what_cannot_be_told_is_reported_as_chance() -> None:
    same = [
        Example(e.text.replace("T'as", "Tu as"), label, e.group) for e in examples() for label in ("fr-x-a", "fr-x-b")
    ]
    report = train_classifier(same, "none", SETTINGS)[1]
    assert at_threshold(report.answers, 0.0).accuracy == pytest.approx(0.5, abs=0.05)
    assert at_threshold(report.answers, 0.75).coverage == 0.0


def test_the_same_data_in_any_order_gives_the_same_file(tmp_path: Path) -> None:
    digests = {
        save_model(train_classifier(data, "french", SETTINGS)[0], tmp_path / f"{n}.npz")
        for n, data in enumerate([examples(), examples()[::-1]])
    }
    assert len(digests) == 1
    assert (tmp_path / "0.npz").read_bytes() == (tmp_path / "1.npz").read_bytes()


def test_a_saved_model_answers_as_before(tmp_path: Path) -> None:
    model = train_classifier(examples(), "french", SETTINGS)[0]
    sha256 = save_model(model, tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz", sha256)
    text = "Tu sais où est la porte ?"
    assert loaded.about == model.about
    assert loaded.probabilities(text) == model.probabilities(text)
    assert loaded.probabilities("") != {}


def test_a_model_file_that_is_missing_changed_or_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    with pytest.raises(UserError, match="cannot be read"):
        load_model(path)
    sha256 = save_model(train_classifier(examples(), "french", SETTINGS)[0], path)
    with pytest.raises(UserError, match="is not the variety model expected"):
        load_model(path, "0" * 64)
    whole = path.read_bytes()
    for content in (b"", b"PK nonsense", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(UserError, match="is no variety model"):
            load_model(path)
    np.savez(path, weights=np.array([{"a": 1}], dtype=object), about=np.zeros(2, dtype=np.uint8))
    with pytest.raises(UserError, match="is no variety model"):
        load_model(path)
    path.write_bytes(whole)
    assert load_model(path, sha256).name == "french"


def test_a_judge_asks_the_model_for_its_language_and_heeds_the_question_rule(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    sha256 = save_model(train_classifier(examples(), "french", SETTINGS)[0], path)
    entry = VarietyModelConfig(path=str(path), sha256=sha256)
    judge = VarietyJudge(VarietiesConfig(models=[entry], min_confidence=0.6))
    found = judge.judge("Tu sais où est la lampe ?", "fra")
    assert found.variety == "fr-x-casual"
    assert found.evidence.startswith("model: french 0.")
    statement = "Tu sais où est la lampe"
    assert judge.judge(statement, "fra").variety != "fr-x-casual"
    anywhere = VarietyModelConfig(path=str(path), sha256=sha256, any_text=True)
    unbound = VarietyJudge(VarietiesConfig(models=[anywhere], min_confidence=0.6))
    assert unbound.judge(statement, "fra").variety == "fr-x-casual"


def test_examples_are_read_with_their_tags(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    rows = [{"q": "Apa?", "v": "id_casual", "t": 3}, {"q": "Quoi ?", "v": "fr-x-casual", "t": "a"}]
    path.write_text("\n".join(json.dumps(r) for r in rows) + "\n\n", encoding="utf-8")
    found = read_examples(path, "q", "v", "t")
    assert found == [Example("Apa?", "id-x-casual", "3"), Example("Quoi ?", "fr-x-casual", "a")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "d.jsonl:2 is not JSON"),
        ("[]", "d.jsonl:2 is not a JSON object"),
        ('{"q": "x", "v": "es-MX"}', "no text or number in the field 't'"),
        ('{"q": "x", "v": "slang", "t": "1"}', "'slang' is no variety"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(f'{{"q": "x", "v": "es-MX", "t": "1"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r".") as caught:
        read_examples(path, "q", "v", "t")
    assert message in caught.value.message


def test_data_from_which_nothing_can_be_held_out_is_refused() -> None:
    with pytest.raises(UserError, match="needs two labels"):
        train_classifier([Example("a", "es-MX", "1"), Example("b", "es-MX", "2")], "x", SETTINGS)
    with pytest.raises(UserError, match="labelled es-AR are of one group"):
        train_classifier(
            [Example("a", "es-MX", "1"), Example("b", "es-MX", "2"), Example("c", "es-AR", "1")], "x", SETTINGS
        )


def test_rows_are_taken_as_they_stand() -> None:
    rows = featurise(["one two", "", "three"], 10)
    assert len(rows) == 3
    taken = rows.take(np.array([2, 1, 0]))
    assert np.array_equal(taken.take(np.array([2, 1, 0])).features, rows.features)
    assert np.diff(rows.starts)[1] == 0


def test_measures_of_answers() -> None:
    answers = [Answer("a", "a", 0.9), Answer("a", "b", 0.6), Answer("b", "", 0.0), Answer("b", "b", 1.0)]
    assert at_threshold(answers, 0.0).coverage == 0.75
    assert at_threshold(answers, 0.0).accuracy == pytest.approx(2 / 3)
    assert at_threshold(answers, 0.8).accuracy == 1.0
    assert confusion(answers, 0.7) == {"a": {"": 1, "a": 1}, "b": {"": 1, "b": 1}}
    assert [(b.low, b.answers, b.accuracy) for b in calibration(answers)] == [(0.6, 1, 0.0), (0.9, 2, 1.0)]
    assert calibration_error(answers) == pytest.approx((0.6 + 2 * 0.05) / 3)
    assert at_threshold([], 0.5).coverage == 0.0
