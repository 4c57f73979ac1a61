"""The default encoder: the teacher's vectors where it reads a text, the student's elsewhere, and nothing in between by
chance."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from m4corpus import languages as registry
from m4corpus.embed.carried import student
from m4corpus.embed.carried.multilingual import MOST, Multilingual
from m4corpus.embed.carried.student_words import features
from m4corpus.embed.carried.use import UseMultilingual
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import fingerprint, load
from m4corpus.errors import IntegrityError, UserError

#: One statement after the other in languages the teacher was trained on.
TAUGHT = {
    "eng": "The old bridge across the river was closed after the flood last winter.",
    "deu": "Die alte Brücke über den Fluss wurde nach dem Hochwasser im letzten Winter gesperrt.",
    "fra": "Le vieux pont sur la rivière a été fermé après les inondations de l'hiver dernier.",
    "spa": "El viejo puente sobre el río se cerró después de la inundación del invierno pasado.",
    "rus": "Старый мост через реку закрыли после наводнения прошлой зимой.",
    "jpn": "川にかかる古い橋は、去年の冬の洪水のあと閉鎖された。",
    "cmn": "去年冬天的洪水过后，河上的旧桥被关闭了。",
    "kor": "강을 가로지르는 오래된 다리는 지난 겨울 홍수 이후 폐쇄되었다.",
    "arb": "أغلق الجسر القديم فوق النهر بعد فيضان الشتاء الماضي.",
    "tha": "สะพานเก่าข้ามแม่น้ำถูกปิดหลังน้ำท่วมเมื่อฤดูหนาวที่แล้ว",
}
ENGLISH = [
    "Click the button to save the file in another folder.",
    "The mother gave her children bread and milk in the morning.",
    "What is the capital city of Ethiopia?",
    "The doctor works at the big hospital.",
]
#: The same in languages it was not.
READ = {
    "hin": [
        "फ़ाइल को किसी दूसरे फ़ोल्डर में सहेजने के लिए बटन पर क्लिक करें।",
        "माँ ने सुबह अपने बच्चों को रोटी और दूध दिया।",
        "इथियोपिया की राजधानी कौन सा शहर है?",
        "डॉक्टर बड़े अस्पताल में काम करता है।",
    ],
    "swh": [
        "Bofya kitufe ili kuhifadhi faili kwenye folda nyingine.",
        "Mama aliwapa watoto wake mkate na maziwa asubuhi.",
        "Mji mkuu wa Ethiopia ni upi?",
        "Daktari anafanya kazi katika hospitali kubwa.",
    ],
    "amh": [
        "ፋይሉን በሌላ አቃፊ ውስጥ ለማስቀመጥ ቁልፉን ይጫኑ።",
        "እናትየዋ ጠዋት ለልጆቿ ዳቦ እና ወተት ሰጠች።",
        "የኢትዮጵያ ዋና ከተማ ማን ናት?",
        "ሐኪሙ በትልቁ ሆስፒታል ውስጥ ይሠራል።",
    ],
}


@pytest.fixture(scope="module")
def encoder() -> Multilingual:
    found = load(EncoderConfig())
    assert isinstance(found, Multilingual)
    return found


def test_every_language_of_the_registry_is_covered(encoder: Multilingual) -> None:
    covered = {label[:3] for label in encoder.languages}
    assert {language.code for language in registry.languages()} | {"ell", "vie"} <= covered


def test_the_teachers_languages_have_nearly_the_teachers_vectors(encoder: Multilingual) -> None:
    texts = [*TAUGHT.values(), *ENGLISH]
    theirs = UseMultilingual(EncoderConfig(name="use-multilingual")).encode(texts)
    assert np.einsum("ij,ij->i", encoder.encode(texts), theirs).min() > 0.95
    assert (encoder.teacher_shares(texts) <= MOST).all()


def test_a_few_words_in_the_teachers_languages_have_its_very_vectors(encoder: Multilingual) -> None:
    texts = ["Nasi goreng", "fried rice", "pain au chocolat", "новый мост", "새로운 다리"]
    theirs = UseMultilingual(EncoderConfig(name="use-multilingual")).encode(texts)
    assert encoder.encode(texts).tobytes() == theirs.tobytes()


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("Ποιος κέρδισε τους Μπρόνκος;", "The Broncos won the game.", "The Steelers won the game."),
        ("ब्रोंकोस को किसने हराया?", "The Broncos won the game.", "The Steelers won the game."),
        ("Cine a câștigat cu Broncos?", "The Broncos won the game.", "The Steelers won the game."),
        ("Tesla sinh ra ở đâu?", "Tesla was born in a village.", "Luther was born in a village."),
    ],
)
def test_a_name_the_student_never_met_is_found(encoder: Multilingual, question: str, right: str, wrong: str) -> None:
    scores = (encoder.encode_queries([question]) @ encoder.encode([right, wrong]).T)[0]
    assert scores[0] > scores[1] + 0.05


def test_other_languages_are_the_students(encoder: Multilingual) -> None:
    texts = [text for group in READ.values() for text in group]
    shares = encoder.teacher_shares(texts)
    assert np.median(shares) == 0
    assert shares.max() < 0.5


def test_a_text_in_two_languages_is_shared(encoder: Multilingual) -> None:
    """The more of it the teacher can read, the more is the teacher's."""
    english, hindi = ENGLISH[1], READ["hin"][1]
    texts = [english, f"{english} {english} {hindi}", f"{english} {hindi} {hindi}", hindi]
    assert (np.diff(encoder.teacher_shares(texts)) <= 0).all()


