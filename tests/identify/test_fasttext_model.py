from __future__ import annotations

import pytest

from m4corpus.identify.fasttext_model import LanguageModel, temperature, tempered
from m4corpus.identify.labels import scripts_of
from m4corpus.identify.resources import Settings, read_settings


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel()


def best(model: LanguageModel, text: str) -> str:
    return next(iter(model.probabilities([text])[0]), "und")


def test_probabilities_of_a_batch_are_those_of_each_text(model: LanguageModel) -> None:
    texts = ["Die Kinder lassen im Herbst Drachen steigen.", "Les enfants jouent\nau cerf-volant.", "", "ว่าว", "ok"]
    together = model.probabilities(texts)
    assert [model.probabilities([text])[0] for text in texts] == together
    assert [next(iter(found), "und") for found in together[:4]] == ["deu", "fra", "und", "tha"]
    for found in together:
        assert sum(found.values()) <= 1 + 1e-9
        assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_script_of_one_language_decides_alone(model: LanguageModel) -> None:
    assert model.probabilities(["గాలిపటం", "ᱥᱟᱱᱛᱟᱲᱤ"]) == [{"tel": 0.99}, {"sat": 0.99}]


def test_only_languages_of_the_script_are_named(model: LanguageModel) -> None:
    found = model.probabilities(["Привет, как дела? See you", "See you. Привет, how are things with you?"])
    assert all("Cyrl" in scripts_of()[code] for code in found[0])
    assert all("Latn" in scripts_of()[code] for code in found[1])


# Written for this test; each pair or group is easily confused.
CONFUSABLE = {
    "ind": "Kemarin saya pergi ke kantor karena ada rapat penting, tapi mobil saya rusak di jalan.",
    "zsm": "Semalam saya pergi ke pejabat kerana ada mesyuarat penting, tetapi kereta saya rosak di jalan.",
    "jav": "Wingi aku menyang pasar karo ibuku, nanging udan deres banget nganti aku ora sido tuku apa-apa.",
    "sun": "Kamari abdi ka pasar sareng pun biang, tapi hujanna ageung pisan dugi ka teu janten balanja.",
    "min": "Kapatang ambo pai ka pakan jo amak, tapi hujan labek bana sainggo indak jadi mambali apo-apo.",
    "nob": "I går gikk jeg til butikken for å kjøpe melk, men den var allerede stengt da jeg kom fram.",
    "dan": "I går gik jeg hen til butikken for at købe mælk, men den var allerede lukket, da jeg kom frem.",
    "nno": "I går gjekk eg til butikken for å kjøpe mjølk, men han var alt stengd då eg kom fram.",
    "ces": "Včera jsem šel do obchodu koupit mléko, ale když jsem tam přišel, bylo už zavřeno.",
    "slk": "Včera som išiel do obchodu kúpiť mlieko, ale keď som tam prišiel, bolo už zatvorené.",
    "bul": "Вчера отидох до магазина да купя мляко, но той вече беше затворен, когато стигнах.",
    "mkd": "Вчера отидов до продавницата да купам млеко, но таа веќе беше затворена кога стигнав.",
    "arb": "ذهبت أمس إلى السوق لأشتري الحليب، لكن المتجر كان قد أغلق أبوابه عندما وصلت إليه.",
    "arz": "امبارح رحت السوق عشان اجيب لبن بس المحل كان قفل لما وصلت ومكنش فيه حد خالص.",
    "hin": "कल मैं दूध लेने के लिए बाज़ार गया था, लेकिन जब मैं पहुँचा तो दुकान बंद हो चुकी थी।",
    "mar": "काल मी दूध आणायला बाजारात गेलो होतो, पण मी पोहोचलो तेव्हा दुकान बंद झाले होते.",
    "kin": "Ejo nagiye ku isoko kugura amata, ariko nasanze iduka ryafunze kandi nta muntu uhari.",
    "swh": "Jana nilikwenda sokoni kununua maziwa, lakini nilipofika duka lilikuwa tayari limefungwa.",
    "gaz": "Kaleessa aannan bituuf gara gabaa deemeen ture, garuu yeroon ga'u suuqichi cufamee ture.",
    "som": "Shalay waxaan suuqa u aaday inaan caano soo iibsado, laakiin dukaanka waa la xiray markii aan gaaray.",
    "azj": "Dünən süd almaq üçün bazara getmişdim, amma çatanda dükan artıq bağlanmışdı.",
    "tur": "Dün süt almak için çarşıya gitmiştim ama vardığımda dükkân çoktan kapanmıştı.",
    "ita": "Ieri sono andato al mercato a comprare il latte, ma quando sono arrivato il negozio era già chiuso.",
    "src": "Deris so andadu a su mercadu a comporare su late, ma cando so arribadu sa butega fiat già serrada.",
    "spa": "Ayer fui al mercado a comprar leche, pero cuando llegué la tienda ya estaba cerrada.",
    "por": "Ontem fui ao mercado comprar leite, mas quando cheguei a loja já estava fechada.",
    "glg": "Onte fun ao mercado mercar leite, pero cando cheguei a tenda xa estaba pechada e non había ninguén.",
    "yor": "Mo lọ sí ọjà lánàá láti ra wàrà, ṣùgbọ́n wọ́n ti ti ilé ìtajà náà nígbà tí mo dé ibẹ̀.",
    "ibo": "Ụnyaahụ agara m ahịa ịzụta mmiri ara ehi, mana e mechiela ụlọ ahịa ahụ mgbe m rutere.",
    "gle": "Chuaigh mé go dtí an siopa inné chun bainne a cheannach, ach bhí sé dúnta cheana féin.",
    "bre": "Dec'h on aet d'ar marc'had evit prenañ laezh, met serret e oa ar stal pa'm eus erruet.",
    "yue": "我琴日去街市買牛奶，不過去到嗰陣間舖已經閂咗門，冇人喺度。",
    "cmn": "我昨天去市场买牛奶，可是到那里的时候商店已经关门了，一个人也没有。",
    "nan": "我昨昏去市仔買牛奶，毋過到位的時陣，店已經關門矣，攏無人佇遐。",
    "tgl": "Kahapon pumunta ako sa palengke para bumili ng gatas, pero sarado na ang tindahan nang dumating ako.",
}


