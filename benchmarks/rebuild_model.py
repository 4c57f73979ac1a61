"""A transformer as large as MiniLM with random weights, for measuring what does not depend on what it has learnt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

#: multilingual-MiniLM-L12-H384 has twelve layers of this width; six are what the English ones have.
LAYERS, WIDTH, HEADS, INNER = 6, 384, 12, 1536
VOCABULARY, POSITIONS = 8000, 512
_TAG = re.compile(r"<[^>]*>")


def make_model(directory: Path, pages: Path, sample: int = 200) -> Path:
    """Save a sentence-transformers model whose tokenizer is trained on a sample of the pages; returns its directory."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(_texts(pages, sample), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>",
             "mask_token": "<mask>", "cls_token": "<s>", "sep_token": "</s>"}  # fmt: skip
    bare = directory / "bare"
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, **names).save_pretrained(bare)
    torch.manual_seed(0)
    settings = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        max_position_embeddings=POSITIONS + 2,
        pad_token_id=1,
    )
    XLMRobertaModel(settings).save_pretrained(bare)
    model = SentenceTransformer(modules=[Transformer(str(bare)), Pooling(WIDTH)], device="cpu")
    model.save(str(directory / "model"))
    return directory / "model"


def _texts(pages: Path, sample: int) -> Iterator[str]:
    paths = sorted(pages.rglob("*.html"))
    for path in paths[:: max(1, len(paths) // sample)]:
        yield _TAG.sub(" ", path.read_text(encoding="utf-8"))
