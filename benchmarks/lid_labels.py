"""Which ISO 639-3 code the locale tags of MediaWiki, GNU gettext, Firefox and others stand for."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from m4corpus import languages as registry

#: Tags that are no ISO 639 code, or not of the language their letters name.
_ODD = {
    "als": "gsw", "aln": "aln", "aeb-arab": "aeb", "bat-smg": "sgs", "be-tarask": "bel", "be-x-old": "bel",
    "bh": "bho", "cbk-zam": "cbk", "crh": "crh", "eml": "egl", "fiu-vro": "vro", "roa-rup": "rup", "nah": "nah",
    "nb_NO": "nob", "nb": "nob", "no": "nob", "nn": "nno", "sh": "hbs", "sh-latn": "hbs", "zh-classical": "lzh",
    "ku": "kmr", "ku-latn": "kmr", "ku-arab": "ckb", "kmr": "kmr", "sr-ec": "srp", "sr-el": "srp", "ug": "uig",
    "gn": "grn", "gug": "grn", "bcc": "bcc", "lv": "lav", "et": "est", "sq": "sqi", "mg": "mlg", "ne": "nep",
    "or": "ori", "uz": "uzb", "fa": "fas", "ps": "pus", "qu": "que", "yi": "yid", "ay": "aym", "ff": "ful",
    "bm": "bam", "tw": "twi", "ak": "aka", "in": "ind", "iw": "heb", "sc": "src", "mo": "ron", "ki": "kik",
    "tt-cyrl": "tat", "tt-latn": "tat", "hif-latn": "hif", "ha": "hau", "pa_IN": "pan", "nr": "nbl", "st": "sot",
    "fy-NL": "fry", "ca-valencia": "cat", "ca@valencia": "cat", "dz": "dzo", "kmr-Latn": "kmr", "son": "ses",
    "za": "zha", "azb": "azb", "tl": "tgl", "fil": "tgl",
    "jv-java": "jav", "nan-hant": "nan", "nan-latn-pehoeji": "nan", "nan-latn-tailo": "nan", "prs": "fas",
}  # fmt: skip

#: Orthographies of fun, historic or constructed languages that steal short texts and serve nobody here; informal
#: registers and variants of English; catalogues that are another language's.
_LEFT_OUT = {
    "simple", "en-gb", "en-ca", "en-au", "en-us", "en-nz", "en-za", "en@shaw", "en-shaw", "en@boldquot", "en@quot",
    "tok", "tlh", "avk", "ang", "got", "cu", "pih", "qqx", "map-bms", "jut", "isv-latn", "isv-cyrl", "ie", "nov",
    "frc", "roa-tara", "aae", "jbo", "dtp", "kiu", "sli", "ruq-latn", "ruq-cyrl", "nmz", "sdc", "sei", "pdc", "pnt",
    "hbs", "sh", "sh-latn", "sh-cyrl", "rmf", "ike-latn", "crh-ro", "pap-aw", "zh-mo", "lfn", "vo", "nds-nl", "hrx",
    # Languages next to Indonesian, Yoruba, Arabic, Croatian and the like with few messages, which take more from their
    # large relatives than they have themselves, and sign languages in a spelling of their own.
    "kge", "btm", "ljp", "bew", "sty", "mui", "sas", "nys", "igl", "bol", "ase", "acm", "arq", "aln", "wls", "kau",
    "kr", "nr", "ss", "aig", "gpe", "cgg", "nyn", "abs", "cps", "krj", "trs", "hyw", "grc", "wlx", "brh", "fvr", "rgn",
    "lad", "kri", "pcm", "jam", "acf", "mag", "anp", "hsn", "cpx", "cpx-hans", "cpx-hant", "gcf", "gcr",
    "rut", "smn", "sms",
}  # fmt: skip

#: Languages a text in one of the 42 is most easily taken for, beside the 42 themselves.
NEIGHBOURS = frozenset((
    "ary", "glg", "cat", "oci", "ast", "arg", "lmo", "vec", "lij", "pms", "scn", "cos", "nap", "egl", "roh", "nno",
    "dan", "swe", "isl", "fao", "slk", "pol", "mkd", "srp", "ukr", "bel", "tat", "tur", "uzb", "kaz", "tuk", "crh",
    "bho", "mai", "nep", "awa", "san", "pnb", "skr", "fas", "ckb", "pus", "snd", "kmr", "run", "nya", "som", "tir",
    "haw", "ceb", "ilo", "war", "bcl", "hil", "pam", "bjn", "ace", "ban", "bug", "gor", "mad", "lzh", "wuu", "hak",
    "gan", "deu", "nld", "gla", "cym", "glv", "cor", "lug", "kik", "sna", "zul", "xho", "hau", "ful", "wol", "aka",
    "twi", "hrv", "bos", "slv", "kir", "tgk", "hun", "vie", "afr", "lat", "sot", "tsn", "nso", "mri", "epo", "eus",
    "fin", "est", "sqi", "mlt", "asm",
))  # fmt: skip


def code_of(tag: str) -> str:
    """ISO 639-3 code of a locale tag, as documents carry it; empty for what is left out or no language."""
    plain = tag.replace("_", "-")
    if plain.lower() in _LEFT_OUT:
        return ""
    for name in (tag, plain, plain.lower(), re.split(r"[-@.]", plain.lower())[0]):
        if name in _ODD:
            return _ODD[name]
    language = registry.resolve(plain)
    if language is not None:
        return language.code
    base = re.split(r"[-@.]", plain.lower())[0]
    return base if base in iso_names() else _two_letters().get(base, "")


@cache
def iso_names() -> dict[str, str]:
    """English names by ISO 639-3 code, from Debian's ``iso-codes``."""
    return {row["alpha_3"]: row["name"] for row in _rows()}


@cache
def _two_letters() -> dict[str, str]:
    return {row["alpha_2"]: row["alpha_3"] for row in _rows() if "alpha_2" in row}


@cache
def _rows() -> list[dict[str, str]]:
    path = Path("/usr/share/iso-codes/json/iso_639-3.json")
    rows: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))["639-3"]
    return rows
