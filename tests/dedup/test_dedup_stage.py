"""The dedup stage as a whole: what it drops, whom it keeps, and that nothing else decides."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from m4corpus.dedup import candidates
from m4corpus.records import Document
from m4corpus.stage import Phase, StageContext
from m4corpus.storage.artifact import Completion
from m4corpus.storage.digests import file_digest
from m4corpus.storage.parts import part_name

VOCABULARY = [a + b + c for a in ("ka", "lo", "mi", "nu", "re") for b in ("ta", "vi", "so") for c in "abcdefghijklmn"]


def words(rng: random.Random, count: int) -> list[str]:
    return [rng.choice(VOCABULARY) + rng.choice(VOCABULARY) for _ in range(count)]


def edited(rng: random.Random, text: list[str], edits: int) -> list[str]:
    result = list(text)
    for position in rng.sample(range(len(text)), edits):
        result[position] = "edit" + rng.choice(VOCABULARY)
    return result


def document(id: str, text: str, script: str = "Latn", agreement: str = "none") -> Document:
    return Document(id, "s", f"{id}.html", "", text, language="eng", script=script, hint_agreement=agreement)


def jaccard(left: list[str], right: list[str], size: int = 5) -> float:
    a, b = ({tuple(t[i : i + size]) for i in range(len(t) - size + 1)} for t in (left, right))
    return len(a & b) / len(a | b)


def test_equal_texts_in_another_dress_are_exact_duplicates(dedup: Any) -> None:
    text = "The straße kite, flown in spring; ＡＢＣ １２３."
    dressed = "the STRASSE kite -- flown in   spring\n\nabc 123!"
    assert len(dressed) > len(text)
    out = dedup([document("a", text), document("b", dressed), document("c", "Other.")])
    assert out.dropped == {"a": ("exact-duplicate", "survivor=b similarity=1.00")}
    assert set(out.kept) == {"b", "c"}


def test_vowel_signs_distinguish_texts(dedup: Any) -> None:
    # कि and कु differ in a combining mark alone.
    texts = {"a": ("कि", "Deva"), "b": ("कु", "Deva"), "c": ("ค่า", "Thai"), "d": ("ค้า", "Thai")}
    assert dedup([document(id, *text) for id, text in texts.items()]).dropped == {}


def test_texts_of_nothing_but_punctuation_are_not_all_the_same(dedup: Any) -> None:
    assert dedup([document("a", "---"), document("b", "***"), document("c", "!?")]).dropped == {}


def test_near_duplicates_go_and_similar_texts_stay(dedup: Any) -> None:
    rng = random.Random(3)
    base = words(rng, 300)
    near, far = edited(rng, base, 5), edited(rng, base, 40)
    assert jaccard(base, near) > 0.8
    assert jaccard(base, far) < 0.6
    texts = {"a": " ".join(base), "b": " ".join(near) + " a few more words", "c": " ".join(far)}
    out = dedup([document(id, text) for id, text in texts.items()])
    assert set(out.kept) == {"b", "c"}  # b is the longer
    rule, detail = out.dropped["a"]
    assert rule == "near-duplicate"
    survivor, similarity = detail.split(" similarity=")
    assert survivor == "survivor=b"
    assert abs(float(similarity) - jaccard(base, near)) < 0.1
    assert out.kept["b"].duplicates == ["a"]
    assert out.kept["c"].duplicates == []


@pytest.mark.parametrize(
    ("script", "text", "other"),
    [
        ("Thai", "ว่าวเป็นของเล่นพื้นบ้านที่เด็กๆชอบเล่นในฤดูร้อนเมื่อลมพัดแรงและท้องฟ้าแจ่มใสทั่วทุกภาคของประเทศ", "มาก"),
        ("Hani", "风筝是一种传统的玩具每到春天孩子们都会到田野里放风筝看着它们在蓝天白云之间自由飞翔", "呢"),
        ("Jpan", "凧は正月に子供たちが空に揚げて遊ぶ伝統的な玩具であり各地にさまざまな形のものがある", "ね"),
        ("Khmr", "ខ្លែងគឺជាល្បែងប្រជាប្រិយដែលក្មេងៗចូលចិត្តលេងនៅរដូវប្រាំងពេលមានខ្យល់បក់ខ្លាំងនៅតាមវាលស្រែ", "ណាស់"),
        ("Latn", "Rain, rice and river.", "s"),
    ],
)
def test_texts_without_word_shingles_are_compared_by_characters(dedup: Any, script: str, text: str, other: str) -> None:
    out = dedup([document("a", text + other, script), document("b", text, script), document("c", text[::-1], script)])
    assert {k: v[0] for k, v in out.dropped.items()} == {"b": "near-duplicate"}


def test_survivor_agrees_with_its_hint_then_is_longest_then_has_the_smallest_id(dedup: Any) -> None:
    text = " ".join(words(random.Random(1), 60))
    wrong = document("a", text + "...", agreement="disagree")
    assert set(dedup([wrong, document("b", text), document("c", text + "!", agreement="none")]).kept) == {"c"}
    right = [document(id, text, agreement="agree") for id in "dc"]
    out = dedup([wrong, document("b", text), *right])
    assert set(out.kept) == {"c"}
    assert out.kept["c"].duplicates == ["a", "b", "d"]


def test_a_chain_of_edits_keeps_what_is_unlike_the_survivor(dedup: Any) -> None:
    rng = random.Random(5)
    chain = [words(rng, 300)]
    for start in range(0, 240, 12):
        chain.append([*chain[-1][:start], *words(rng, 12), *chain[-1][start + 12 :]])
    texts = {f"{i:02d}": link for i, link in enumerate(chain)}
    out = dedup([document(i, " ".join(link)) for i, link in texts.items()])
    assert 1 < len(out.kept) < len(texts)
    for gone, (_, detail) in out.dropped.items():
        survivor = detail.split()[0].removeprefix("survivor=")
        assert survivor in out.kept
        assert gone in out.kept[survivor].duplicates
        assert jaccard(texts[gone], texts[survivor]) > 0.6


def corpus(seed: int = 7) -> list[Document]:
    rng = random.Random(seed)
    documents = []
    for group in range(60):
        base = words(rng, rng.choice([3, 12, 40, 120]))
        for copy in range(rng.choice([1, 1, 2, 5])):
            text = base if rng.random() < 0.5 else edited(rng, base, min(len(base), rng.choice([0, 1, 2])))
            agreement = rng.choice(["agree", "none", "disagree"])
            documents.append(document(f"doc-{group:02d}-{copy}", " ".join(text), agreement=agreement))
    return documents


def test_what_is_kept_depends_on_neither_order_nor_partitions(dedup: Any) -> None:
    documents = corpus()
    first = dedup(documents, partitions=1)
    assert first.dropped
    assert {slug for slug, _ in first.dropped.values()} == {"exact-duplicate", "near-duplicate"}
    shuffled = random.Random(1).sample(documents, len(documents))
    for partitions in (2, 5):
        again = dedup(shuffled, partitions=partitions)
        assert again.dropped == first.dropped
        assert again.kept == first.kept


def test_blocks_of_keys_and_large_buckets_find_the_same(dedup: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = corpus()
    whole = dedup(documents)
    monkeypatch.setattr(candidates, "BLOCK", 16)
    assert dedup(documents).dropped == whole.dropped
    monkeypatch.setattr(candidates, "SMALL", 2)
    assert dedup(documents).dropped == whole.dropped


def test_comparisons_in_a_bucket_of_thousands_stay_linear(dedup: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(words(random.Random(2), 50))
    compared = []
    verify = candidates.Verifier.__call__

    def counting(self: candidates.Verifier, pairs: Any) -> Any:
        compared.append(len(pairs))
        return verify(self, pairs)

    monkeypatch.setattr(candidates.Verifier, "__call__", counting)
    out = dedup([document(f"{i:05d}", text) for i in range(3000)], bands=2)
    assert len(out.kept) == 1
    assert sum(compared) == 2 * 2999


def test_switches(dedup: Any) -> None:
    base = words(random.Random(4), 100)
    text = " ".join(base)
    documents = [document("a", text), document("b", text.upper()), document("c", " ".join(base[2:]))]
    assert {k: v[0] for k, v in dedup(documents, near=False).dropped.items()} == {"b": "exact-duplicate"}
    assert {k: v[0] for k, v in dedup(documents, exact=False).dropped.items()} == dict.fromkeys("bc", "near-duplicate")
    assert dedup(documents, exact=False, near=False).dropped == {}
    assert dedup(documents, exact=False, near=False).kept.keys() == {"a", "b", "c"}


def test_languages_do_not_collide(dedup: Any) -> None:
    english, japanese = "The kite is a toy that flies in the wind.", "凧は風の中を飛ぶ玩具である。"
    assert dedup([document("a", english), document("b", japanese, "Jpan")]).dropped == {}


def test_empty_stage(dedup: Any) -> None:
    assert dedup([]).kept == {}


def test_recall_and_precision(dedup: Any) -> None:
    rng = random.Random(11)
    same, different, documents = [], [], []
    while len(same) < 1000 or len(different) < 1000:
        text = words(rng, 200)
        target = same if len(same) < 1000 else different
        other = edited(rng, text, rng.randint(0, 4) if target is same else rng.randint(12, 15))
        similarity = jaccard(text, other)
        if (target is same and similarity < 0.8) or (target is different and not 0.51 <= similarity < 0.55):
            continue
        group = f"{'same' if target is same else 'diff'}-{len(target):04d}"
        target.append(group)
        documents += [document(f"{group}-a", " ".join(text)), document(f"{group}-b", " ".join(other))]
    out = dedup(documents)
    found = {id.rsplit("-", 1)[0] for id in out.dropped}
    assert len(found & set(same)) >= 0.99 * len(same)
    assert not found & set(different)
    for gone, (_, detail) in out.dropped.items():
        assert detail.startswith(f"survivor={gone[:-1]}")


def digests(context: StageContext) -> list[str]:
    root = context.directory
    return [file_digest(path) for n in range(3) for path in (root / part_name(n), root / "ledger" / part_name(n))]


class Interrupted(Exception):
    pass


def test_a_task_interrupted_anywhere_starts_anew(stage_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    documents = corpus()
    reference_stage, reference = stage_of(documents)
    for phase in reference_stage.phases(reference):
        for rank in range(phase.tasks):
            run(phase, rank)
    stage, context = stage_of(documents)
    writes = Completion.write
    for phase in stage.phases(context):
        for rank in range(phase.tasks):
            # All of a task's work is done twice; the first time it dies just before it would count as complete.
            monkeypatch.setattr(Completion, "write", interrupt)
            with pytest.raises(Interrupted):
                run(phase, rank)
            monkeypatch.setattr(Completion, "write", writes)
            assert not context.completion(phase.name, rank).exists()
            run(phase, rank)
    assert digests(context) == digests(reference)


def interrupt(self: Completion, path: Path) -> None:
    raise Interrupted


def run(phase: Phase, rank: int) -> None:
    data = None
    for step in phase.steps:
        data = step.run(data, rank, phase.tasks)
    assert list(data or ()) == []


def test_workers_change_nothing(stage_of: Callable[..., Any]) -> None:
    from m4corpus.executor import run_phase

    results = []
    for workers in (1, 3):
        stage, context = stage_of(corpus())
        for phase in stage.phases(context):
            run_phase(phase, context, "local", workers, lambda: None)
        results.append(digests(context))
        shutil.rmtree(context.directory)
    assert results[0] == results[1]
