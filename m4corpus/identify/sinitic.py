"""What sets apart texts written in Han characters: simplified or traditional forms, Cantonese, Hokkien or Mandarin.

All go by characteristic characters or words: frequent ones that one side writes and the other hardly ever does.
"""

from __future__ import annotations

import re

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


# Written Hokkien. Characters and words that are also Mandarin names or parts of them (阮, 华佗, 伊朗) are left out.
_HOKKIEN = re.compile(
    "毋|佇|伫|佮|𪜶|袂|攏|啥物|啥人|按怎|囡仔|佗位|叨位|勿会|即个|即号|即款|這馬|这马|歹勢|歹势|代誌|代志|查某|查埔|猶閣|閣再|"
    "真濟|予人|共伊|共我|厝內|厝边|厝邊|恁的|阮的|阮兜|食饭|食飯|知影|媠|逐家|今仔日|昨昏|昨暗|啉|佇咧|毋過|毋通"
)


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


def is_hokkien(text: str) -> bool:
    """Whether a text in Han characters has a word that written Hokkien has and Mandarin has not."""
    return _HOKKIEN.search(text) is not None
