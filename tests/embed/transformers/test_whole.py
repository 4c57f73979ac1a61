"""Networks that lack weights are refused, whatever is loaded beside them; weights that no vector rests on may lack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_work import passage_vectors

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import load, load_tokenizer
from m4corpus.embed.transformers.whole import IncompleteWeights, noting_missing

SENTENCE = "The kite festival is held every spring"


def without(model: Path, into: Path, dropped: Callable[[str], bool]) -> Path:
    """A copy of a model without some of its weights."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(model, into)
    (file,) = into.rglob("model.safetensors")
    weights = load_file(file)
    kept = {key: value for key, value in weights.items() if not dropped(key)}
    assert len(kept) < len(weights)
    save_file(kept, file, metadata={"format": "pt"})
    return into


@pytest.fixture
def rotary(tiny_model: Path, tmp_path: Path) -> Path:
    """A model that brings a network of its own under a type transformers has: no position has a weight in it."""
    model = without(tiny_model, tmp_path / "rotary", lambda key: "position_embeddings" in key)
    content = json.loads((model / "config.json").read_text(encoding="utf-8"))
    content["auto_map"] = {"AutoModel": "org/rotary--modeling.RotaryModel"}
    (model / "config.json").write_text(json.dumps(content), encoding="utf-8")
    return model


@pytest.mark.parametrize("make", [load, load_tokenizer])
def test_a_network_of_its_own_under_a_known_type_is_not_made_up(make: Callable[..., Any], rotary: Path) -> None:
    with pytest.raises(IncompleteWeights, match=r"lacks weights of its network: embeddings\.position") as error:
        make(EncoderConfig(name=str(rotary)))
    assert "trust_remote_code: true" in error.value.hint


def test_a_layer_too_few(tiny_model: Path, tmp_path: Path) -> None:
    model = without(tiny_model, tmp_path / "short", lambda key: "layer.1." in key)
    with pytest.raises(IncompleteWeights, match=r"encoder\.layer\.1\..* and \d+ more"):
        load(EncoderConfig(name=str(model)))
    with pytest.raises(IncompleteWeights) as error:
        load(EncoderConfig(name=str(model), trust_remote_code=True))
    assert "trust_remote_code" not in error.value.hint, "that was said already"


def test_a_pooler_that_no_vector_rests_on_may_lack(tiny_model: Path, tmp_path: Path) -> None:
    model = without(tiny_model, tmp_path / "pooler", lambda key: key.startswith("pooler."))
    own, other = (load(EncoderConfig(name=str(path))) for path in (tiny_model, model))
    np.testing.assert_array_equal(passage_vectors(own, [SENTENCE]), passage_vectors(other, [SENTENCE]))


def test_a_pooler_that_vectors_rest_on_may_not(tiny_model: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer

    read = {"text": {"method": "forward", "method_output_name": "pooler_output"}}
    pooled = Transformer(str(tiny_model), modality_config=read, module_output_name="sentence_embedding")
    SentenceTransformer(modules=[pooled], device="cpu").save(str(tmp_path / "pooled"))
    assert load(EncoderConfig(name=str(tmp_path / "pooled"))).dimension == 24
    model = without(tmp_path / "pooled", tmp_path / "none", lambda key: key.startswith("pooler."))
    with pytest.raises(IncompleteWeights, match=r"network: pooler\.dense\.bias, pooler\.dense\.weight\n"):
        load(EncoderConfig(name=str(model)))


def test_transformers_is_as_it_was_to_others(tiny_model: Path, rotary: Path) -> None:
    from transformers import AutoModel, PreTrainedModel

    own = PreTrainedModel.__dict__["from_pretrained"]
    with ThreadPoolExecutor(1) as other, noting_missing() as missing:
        assert other.submit(AutoModel.from_pretrained, str(rotary)).result().config.model_type == "xlm-roberta"
        network, info = AutoModel.from_pretrained(str(tiny_model), output_loading_info=True)
        assert not info["missing_keys"]
        assert network.config.model_type == "xlm-roberta"
        assert not missing
        AutoModel.from_pretrained(str(rotary))
        assert missing == {"embeddings.position_embeddings.weight"}
    assert PreTrainedModel.__dict__["from_pretrained"] is own