@pytest.mark.parametrize("language", READ)
def test_finds_the_english_translation(encoder: Multilingual, language: str) -> None:
    scores = encoder.encode_queries(READ[language]) @ encoder.encode(ENGLISH).T
    assert (scores.argmax(axis=1) == np.arange(len(ENGLISH))).sum() >= 3


def test_bytes_depend_on_the_text_alone(encoder: Multilingual) -> None:
    texts = [*TAUGHT.values(), *(text for group in READ.values() for text in group), "", "…", "x" * 5000, "Ruby 3"]
    texts += [" ".join(texts[i : i + 9]) for i in range(0, 20, 2)]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    chance = random.Random(7)
    for _ in range(8):
        chosen = chance.choices(range(len(texts)), k=chance.randint(1, 90))
        assert encoder.encode([texts[i] for i in chosen]).tobytes() == alone[chosen].tobytes()
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(("words", "pieces"), [(20, 65536), (32768, 7)])
def test_bytes_do_not_depend_on_what_was_read_before(
    encoder: Multilingual, monkeypatch: pytest.MonkeyPatch, words: int, pieces: int
) -> None:
    """Tables of words and of pieces of text that start afresh again and again."""
    texts = [text for group in READ.values() for text in group]
    network = encoder._student
    usual = network.sums([*texts, *texts[::-1]], 4096).sums
    with np.load(student.MODEL, allow_pickle=False) as stored:
        small = student.Vocabulary({name: stored[name] for name in stored.files}, capacity=words)
    monkeypatch.setattr(network, "vocabulary", small)
    monkeypatch.setattr(student, "KEPT_PIECES", pieces)
    afresh = [network.sums([text], 4096).sums for text in [*texts, *texts[::-1]]]
    assert np.concatenate(afresh).tobytes() == usual.tobytes()
    assert network.sums([*texts, *texts[::-1]], 4096).sums.tobytes() == usual.tobytes()


def test_a_long_text_is_read_as_far_as_the_limit(encoder: Multilingual) -> None:
    """Whatever stands behind, and however much: in words, and in pairs of characters that no space divides."""
    network = encoder._student
    words = " ".join(READ["swh"])
    count = network.sums([words], 4096).words[0]
    for begun, rest in ((words, " — " * 30_000 + "kitabu " * 9000), ("平た" * 10, "い寿司" * 20_000)):
        most = count if begun == words else 19
        long, short = network.sums([begun + rest], most), network.sums([begun], most)
        assert long.words.tolist() == short.words.tolist() == [most]
        assert long.sums.tobytes() == short.sums.tobytes()


def test_a_byte_of_the_table_holds_two_dimensions() -> None:
    stored = {
        "whole": features(["bread"])[0],
        "grams": np.empty(0, dtype=np.uint32),
        "table": np.array([[0x1F, 0x8A]], dtype=np.uint8),
        "scale": np.array([300], dtype=np.int16),
        "gate": np.array([-5], dtype=np.int16),
    }
    vocabulary = student.Vocabulary(stored, capacity=4)
    (bread, unheard), none = vocabulary.slots(["Bread/unheard", "…"])
    assert vocabulary.vectors[[bread, unheard]].tolist() == [[2100, 600, -2100, 0, -5], [0, 0, 0, 0, 0]]
    assert none == ()
    assert vocabulary.known(["bread", "unheard", "bread bread"]) == [(True, -5), (False, 0), (True, -10)]


def test_numbers_too_large_for_single_precision_are_summed_exactly() -> None:
    """Rows that a file might hold, though ours does not: no digit is lost, in whichever order they are summed."""
    word = "".join(chr(ord("a") + i * i % 26) for i in range(40))
    grams = np.unique(features([word])[2])
    stored = {
        "whole": np.empty(0, dtype=np.uint32),
        "grams": grams,
        "table": np.full((len(grams), 1), 0xF0, dtype=np.uint8),
        "scale": np.full(len(grams), 32767, dtype=np.int16),
        "gate": np.zeros(len(grams), dtype=np.int16),
    }
    vocabulary = student.Vocabulary(stored, capacity=4)
    ((slot,),) = vocabulary.slots([word])
    assert vocabulary.vectors[slot].tolist() == [-8 * 32767, 7 * 32767, 0]


def test_reads_no_further_than_its_limit(encoder: Multilingual) -> None:
    short = load(EncoderConfig(max_tokens=8))
    text = " ".join(READ["swh"])
    assert short.encode([text]).tobytes() != encoder.encode([text]).tobytes()


def test_what_is_not_read_changes_nothing() -> None:
    """Neither its letters nor its names."""
    short = load(EncoderConfig(max_tokens=16))
    begun = "Το παλιό γεφύρι πάνω από το ποτάμι έκλεισε μετά την πλημμύρα του περασμένου χειμώνα στην πόλη μας."
    words = " ".join(begun.split()[:16])
    for rest in (
        "",
        " Denver Broncos Pittsburgh Steelers",
        " The English tail of the text is never read.",
        " Μπρόνκος" * 9,
    ):
        assert short.encode([words + rest]).tobytes() == short.encode([words]).tobytes()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / student.MODEL.name
    shutil.copy(student.MODEL, damaged)
    assert student.checked(damaged) == damaged
    with damaged.open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\1\2")
    with pytest.raises(IntegrityError, match="SHA-256"):
        student.checked(damaged)
    with pytest.raises(UserError, match="is missing"):
        student.checked(tmp_path / "none.npz")


def test_the_student_is_part_of_the_fingerprint(encoder: Multilingual) -> None:
    identity = encoder.identity()
    assert identity["files"][student.MODEL.name] == student.card()["sha256"]
    assert fingerprint(EncoderConfig()) != fingerprint(EncoderConfig(name="use-multilingual"))
