"""A pinned model from the Hub: from this machine's cache without a network, and a clear word when it is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODE = """
import sys
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import load
from m4corpus.errors import UserError
for revision in sys.argv[1:]:
    try:
        encoder = load(EncoderConfig(name="somebody/tiny", revision=revision))
        print(encoder.identity()["name"], encoder.identity()["revision"], encoder.encode_queries(["kite"]).shape)
    except UserError as error:
        print("UserError:", error)
"""


@pytest.fixture
def home(tiny_model: Path, tmp_path: Path) -> Path:
    """A cache that holds the model at one commit, as the Hub's client lays it out."""
    repository = tmp_path / "hub" / "models--somebody--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    shutil.copytree(tiny_model, repository / "snapshots" / COMMIT)
    return tmp_path


def load_offline(home: Path, *revisions: str) -> subprocess.CompletedProcess[str]:
    # In a process of its own, because the Hub's client reads its settings when it is imported. Nothing listens on the
    # discard port: what a machine without a network looks like to the client.
    environment = {"HF_HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", CODE, *revisions]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


def test_a_cached_model_that_is_pickle_is_not_said_to_be_missing(home: Path) -> None:
    snapshot = next(home.glob("hub/*/snapshots/*"))
    weights = snapshot / "model.safetensors"
    torch.save(load_file(weights), snapshot / "pytorch_model.bin")
    weights.unlink()
    result = load_offline(home, COMMIT)
    assert "stores weights as pickle" in result.stdout, result.stdout + result.stderr


def test_a_cached_model_needs_no_network_and_another_revision_is_not_taken_for_it(home: Path) -> None:
    result = load_offline(home, COMMIT, "f" * 40)
    loaded, refused, advice = result.stdout.splitlines()
    assert loaded == f"somebody/tiny {COMMIT} (1, 24)"
    assert refused.startswith(
        "UserError: the model 'somebody/tiny' is not on this machine, and the Hub cannot be reached"
    )
    assert "give its directory" in advice
    assert result.stderr == ""
