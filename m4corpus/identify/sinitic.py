"""What sets apart texts written in Han characters: simplified or traditional forms, Cantonese or Mandarin.

Both go by characteristic characters: frequent ones that one side writes and the other hardly ever does.
"""

from __future__ import annotations

# Pairs of the same frequent word or character, simplified then traditional.
_PAIRS = (
    "们們这這国國说說来來时時会會对對学學样樣过過还還后後发發经經动動现現开開见見问問无無东東书書长長"
    "车車马馬鸟鳥鱼魚门門关關间間听聽写寫读讀话話语語认認识識让讓请請谢謝谁誰课課该該记記计計设設"
    "许許论論证證评評调調谈談战戰边邊达達运運进進远遠连連选選区區医醫华華单單卖賣历歷压壓厂廠县縣"
    "参參双雙变變叶葉号號员員团團园園围圍图圖场場块塊坏壞声聲处處备備头頭买買师師带帶张張强強归歸"
    "当當录錄总總战戰户戶报報担擔护護拥擁择擇换換据據损損数數断斷旧舊显顯术術机機权權条條极極构構"
    "标標树樹桥橋检檢楼樓欢歡气氣汉漢汤湯沟溝济濟测測浓濃灯燈灵靈点點热熱爱愛爷爺独獨猪豬环環电電"
    "画畫盐鹽监監盘盤矿礦码碼确確础礎礼禮离離种種积積称稱稳穩穷窮笔筆类類粮糧紧緊红紅纪紀约約级級"
    "纸紙线線组組细細织織终終结結给給统統继繼续續维維网網罗羅联聯职職脑腦节節艺藝苏蘇药藥虽雖虾蝦"
    "蛮蠻补補装裝规規视視觉覺览覽触觸词詞试試诗詩详詳误誤贝貝负負财財责責败敗货貨质質购購贵貴费費"
    "资資赛賽赢贏轮輪软軟转轉轻輕较較输輸释釋鉴鑒针針钟鐘钢鋼钱錢铁鐵银銀锅鍋错錯镇鎮阳陽阴陰际際"
    "陆陸陈陳险險随隨难難顶頂项項顺順须須预預领領频頻题題颜顏风風飞飛饭飯饮飲馆館验驗鸡雞麦麥黄黃"
)
_SIMPLIFIED = frozenset(_PAIRS[::2])
_TRADITIONAL = frozenset(_PAIRS[1::2])
_SIMPLER = str.maketrans(_PAIRS[1::2], _PAIRS[::2])

# Written Cantonese; none of these is common in Mandarin.
_CANTONESE = frozenset("嘅咗喺啲嘢佢冇唔嗰噉咁哋啱睇攞揾搵乜嘥嚟咩㗎喎")
_CANTONESE_SHARE = 0.01


def han_script(text: str) -> str:
    """``Hans`` or ``Hant`` when one side has over twice the characteristic characters of the other, else ``Hani``."""
    simplified = sum(character in _SIMPLIFIED for character in text)
    traditional = sum(character in _TRADITIONAL for character in text)
    if simplified > 2 * traditional:
        return "Hans"
    if traditional > 2 * simplified:
        return "Hant"
    return "Hani"


def to_simplified(text: str) -> str:
    """``text`` with the characteristic traditional characters in their simplified form; the rest stays as it is."""
    return text.translate(_SIMPLER)


def is_cantonese(text: str) -> bool:
    """Whether at least one character in a hundred, and two in all, is one that only written Cantonese uses."""
    marks = sum(character in _CANTONESE for character in text)
    return marks >= max(2, _CANTONESE_SHARE * len(text))
