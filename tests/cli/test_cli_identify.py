from __future__ import annotations

import hashlib
import json
from pathlib import Path

from click.testing import CliRunner, Result

from m4corpus.cli.identify import command
from m4corpus.errors import UserError


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def data(folder: Path) -> Path:
    path = folder / "labelled.jsonl"
    rows = [
        {"question": form.format(thing), "variety": variety, "template": thing}
        for thing in ("kursi", "roti", "lampu", "surat")
        for variety, form in (("id_formal", "Apakah Anda melihat {}?"), ("id_casual", "lu liat {} gak?"))
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_train_reports_on_held_out_groups_and_says_how_to_use_the_model(tmp_path: Path) -> None:
    out = tmp_path / "register.npz"
    options = ("--out", str(out), "--text", "question", "--group", "template", "--epochs", "5")
    result = invoke("train", str(data(tmp_path)), *options)
    assert result.exit_code == 0, result.output
    assert "held out: 8 texts of 4 groups, in 4 folds" in result.stdout
    assert f"sha256: {hashlib.sha256(out.read_bytes()).hexdigest()}" in result.stdout
    again = json.loads(invoke("train", str(data(tmp_path)), *options, "--json").stdout)
    assert again["labels"] == ["id-ID-x-formal", "id-x-casual"]
    assert again["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert again["confusion"] == {"id-ID-x-formal": {"id-ID-x-formal": 4}, "id-x-casual": {"id-x-casual": 4}}
    asked = invoke("variety", "lu liat buku gak?", "--lang", "id", "--model", str(out), "--json")
    assert json.loads(asked.stdout)["evidence"].startswith(("model: register", "id-x-casual"))


def test_train_refuses_another_kind_of_file(tmp_path: Path) -> None:
    result = invoke("train", str(data(tmp_path)), "--out", str(tmp_path / "m.bin"), "--group", "template")
    assert isinstance(result.exception, UserError)


def test_variety_says_what_it_rests_on_or_why_it_is_not_told() -> None:
    told = invoke("variety", "この料理は何ですか？", "--lang", "ja").stdout
    assert told.startswith("ja-JP-x-formal  0.")
    assert invoke("variety", "El pan", "--lang", "es", "--url", "https://a.com.mx").stdout.startswith("es-MX")
    assert invoke("variety", "El pan", "--lang", "es").stdout.startswith("not told: neither the source")
