"""The dataset card, written from the manifest alone: nothing in it is claimed that was not counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from m4corpus.identify.labels import UNDETERMINED, language_names
from m4corpus.languages import resolve_variety
from m4corpus.release.cardparts import ATTRIBUTION_NOTE, CONDITIONED, GAPS, LIMITS
from m4corpus.release.configs import configs
from m4corpus.release.layout import ATTRIBUTION, DOCUMENTS, ENCODER, PLOT, Release
from m4corpus.snapshot.carried import model_directory

#: Licences the Hub has a name for. It refuses a card with any other: what is not here becomes `other`.
_LICENCES = frozenset({
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsl-1.0",
    "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0",
    "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "eupl-1.1", "gfdl", "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1",
    "lgpl-3.0", "mit", "mpl-2.0", "odbl", "odc-by", "pddl", "unlicense", "wtfpl", "zlib",
})  # fmt: skip
_SIZES = (
    (1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M"),
    (1e8, "10M<n<100M"), (1e9, "100M<n<1B"), (1e10, "1B<n<10B"), (1e11, "10B<n<100B"), (1e12, "100B<n<1T"),
)  # fmt: skip


def card(release: Release, repository: str) -> str:
    """``README.md`` of a release that is published as ``repository`` (``owner/name``)."""
    from huggingface_hub import DatasetCard, DatasetCardData

    manifest, snapshot = release.manifest, release.snapshot
    languages = sorted({one.partition("_")[0] for one in snapshot["documents"]} - {UNDETERMINED})
    licences = sorted({licence for found in manifest["sources"].values() for licence in found if licence})
    data = DatasetCardData(
        language=languages or None,
        license=sorted({_hub_licence(one) for one in licences}) or "unknown",
        multilinguality="multilingual" if len(languages) > 1 else "monolingual",
        size_categories=next((name for most, name in _SIZES if sum(snapshot["chunks"].values()) < most), "n>1T"),
        task_categories=["text-retrieval"],
        pretty_name=release.name,
        tags=["m4corpus", "retrieval", "faiss"],
        configs=configs(release.name, manifest["sets"], release.files),
    )
    body = "\n\n".join(_sections(release, repository))
    return str(DatasetCard(f"---\n{data.to_yaml()}\n---\n\n{body}\n"))


def _hub_licence(licence: str) -> str:
    """A licence, as a source names it or by SPDX identifier, under the name the Hub has for it."""
    name = "-".join(licence.lower().split()).removesuffix("-only").removesuffix("-or-later")
    short = name.rsplit("-", 1)[0]
    return next((one for one in (name, short) if one in _LICENCES), "other")


def _sections(release: Release, repository: str) -> Iterable[str]:
    manifest, snapshot = release.manifest, release.snapshot
    documents, chunks = sum(snapshot["documents"].values()), sum(snapshot["chunks"].values())
    plots = {file.path.split("/")[1].rsplit("-", 1)[0]: file.path for file in release.of(PLOT)}
    description = snapshot["recipe"].get("description") or "A corpus for retrieval, with its index."
    yield (
        f"# {release.name}\n\n{_plain(description)}\n\n"
        f"Snapshot `{release.name}@{release.version}`"
        + (f", made after `{snapshot['parent']}`" if snapshot["parent"] else "")
        + f": {documents:,} documents in {len(snapshot['documents'])} languages and scripts, cut into {chunks:,} "
        f"passages. Built by [m4corpus](https://pypi.org/project/m4corpus/) {snapshot['tools'].get('m4corpus', '')}."
    )
    if release.ids_only:
        yield (
            "**This release holds no text.** It has ids, addresses, revisions, offsets and digests. "
            "`m4corpus rehydrate` fetches every article at its `revision` again, runs the recipe in `release.json`, "
            "and compares each text with `text_digest` (BLAKE2b-128)."
        )
    if snapshot["conditioned_on_answers"]:
        yield CONDITIONED.format(names=", ".join(snapshot["conditioned_on_answers"]))
    yield "## Languages\n\n" + _picture(plots, "languages") + _languages(snapshot)
    if snapshot["varieties"]:
        rows = [(tag, _variety(tag), f"{count:,}") for tag, count in snapshot["varieties"].items()]
        yield "### Varieties\n\n" + _table(("variety", "", "documents"), rows)
    origins = [
        (name, licence or "not known", f"{count:,}", _taken(snapshot.get("sources", {}).get(name, {})))
        for name, licences in manifest["sources"].items()
        for licence, count in licences.items()
    ]
    yield (
        "## Sources and licences\n\n"
        + _table(("source", "licence", "documents", "as of"), origins)
        + f"\n\n{ATTRIBUTION_NOTE.format(file=ATTRIBUTION)}"
    )
    yield "## Processing\n\n" + _picture(plots, "dropped") + _stages(snapshot)
    yield f"## Identification of languages\n\n{LIMITS}"
    yield "## Encoder and index\n\n" + _encoder(release)
    yield f"## Known gaps\n\n{_gaps(snapshot)}"
    yield "## Use\n\n" + _use(release, repository)
    yield (
        "## Cite\n\n```bibtex\n@misc{" + f"{release.name}_{release.version},\n"
        f"  title = {{{release.name}, snapshot {release.version}}},\n"
        f"  howpublished = {{Hugging Face data set {repository}, revision {release.version}}},\n"
        f"  note = {{Built with m4corpus {snapshot['tools'].get('m4corpus', '')}}}\n}}\n```"
    )


def _languages(snapshot: dict[str, Any]) -> str:
    names = language_names()
    labels = sorted(snapshot["documents"].keys() | snapshot["chunks"].keys())
    rows = [
        (one, names.get(one.partition("_")[0], ""), f"{snapshot['documents'].get(one, 0):,}",
         f"{snapshot['chunks'].get(one, 0):,}")
        for one in labels
    ]  # fmt: skip
    mixed = snapshot["mixed"]
    return _table(("label", "language", "documents", "passages"), rows) + (
        f"\n\nA passage carries the language of most of it, which need not be its document's. {mixed['documents']:,} "
        f"documents are mixed: at least two languages with {mixed['share']:.0%} of the text or more each."
    )


def _taken(pin: dict[str, Any]) -> str:
    """When a source's pages were saved or fetched: from, and to."""
    fetched = pin.get("fetched", {})
    return " to ".join(dict.fromkeys(str(fetched[key])[:10] for key in ("first", "last") if key in fetched))


