"""Code that a model takes from another repository runs at the commit that the recipe names, or not at all."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from m4corpus.embed import presets
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import fingerprint, load, load_tokenizer, provenance
from m4corpus.embed.transformers import loading
from m4corpus.embed.transformers.borrowed import UnpinnedCode, with_pinned_code
from m4corpus.embed.transformers.loading import load_network
from m4corpus.errors import IntegrityError, UserError
from m4corpus.snapshot import Snapshot

MODEL, OLD, NEW = "0123456789abcdef0123456789abcdef01234567", "a" * 40, "b" * 40
#: A network that says where it is from, and fetches more code when it is made.
NETWORK = """
from pathlib import Path
from transformers import XLMRobertaModel
from transformers.dynamic_module_utils import get_class_from_dynamic_module

Path({trace!r}).touch()


class Network(XLMRobertaModel):
    came_from = "{commit}"

    def __init__(self, config, **options):
        super().__init__(config, **options)
        self.more = get_class_from_dynamic_module("lender/code--more.More", "lender/code").came_from
"""
TOKENIZER = "from transformers import XLMRobertaTokenizer\n\n\nclass Tokenizer(XLMRobertaTokenizer):\n    pass\n"


def lend(hub: Path, repository: str, trace: Path) -> None:
    """A repository of code in the cache, at two commits; ``main`` is the newer."""
    place = hub / f"models--{repository.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(NEW)
    for commit in (OLD, NEW):
        files = place / "snapshots" / commit
        files.mkdir(parents=True)
        (files / "network.py").write_text(NETWORK.format(trace=str(trace), commit=commit))
        (files / "more.py").write_text(f'class More:\n    came_from = "{commit}"\n')
        (files / "tokens.py").write_text(TOKENIZER)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two repositories of code; what runs leaves ``ran`` beside it."""
    from huggingface_hub import constants
    from transformers import dynamic_module_utils

    for loaded in (loading._network, loading._unplaced):
        loaded.cache_clear()  # a commit has one content elsewhere, but not from test to test
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    for repository in ("lender/code", "another/code"):
        lend(tmp_path / "hub", repository, tmp_path / "ran")
    return tmp_path / "hub"


def borrow(directory: Path, file: str, references: dict[str, Any]) -> Path:
    content = json.loads((directory / file).read_text(encoding="utf-8"))
    (directory / file).write_text(json.dumps({**content, "auto_map": references}), encoding="utf-8")
    return directory


@pytest.fixture
def directory(tiny_model: Path, tmp_path: Path) -> Path:
    """A model whose network is code of another repository."""
    copy = shutil.copytree(tiny_model, tmp_path / "model")
    return borrow(copy, "config.json", {"AutoModel": "lender/code--network.Network"})


@pytest.fixture(params=["directory", "hub"])
def source(request: pytest.FixtureRequest, directory: Path, hub: Path) -> dict[str, str]:
    """The model as a directory, and as the cache of the Hub has it."""
    if request.param == "directory":
        return {"name": str(directory)}
    shutil.copytree(directory, hub / "models--somebody--tiny" / "snapshots" / MODEL)
    return {"name": "somebody/tiny", "revision": MODEL}


@pytest.mark.parametrize("commit", [OLD, NEW], ids=["old", "new"])
def test_it_runs_at_its_commit_and_so_does_the_code_it_fetches(commit: str, source: dict[str, str]) -> None:
    config = EncoderConfig(**source, trust_remote_code=True, code_revision=commit)
    network = load_network(config)[0].auto_model
    assert (network.came_from, network.more) == (commit, commit)
    assert load(config).identity()["code_revision"] == commit


@pytest.mark.parametrize("make", [load, load_tokenizer])
def test_it_does_not_run_at_a_commit_nobody_named(make: Callable[..., Any], source: dict[str, str], hub: Path) -> None:
    with pytest.raises(UnpinnedCode, match=r"runs code of another repository, 'lender/code'") as error:
        make(EncoderConfig(**source, trust_remote_code=True))
    assert "'code_revision'" in error.value.hint
    assert not (hub.parent / "ran").exists()


