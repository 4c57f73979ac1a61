"""Superscripts and subscripts as plain text: 10<sup>3</sup> is 10³, never 103."""

from __future__ import annotations

from unicodedata import decomposition

_SUPERSCRIPT = str.maketrans(
    "0123456789+-\N{MINUS SIGN}=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ",
)
_SUBSCRIPT = str.maketrans(
    "0123456789+-\N{MINUS SIGN}=()aehijklmnoprstuvx",
    "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ",
)


def superscript(text: str) -> str:
    """``text`` in Unicode superscripts when every character has one, else ``^(text)``; white space trimmed."""
    return _raised(text, _SUPERSCRIPT, "<super>", "^")


def subscript(text: str) -> str:
    """``text`` in Unicode subscripts when every character has one, else ``_(text)``; white space trimmed."""
    return _raised(text, _SUBSCRIPT, "<sub>", "_")


def _raised(text: str, table: dict[int, int], form: str, mark: str) -> str:
    text = " ".join(text.split())
    if all(ord(character) in table or decomposition(character).startswith(form) for character in text):
        return text.translate(table)
    return f"{mark}({text})"
