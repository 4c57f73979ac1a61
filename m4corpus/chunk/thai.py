"""Where sentences end in Thai, which has no sign for it: at some of its spaces.

A space stands between sentences, but also between clauses, items of a list, and around numbers and names. Which is
which is guessed from the words on both sides and from lengths. ``benchmarks/sentences.py`` measures it at or above the
trained model of PyThaiNLP (crfcut), though far below what marks give in other scripts; cuts fall at spaces alone, so no
word is ever torn.
"""

from __future__ import annotations

import regex

# Fewest characters of a sentence, and of what follows it up to the next space: shorter pieces are items or names.
_SHORTEST, _SHORTEST_NEXT = 20, 10

_SPACE = regex.compile(r"[\s\u200b]*\s[\s\u200b]*")
_MARKED = regex.compile(r"(?:[!?…]|(?<!\p{L}\p{M}*)\.|ฯลฯ)[\"'”’)\]]*$")
# Words a sentence goes on with, words one begins with, and words it cannot end with.
_GOES_ON = regex.compile(
    r"[ๆฯ\p{N}\p{Ll}\p{Lu}\p{Pe}\p{Pf},;:%&/=+–—-]|(?:"
    r"ซึ่ง|ที่(?!สำคัญ|จริง)|และ|หรือ|โดย(?!ทั่วไป|ปกติ)|เพื่อ|ของ|กับ|แก่|แด่|ต่อ(?!มา|จาก)|ตั้งแต่|จนถึง|จน|ถึง(?!แม้)|อัน|ว่า(?!ว)|แห่ง|"
    r"รวมทั้ง|รวมถึง|ตลอดจน|แต่|เพราะ|พร้อม|ด้วย|ก็|จึง|แล้ว|จะ|คือ|ได้แก่|เช่น|เป็น|ดัง(?!นั้น|กล่าว)|นั้น|นี้|อาทิ|โดยเฉพาะ|ทั้งใน|ทั้งที่|ไม่ว่า|พ\.ศ|ค\.ศ)"
)  # fmt: skip
_BEGINS = regex.compile(
    r"(?:เขา|เธอ|พวกเขา|พวกเรา|เรา|ฉัน|ผม|นอกจาก|อย่างไรก็|ดังนั้น|ต่อมา|ปัจจุบัน|ในปัจจุบัน|หลังจาก|ทั้งนี้|ขณะเดียวกัน|"
    r"ในขณะ|ถึงแม้|แม้ว่า|เมื่อ|ครั้น|จากนั้น|ในที่สุด|ด้วยเหตุนี้|ตัวอย่างเช่น|สำหรับ|ส่วน|บางคน|ทุกคน|คนไทย|ในปี|ในสมัย|ในช่วง|ตาม|โดยทั่วไป)"
)  # fmt: skip
_OPEN_END = regex.compile(
    r"(?:และ|หรือ|คือ|เช่น|ได้แก่|ว่า|ที่|ของ|โดย|ใน|กับ|จาก|แก่|เป็น|ประมาณ|ราว|ชื่อ|อาทิ|เมื่อ|ปี|วันที่|อายุ|สูง|ยาว|หนัก|นาย|นาง|นางสาว|"
    r"[\p{Ps}\p{Pi}:,;–—&/=-]|\p{L}\p{M}*\.)$"
)
_LOOSE_END = regex.compile(r"[ๆ\p{N}\p{Ll}\p{Lu}]$")
_POLITE = regex.compile(r"(?:ครับ|ค่ะ|นะคะ|นะ|จ้ะ)$")


def thai_ends(line: str) -> list[int]:
    """Where the sentences of a line of Thai end, the last at its end."""
    cuts: list[int] = []
    start = depth = counted = 0
    spaces = list(_SPACE.finditer(line))
    for index, space in enumerate(spaces):
        at = space.start()
        depth = max(0, depth + _opened(line[counted:at]))
        counted = at
        following = spaces[index + 1].start() if index + 1 < len(spaces) else len(line)
        if not depth and _ends(line, start, at, space.end(), following):
            cuts.append(space.end())
            start = space.end()
    return [*(cut for cut in cuts if cut < len(line)), len(line)]


def _ends(line: str, start: int, end: int, after: int, following: int) -> bool:
    """Whether ``line[start:end]`` is a sentence and another begins at ``after``, whose first piece ends at
    ``following``."""
    left = line[max(start, end - 24) : end]
    if _MARKED.search(left) or _POLITE.search(left):
        return True
    if end - start < _SHORTEST or _OPEN_END.search(left) or _GOES_ON.match(line, after):
        return False
    if _BEGINS.match(line, after):
        return True
    return not _LOOSE_END.search(left) and following - after >= _SHORTEST_NEXT


def _opened(text: str) -> int:
    return sum((c in "([“‘«") - (c in ")]”’»") for c in text)