@pytest.mark.parametrize("code", sorted(CONFUSABLE))
def test_confusable_languages_are_told_apart(model: LanguageModel, code: str) -> None:
    assert best(model, CONFUSABLE[code]) == code


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("yor", "Mo lo si oja lana lati ra wara, sugbon won ti ti ile itaja naa nigba ti mo de ibe."),
        ("ron", "Ieri am mers la piata sa cumpar lapte, dar magazinul era deja inchis cand am ajuns."),
        ("ron", "Oraşul a fost construit în secolul al şaptesprezecelea şi are multe clădiri vechi."),
        ("nan", "Goá cha-hng khì chhī-á bé gû-leng, m̄-koh tiàm í-keng koaiⁿ-mn̂g--ah."),
    ],
)
def test_other_spellings_of_a_language(model: LanguageModel, code: str, text: str) -> None:
    assert best(model, text) == code


def test_a_longer_text_is_surer(model: LanguageModel) -> None:
    short, long = model.probabilities(["koupit mléko", CONFUSABLE["ces"]])
    assert long["ces"] > 0.9
    assert short.get("ces", 0.0) < long["ces"]


def test_a_temperature_sharpens_or_flattens() -> None:
    weights = {"a": 0.6, "b": 0.3}
    assert tempered(weights, 1.0) == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    assert tempered(weights, 0.5) == pytest.approx({"a": 0.8, "b": 0.2})
    assert tempered({"b": 0.5, "a": 0.5}, 1.0) == {"a": 0.5, "b": 0.5}
    assert tempered({}, 1.0) == {}


def test_the_temperature_lies_between_the_lengths_it_was_measured_at() -> None:
    settings = Settings("", {}, ((10, 1.0), (1000, 0.5)), {})
    assert [temperature(length, settings) for length in (1, 10, 100, 1000, 10**6)] == pytest.approx(
        [1, 1, 0.75, 0.5, 0.5]
    )
    assert read_settings().temperatures == tuple(sorted(read_settings().temperatures))
