"""Options of the filter stage: one per rule, and a rule whose option is not set does not exist."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from m4corpus.config import config

#: What :mod:`.masking` can put placeholders for.
Personal = Literal["email", "phone", "ip"]
Auto = Literal["auto"]
Share = Annotated[float, Field(ge=0, le=1)]
Length = Annotated[float, Field(gt=0)]


@config
class FilterConfig:
    """Limits a document has to keep. ``None`` (or ``false``) switches a rule off. Shares are between 0 and 1.

    Where ``auto`` is allowed it stands for a limit learnt from clean text of the document's language
    (`m4corpus filters thresholds` lists them); the drop then says whose texts. The rules that may be learnt need some
    text to judge: fewer than 30 to 100 words pass them.
    """

    min_chars: int | None = Field(
        default=50, ge=0, description="Fewest letters, marks and digits; scripts without spaces too."
    )
    max_chars: int | None = Field(default=None, gt=0, description="Most characters of the text.")
    min_words: int | None = Field(
        default=None, ge=0, description="Fewest words; in scripts without spaces, two letters count as one word."
    )
    min_letter_share: Share | Auto | None = Field(
        default=0.4,
        description="Least share of letters and marks among the characters that are not spaces, or auto.",
    )
    max_symbol_share: Share | Auto | None = Field(
        default=0.3,
        description="Largest share of symbols (neither letter, mark, digit, space nor punctuation), or auto.",
    )
    max_digit_share: Share | Auto | None = Field(
        default=None, description="Largest share of digits among the characters that are not spaces, or auto."
    )
    max_repeated_lines_share: float | None = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Largest share of the text, in characters, in lines that already occurred in it.",
    )
    max_repeated_ngrams_share: Share | Auto | None = Field(
        default=None, description="Largest share of the words in phrases of five that already occurred, or auto."
    )
    max_top_ngram_share: Share | Auto | None = Field(
        default=None, description="Largest share of the words in the most frequent phrase of three, or auto."
    )
    min_distinct_share: Share | Auto | None = Field(
        default=None, description="Least share of different words among a hundred in a row, on average, or auto."
    )
    min_word_length: Length | Auto | None = Field(
        default=None, description="Shortest word on average, in characters, or auto; scripts with spaces only."
    )
    max_word_length: Length | Auto | None = Field(
        default=None, description="Longest word on average, in characters, or auto; scripts with spaces only."
    )
    min_stop_word_share: Share | Auto | None = Field(
        default=None,
        description="Least share of the language's most frequent words, or auto; passes a language whose own are not "
        "known.",
    )
    min_punctuated_share: Share | Auto | None = Field(
        default=None,
        description="Least share of the paragraphs, in characters, in lines that end in punctuation, or auto; not for "
        "Thai and Lao.",
    )
    min_line_letters: Length | Auto | None = Field(
        default=None, description="Fewest letters, marks and digits of a line of the paragraphs, on average, or auto."
    )
    max_rows_share: float | None = Field(
        default=None, ge=0, le=1, description="Largest share of letters and digits in rows of tables and infoboxes."
    )
    stub_letters: int | None = Field(
        default=None,
        ge=0,
        description="Drop a document that is mostly rows of tables and infoboxes, and whose paragraphs and lists have "
        "fewer letters than this (of English; scaled to the language).",
    )
    languages: tuple[str, ...] | None = Field(
        default=None,
        description="Languages to keep, by any name the registry knows (`am`, `zh-yue`, `Irish`), or `und`.",
    )
    min_language_confidence: float | None = Field(
        default=None, ge=0, le=1, description="Least confidence of the identified language."
    )
    script_mismatch: bool = Field(
        default=False, description="Drop a document whose script its identified language is not written in."
    )
    hint_disagreement: bool = Field(
        default=False,
        description="Drop a document whose text was found to be in another language than its source said.",
    )
    max_template_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Largest share of the words in phrases that `template_documents` documents of the language have, "
        "numbers aside: articles a program wrote from a table.",
    )
    template_documents: int = Field(
        default=20, ge=2, description="In how many documents a phrase of a language makes it part of a template."
    )
    record_parallel: bool = Field(
        default=False,
        description="Record in a document's metadata (`parallel_languages`) in how many languages the corpus has a "
        "document with the same numbers, a sign of translation.",
    )
    mask: tuple[Personal, ...] = Field(
        default=(),
        description="Put placeholders for these (email, phone, ip) into the text; the document's metadata counts them.",
    )