def _variety(tag: str) -> str:
    found = resolve_variety(tag)
    return found.name if found else ""


def _stages(snapshot: dict[str, Any]) -> str:
    rows = []
    for stage in ("read", "clean", "identify", "filter", "dedup", "chunk", "embed", "index"):
        counts = snapshot["artifacts"].get(stage, {}).get("counts")
        if not counts:
            continue
        rows.append((stage, "", f"{counts['inputs']:,}", f"{counts['kept']:,}", ""))
        for outcome in ("dropped", "failed"):
            for rule, count in counts[outcome].items():
                rows.append(("", f"{outcome}: {rule}", "", f"{count:,}", f"{count / max(1, counts['inputs']):.2%}"))
    return (
        "Every input of every stage is accounted for: kept, dropped by a rule, or failed for a reason.\n\n"
        + _table(("stage", "rule or reason", "inputs", "kept, or lost", "share of inputs"), rows)
        + "\n\nDuplicates are removed over all sources: exact ones by digest, near ones by MinHash "
        f"(similarity of at least {snapshot['recipe'].get('dedup', {}).get('threshold', 'the default')}); the copy "
        "that is kept lists the others in `duplicates`."
    )


def _encoder(release: Release) -> str:
    encoder, index = release.snapshot["encoder"], release.manifest.get("index", {})
    identity = encoder["identity"]
    lines = [
        f"- encoder: `{_plain(str(identity.get('name', encoder['config']['name'])))}`, {identity['dimension']} "
        f"dimensions, fingerprint `{encoder['fingerprint'][:12]}`",
        f"- passages read only in part, being longer than the encoder reads: {encoder.get('truncated', 0):,}",
    ]
    if files := release.of(ENCODER):
        lines.append(f"- vectors are post-processed with what `{files[0].path}` holds, and so are queries")
    if needed := model_directory(encoder):
        lines.append(
            f"- **queries need this model, which is not part of this release: `{_plain(needed[0])}`, files digest "
            f"`{needed[1]}`.** Where it lies: `m4corpus search {release.name} ... --encoder-path DIR`"
        )
    if index:
        lines.append("- index: FAISS, one shard or more for each language, every vector as it is, searched exactly")
        lines.append("- recall of the index against exact search: 1, since the search is exact")
    measured = release.manifest.get("evaluation")
    if not measured:
        return "\n".join([*lines, "- retrieval quality: not measured"])
    scores = measured["scores"]
    measures = list(next(iter(scores.values())))
    rows = [
        (group, f"{measured['queries'].get(group, 0):,}", *(f"{values[one]:.3f}" for one in measures))
        for group, values in scores.items()
    ]
    return "\n".join(lines) + "\n\nMeasured:\n\n" + _table(("language of query", "queries", *measures), rows)


def _gaps(snapshot: dict[str, Any]) -> str:
    lines = list(GAPS)
    unsure = snapshot["documents"].get(UNDETERMINED, 0)
    if unsure:
        lines.append(f"{unsure:,} documents have no language (`{UNDETERMINED}`).")
    for flag, count in snapshot["flags"].items():
        lines.append(f"{count:,} documents carry the flag `{flag}`.")
    failed = sum(snapshot["artifacts"].get("embed", {}).get("counts", {}).get("failed", {}).values())
    if failed:
        lines.append(f"{failed:,} passages have no vector.")
    return "\n".join(f"- {line}" for line in lines)


def _use(release: Release, repository: str) -> str:
    names = [one["config_name"] for one in configs(release.name, release.manifest["sets"], release.of(DOCUMENTS))]
    shown = ", ".join(f"`{name}`" for name in names[:6]) + (", ..." if len(names) > 6 else "")
    example = next((one["config_name"] for one in configs(release.name, release.manifest["sets"], release.files)
                    if one.get("default")), release.name)  # fmt: skip
    text = (
        f"```python\nfrom datasets import load_dataset\n\n"
        f'documents = load_dataset("{repository}", "{example}", revision="{release.version}", split="train")\n'
        f'passing = load_dataset("{repository}", "{example}", split="train", streaming=True)\n```\n\n'
        f"Configurations: {shown}, `chunks`, `vectors`. In `metadata` and `language_mix` maps are lists of key and "
        f"value.\n\n```bash\nm4corpus pull {repository}@{release.version}\n"
    )
    if not release.ids_only:
        text += f'm4corpus search {release.name} "how is flatbread baked"\n'
    return text + (
        f"m4corpus verify {release.name}\n```\n\n`pull --lang sw --index-only` fetches no more than searching Swahili "
        "takes. `verify` reads every byte and compares it with the digests in `release.json`."
    )


def _picture(plots: dict[str, str], name: str) -> str:
    return f"![{name}]({plots[name]})\n\n" if name in plots else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    lines += [f"| {' | '.join(_plain(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text from a recipe or a source without what Markdown or HTML would take for its own."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