def test_a_model_with_code_of_its_own_besides(source: dict[str, str], directory: Path, hub: Path) -> None:
    """Each repository has commits of its own: the model's is not looked for in the other, nor the other's in it."""
    for place in (directory, *hub.glob("models--somebody--tiny/snapshots/*")):
        (place / "last.py").write_text(
            "from sentence_transformers.sentence_transformer.modules import Normalize\n"
            "class Last(Normalize):\n    pass\n"
        )
        modules = json.loads((place / "modules.json").read_text())
        modules.append({"idx": len(modules), "name": "last", "path": "last", "type": "last.Last"})
        (place / "modules.json").write_text(json.dumps(modules))
        (place / "last").mkdir()
    model = load_network(EncoderConfig(**source, trust_remote_code=True, code_revision=OLD))
    assert model[0].auto_model.came_from == OLD
    assert type(model[len(model) - 1]).__name__ == "Last"


def test_a_refusal_is_not_taken_for_a_failed_attempt(tiny_model: Path, tmp_path: Path, hub: Path) -> None:
    """The library tries several kinds of classes that prepare inputs, and goes on when one fails."""
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    borrow(directory, "tokenizer_config.json", {"AutoTokenizer": [None, "lender/code--tokens.Tokenizer"]})
    with pytest.raises(UnpinnedCode, match="'lender/code'"):
        load(EncoderConfig(name=str(directory), trust_remote_code=True))


def test_one_commit_is_not_taken_for_two_repositories(directory: Path, hub: Path) -> None:
    borrow(directory, "tokenizer_config.json", {"AutoTokenizer": [None, "another/code--tokens.Tokenizer"]})
    with pytest.raises(UnpinnedCode, match=r"several other repositories \(another/code, lender/code\)"):
        load(EncoderConfig(name=str(directory), trust_remote_code=True, code_revision=OLD))


def test_a_commit_the_repository_does_not_have(directory: Path, hub: Path) -> None:
    with pytest.raises(UserError, match=f"no code of 'lender/code' at {'c' * 40}: "):
        load(EncoderConfig(name=str(directory), trust_remote_code=True, code_revision="c" * 40))


def test_other_threads_are_left_alone(directory: Path, hub: Path) -> None:
    from transformers import dynamic_module_utils

    def came_from() -> str:
        found: Any = dynamic_module_utils.get_class_from_dynamic_module("lender/code--more.More", "lender/code")
        return str(found.came_from)

    own = dynamic_module_utils.get_cached_module_file
    config = EncoderConfig(name=str(directory), trust_remote_code=True, code_revision=OLD)
    with ThreadPoolExecutor(1) as other, with_pinned_code(config):
        assert (came_from(), other.submit(came_from).result()) == (OLD, NEW)
    assert dynamic_module_utils.get_cached_module_file is own


@pytest.mark.parametrize("make", [load, fingerprint])
def test_a_commit_that_may_move_or_pins_nothing_is_refused(make: Callable[..., Any], tiny_model: Path) -> None:
    with pytest.raises(UserError, match="code_revision 'main' is no commit hash"):
        make(EncoderConfig(name=str(tiny_model), trust_remote_code=True, code_revision="main"))
    with pytest.raises(UserError, match="has a code_revision, but no code may run") as error:
        make(EncoderConfig(name=str(tiny_model), code_revision=OLD))
    assert "trust_remote_code: true" in error.value.hint


def test_it_is_on_record_where_there_is_one(tiny_model: Path) -> None:
    old, new = (EncoderConfig(name=str(tiny_model), trust_remote_code=True, code_revision=one) for one in (OLD, NEW))
    assert fingerprint(old) != fingerprint(new)
    assert provenance(old)["options"]["code_revision"] == OLD
    assert "code_revision" not in provenance(EncoderConfig(name=str(tiny_model)))["options"]


