"""A real sentence-transformers model of a few thousand weights, built where the tests run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CORPUS = [
    "The kite festival is held every spring in the old harbour.",
    "Le festival du cerf-volant a lieu chaque printemps dans le vieux port.",
    "Фестиваль воздушных змеев проходит каждую весну в старом порту.",
    "风筝节每年春天在老港口举行。",
    "query: passage: title text",
]

#: Positions of the tiny model that are free for tokens.
POSITIONS = 64


@pytest.fixture(scope="session")
def save_model() -> Callable[..., Path]:
    """Saves a tiny XLM-R with mean pooling; ``seed`` decides its weights, ``prompts`` what it declares."""

    def save(directory: Path, seed: int = 0, prompts: dict[str, str] | None = None, max_length: int = 32) -> Path:
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
        from transformers import XLMRobertaConfig, XLMRobertaModel

        bare = directory / "bare"
        _tokenizer(max_length).save_pretrained(bare)
        torch.manual_seed(seed)
        settings = XLMRobertaConfig(
            vocab_size=400,
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=POSITIONS + 2,
            pad_token_id=1,
        )
        XLMRobertaModel(settings).save_pretrained(bare)
        transformer = Transformer(str(bare))
        model = SentenceTransformer(modules=[transformer, Pooling(24)], device="cpu", prompts=prompts)
        model.save(str(directory / "model"))
        return directory / "model"

    return save


def _tokenizer(max_length: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 20, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        cls_token="<s>",
        sep_token="</s>",
        model_max_length=max_length,
    )


@pytest.fixture(scope="session")
def tiny_model(save_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a model that declares prompts for queries and passages and reads 32 tokens."""
    return save_model(tmp_path_factory.mktemp("tiny"), prompts={"query": "query: ", "passage": "passage: "})


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a CLIP of a few thousand weights: 20 dimensions, 32 tokens, images of 32 pixels a side."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    directory = tmp_path_factory.mktemp("clip")
    text = {"vocab_size": 400, "max_position_embeddings": 32, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    tiny = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {"image_size": 32, "patch_size": 8}
    torch.manual_seed(0)
    settings = CLIPConfig(projection_dim=20, text_config={**text, **tiny}, vision_config={**vision, **tiny})
    CLIPModel(settings).save_pretrained(directory / "bare")
    pixels = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(image_processor=pixels, tokenizer=_tokenizer(32)).save_pretrained(directory / "bare")
    model = SentenceTransformer(modules=[Transformer(str(directory / "bare"))], device="cpu")
    model.save(str(directory / "model"))
    return directory / "model"
