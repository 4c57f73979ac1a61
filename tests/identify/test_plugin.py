from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from m4corpus.errors import IntegrityError, UserError
from m4corpus.identify.config import IdentifyConfig, ModelFile
from m4corpus.identify.plugin import PluggedModel, load_model, read_label
from m4corpus.identify.stage import IdentifyStage
from m4corpus.identify.step import IdentifyStep
from m4corpus.records import Document

WORDS = {
    "__label__eng_Latn": "the of and to in is that for it with as was on are by this from at which not",
    "__label__ita_Latn": "il di che la e un per non sono con una del si da come anche nella questo alla più",
    "__label__rus_Cyrl": "и в не на что он с как это но она все так его за по только было мне когда",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three languages, in GlotLID's form."""
    import fasttext

    folder = tmp_path_factory.mktemp("model")
    rng = random.Random(1)
    lines = [
        f"{label} {' '.join(rng.choices(words.split(), k=8))}" for label, words in WORDS.items() for _ in range(60)
    ]
    rng.shuffle(lines)
    (folder / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    model = fasttext.train_supervised(
        str(folder / "lines.txt"), dim=8, minn=2, maxn=3, bucket=2000, epoch=30, lr=0.5, thread=1, verbose=0
    )
    model.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


def pinned(path: Path) -> ModelFile:
    return ModelFile(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), path=str(path))


def test_a_model_of_ones_own_labels_documents(trained: Path) -> None:
    documents = [Document(str(n), "test", "d", "", text) for n, text in enumerate(
        ("the which is that for not on this", "che non sono con anche più", "что он как это но она")
    )]  # fmt: skip
    found = list(IdentifyStep(IdentifyConfig(model=pinned(trained))).run(iter(documents)))
    assert [(d.language, d.script) for d in found] == [("eng", "Latn"), ("ita", "Latn"), ("rus", "Cyrl")]


def test_labels_of_another_script_say_nothing(trained: Path) -> None:
    latin, cyrillic = PluggedModel(pinned(trained)).probabilities(["ok that", "зима"])
    assert set(latin) <= {"eng", "ita"}
    assert set(cyrillic) <= {"rus"}


def test_another_file_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="sha256"):
        load_model(ModelFile(sha256="0" * 64, path=str(trained)))
    with pytest.raises(UserError, match="no language model"):
        load_model(ModelFile(sha256="0" * 64, path=str(tmp_path / "none.bin")))
    (tmp_path / "text.bin").write_text("no model")
    with pytest.raises(UserError, match="no fastText model"):
        load_model(pinned(tmp_path / "text.bin"))


@pytest.mark.parametrize(
    "options",
    [{}, {"path": "a", "repo": "b/c", "revision": "0" * 40}, {"repo": "b/c"}, {"path": "a", "revision": "0" * 40}],
)
def test_a_model_has_one_place(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"path or repo|revision"):
        ModelFile(sha256="0" * 64, **options)


def test_the_fingerprint_goes_by_the_checksum_and_not_by_the_place(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.bin"
    copy.write_bytes(trained.read_bytes())
    stages = [IdentifyStage(IdentifyConfig(model=pinned(path))) for path in (trained, copy)]
    assert stages[0].config_dict() == stages[1].config_dict()
    assert stages[0].resources() == stages[1].resources()
    assert stages[0].resources() != IdentifyStage(IdentifyConfig()).resources()


@pytest.mark.parametrize(
    ("label", "code", "script"),
    [
        ("__label__eng_Latn", "eng", "Latn"),
        ("__label__en", "eng", ""),
        ("__label__ara", "arb", ""),
        ("__label__zho_Hans", "cmn", "Hans"),
        ("__label__orm_Latn", "gaz", "Latn"),
        ("__label__zh-yue", "yue", ""),
        ("__label__de", "deu", ""),
        ("xyz_Latn", "xyz", "Latn"),
        ("__label__sport", "", ""),
        ("__label__", "", ""),
    ],
)
def test_labels_are_read_as_iso_639(label: str, code: str, script: str) -> None:
    assert read_label(label) == (code, script)