OWN = "from transformers import XLMRobertaModel\n\n\nclass Network(XLMRobertaModel):\n    came_from = 'here'\n"


@pytest.mark.parametrize("place", ["absolute", "relative", "file"])
def test_code_of_a_directory_beside_the_model_does_not_run(
    place: str, source: dict[str, str], directory: Path, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lender, trace = tmp_path / "lender" / "code", tmp_path / "ran-here"
    lender.mkdir(parents=True)
    (lender / "network.py").write_text(f"from pathlib import Path\nPath({str(trace)!r}).touch()\n{OWN}")
    monkeypatch.chdir(tmp_path)
    named = {"absolute": f"{lender}--network.Network", "relative": "lender/code--network.Network"}
    reference = named.get(place, f"{lender}/network.Network")
    for one in (directory, *hub.glob("models--somebody--tiny/snapshots/*")):
        borrow(one, "config.json", {"AutoModel": reference})
    with pytest.raises(UnpinnedCode, match="code that is not of the model itself") as error:
        load(EncoderConfig(**source, trust_remote_code=True, code_revision=OLD))
    assert "Copy the code into the model's directory" in error.value.hint
    assert not trace.exists()


def test_code_in_the_models_directory_runs(directory: Path, hub: Path) -> None:
    (directory / "network.py").write_text(OWN)
    for reference in ("network.Network", f"{directory}--network.Network"):
        borrow(directory, "config.json", {"AutoModel": reference})
        assert (
            load_network(EncoderConfig(name=str(directory), trust_remote_code=True))[0].auto_model.came_from == "here"
        )


def test_a_class_of_a_package_is_found_though_the_model_has_no_such_file(source: dict[str, str], hub: Path) -> None:
    place = Path(source["name"]) if "revision" not in source else next(hub.glob("models--somebody--tiny/snapshots/*"))
    modules = json.loads((place / "modules.json").read_text())
    modules.append({"idx": len(modules), "name": "last", "path": "last", "type": "lent_package.Last"})
    (place / "modules.json").write_text(json.dumps(modules))
    (place / "last").mkdir()
    (hub.parent / "lent_package.py").write_text(
        "from sentence_transformers.sentence_transformer.modules import Normalize\nclass Last(Normalize):\n    pass\n"
    )
    sys.path.insert(0, str(hub.parent))
    model = load_network(EncoderConfig(**source, trust_remote_code=True, code_revision=OLD))
    assert type(model[len(model) - 1]).__name__ == "Last"


def test_a_snapshot_from_before_there_was_a_commit_is_searched_with_the_presets(
    directory: Path, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(directory, hub / "models--somebody--tiny" / "snapshots" / MODEL)
    config = EncoderConfig(name="somebody/tiny", revision=MODEL, trust_remote_code=True)
    identity = {**load(replace(config, code_revision=OLD)).identity()}
    assert identity.pop("code_revision") == OLD
    options = {key: value for key, value in asdict(config).items() if key != "code_revision"}
    body = {"name": "tiny", "version": "v", "encoder": {"config": options, "identity": identity}}
    snapshot = Snapshot(directory, body, trust_remote_code=True)
    with pytest.raises(UnpinnedCode, match="'lender/code'") as error:
        _ = snapshot.encoder
    assert "run its recipe with 'code_revision'" in error.value.hint
    known = replace(presets.presets()["gte-multilingual-base"], model=config.name, revision=MODEL, code_revision=OLD)
    monkeypatch.setattr(presets, "presets", lambda: {"tiny": known})
    assert snapshot.encoder.identity()["code_revision"] == OLD
    later = {
        **body,
        "encoder": {"config": {**options, "code_revision": NEW}, "identity": {**identity, "code_revision": OLD}},
    }
    with pytest.raises(IntegrityError, match="is not the one"):
        _ = Snapshot(directory, later, trust_remote_code=True).encoder
