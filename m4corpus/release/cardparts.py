"""What every card says in the same words."""

from __future__ import annotations

CONDITIONED = (
    "> **Conditioned on answers.** The pages for {names} were searched for with the right answers of the benchmark "
    "among the queries. Retrieval that is scored on it over this corpus is easier than over all of the sources."
)

ATTRIBUTION_NOTE = (
    "Each record names its own `licence`, `url` and `revision`; `{file}` says whose texts they are. Passages and "
    "vectors are made from the documents and stand under the same licences."
)

LIMITS = (
    "Languages and scripts are identified from the text, and compared with what the source says of itself "
    "(`hint_agreement`). Short texts, names and close relatives (Indonesian and Malay, Bulgarian and Macedonian, "
    "Arabic and its dialects) are told apart less surely than `language_confidence` may suggest. A `variety` rests on "
    "`variety_evidence`, mostly on where a page comes from; formal and casual registers are varieties of questions, "
    "and no document is labelled with one unless a classifier was sure."
)

GAPS = (
    "Pages that could not be read, and those a rule rejected, are missing; the table above says how many.",
    "The images that pages show are not part of this release.",
)
