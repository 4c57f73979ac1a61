"""Languages an encoder claims to cover, against those a corpus has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from m4corpus import languages
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import NAMED, load
from m4corpus.embed.presets import preset_of
from m4corpus.identify.labels import UNDETERMINED

#: Scripts that are one to an encoder.
_SAME = {"Hans": "Hani", "Hant": "Hani"}


def claimed(config: EncoderConfig) -> tuple[str, ...] | None:
    """``language_Script`` labels the encoder is said to cover; None where nobody says."""
    if config.name in NAMED:
        found = getattr(load(replace(config, postprocess=None)), "languages", None)
        return None if found is None else tuple(found)
    preset = preset_of(config)
    return preset.languages if preset else None


def covers(claims: Iterable[str], label: str) -> bool:
    """Whether ``claims`` include the language of ``label`` in its script; Chinese characters are one script."""
    return _key(label) in {_key(claim) for claim in claims}


def uncovered(config: EncoderConfig, counts: Mapping[str, int]) -> dict[str, int]:
    """Those of a corpus's labels, with their counts, that the encoder does not claim.

    None are given where it claims nothing; text whose language could not be told is left out.
    """
    claims = claimed(config)
    if claims is None:
        return {}
    told = {label: count for label, count in counts.items() if label != UNDETERMINED}
    return {label: count for label, count in sorted(told.items()) if not covers(claims, label)}


def warning(config: EncoderConfig, counts: Mapping[str, int]) -> str | None:
    """One line that names the languages of a corpus the encoder does not claim; None when it claims all.

    ``counts`` has chunks for each ``language_Script`` label, or 0 for each while nothing is built.
    """
    missing = uncovered(config, counts)
    if not missing:
        return None
    ordered = sorted(missing.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{_name(label)} ({count:,})" if count else _name(label) for label, count in ordered)
    chunks = sum(counts.values())
    what = f"{sum(missing.values()) / chunks:.1%} of the chunks" if chunks else "languages of this recipe"
    return f"encoder '{config.name}' does not claim {what}: {named}. How it does there: m4corpus embed doctor"


def usual_labels(codes: Iterable[str]) -> dict[str, int]:
    """``language_Script`` of languages in their usual script, each counted 0; languages beyond the 42 are left out."""
    known = [language for code in codes if (language := languages.resolve(code))]
    return {f"{language.code}_{language.scripts[0]}": 0 for language in known}


def _key(label: str) -> tuple[str, str]:
    language, _, script = label.partition("_")
    return language, _SAME.get(script, script)


def _name(label: str) -> str:
    language = languages.resolve(label.partition("_")[0])
    return f"{language.name}, {label}" if language else label
