#!/usr/bin/env python3
"""Train the language model the package carries, from packages to the file and its settings.

The same packages give the same bytes: lines are drawn with a fixed seed and fastText runs on one thread.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import lid_sample
import lid_sets
import lid_sources
from lid_calibrate import temperatures
from lid_labels import code_of
from lid_packages import FAMILIES, RECORD, differences, fetch_held_out, fetch_training
from lid_sources import Text
from lid_write import BY_SCRIPT, settings, write_settings, write_table
from real_data import DOWNLOADS

from m4corpus.identify import fasttext_model
from m4corpus.identify.script import dominant_script

PACKAGE = Path(__file__).resolve().parent.parent / "m4corpus"
SEED = 20261121
#: Scripts in which several languages are written that are worth telling apart.
SCRIPTS = frozenset(("Arab", "Beng", "Cyrl", "Deva", "Ethi", "Hani", "Hebr", "Latn", "Mymr", "Tibt"))
#: fastText's settings. One thread: with more the result is another each time.
TRAINING = {"dim": 32, "minn": 2, "maxn": 4, "bucket": 1 << 20, "minCount": 10, "epoch": 5, "lr": 0.5,
            "loss": "softmax", "thread": 1, "seed": SEED, "verbose": 0}  # fmt: skip
#: Words and parts of words kept in the quantised model.
FEATURES = 180_000
#: Frequent words of a language that random lines are made of.
FREQUENT = 30_000
#: Frequency given to a word of Nynorsk's dictionary, or Bokmål's, that the lists of frequent words do not have.
UNSEEN = 2e-7


def texts(folders: dict[str, Path]) -> Iterator[tuple[str, Text]]:
    """All text to train on, each with its code."""
    for text in _texts(folders):
        if code := code_of(text.tag):
            yield code, text


def _texts(folders: dict[str, Path]) -> Iterator[Text]:
    yield from lid_sources.mediawiki(folders["mediawiki"])
    libreoffice, firefox = FAMILIES
    for name, folder in folders.items():
        if name.startswith(libreoffice):
            yield from lid_sources.gettext(folder, "libreoffice")
    for name in ("gramps", "iso-codes", "tuxpaint-data", "krita-l10n", "libc-l10n", "debconf-i18n",
                 "wesnoth-1.16-data", "freeciv-data"):  # fmt: skip
        yield from lid_sources.gettext(folders[name], name)
    yield from lid_sources.firefox(next(iter(folders.values())).parent, firefox)
    yield from lid_sources.quran(folders["quran-json"])
    for _, page in lid_sources.html_pages(folders["gimp-help-nn"] / "usr/share/gimp/2.0/help", "gimp-help"):
        # All of it would make manuals Nynorsk, since of Bokmål there is none to train on.
        yield from (replace(page, text=line) for line in page.text.splitlines()[::8])


def words(folders: dict[str, Path]) -> dict[str, list[tuple[str, float]]]:
    """Words and frequencies by label: what ``wordfreq`` has, and dictionaries of Nynorsk, Bokmål and Swahili."""
    wheel = next(folders["wordfreq"].glob("*.whl"))
    lists = {code_of(tag): found for tag, found in lid_sources.word_frequencies(wheel) if code_of(tag)}
    english = dict(lists["eng"])
    labelled: dict[str, list[tuple[str, float]]] = {}
    for code, found in lists.items():
        for word, frequency in found[:FREQUENT]:
            # Lists made from the web hold English words, and names.
            if code == "eng" or english.get(word, 0.0) < frequency / 3:
                script = lid_sample.merged(dominant_script(word).code)
                if script in SCRIPTS and script != "Hani":
                    labelled.setdefault(f"{code}_{script}", []).append((word, frequency))
    labelled = {label: found for label, found in labelled.items() if len(found) > 3_000}
    dictionaries = folders["hunspell-no"] / "usr/share/hunspell"
    bokmaal, nynorsk = (
        {word.lower() for word in lid_sources.hunspell(dictionaries / name, "latin-1")}
        for name in ("nb_NO.dic", "nn_NO.dic")
    )
    frequent = dict(lists["nob"])
    labelled["nno_Latn"] = [(w, frequent.get(w, UNSEEN)) for w in sorted(nynorsk) if w in frequent or w not in bokmaal]
    labelled["nob_Latn"] += [(word, UNSEEN) for word in sorted(bokmaal - nynorsk) if word not in frequent]
    swahili = lid_sources.hunspell(folders["hunspell-sw"] / "usr/share/hunspell/sw_TZ.dic")
    labelled["swh_Latn"] = [(word, 1.0) for word in swahili]
    lid_sample.contrasts(labelled)
    return labelled


def train(rows: list[str], target: Path) -> list[str]:
    """Train and quantise; the model's labels, ``<code>_<script>``."""
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.txt"
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        model = fasttext.train_supervised(str(path), **TRAINING)
        model.quantize(input=str(path), qnorm=True, cutoff=FEATURES, retrain=False)
    partial = target.with_suffix(".part")
    model.save_model(str(partial))
    partial.replace(target)
    return [str(label).removeprefix("__label__") for label in model.get_labels()]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--downloads", type=click.Path(path_type=Path, file_okay=False), default=DOWNLOADS,
              help="Cache directory.  [default: downloads/ of the project]")  # fmt: skip
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="Write the model and its settings here, and leave the package as it is.")  # fmt: skip
def main(downloads: Path, into: Path | None) -> None:
    """Fetch the text, train, calibrate, and write language-model.ftz and language-model.json."""
    folders = fetch_training(downloads)
    held_out = fetch_held_out(downloads)
    if changed := differences(downloads):
        click.echo(f"other packages than the carried model was made from: {', '.join(changed)}", err=True)
    found = lid_sample.pools(texts(folders), SCRIPTS)
    rows = lid_sample.lines(found, words(folders), SEED)
    click.echo(f"{len(rows):,} lines of {len(found)} labels", err=True)
    resources = into or PACKAGE / "resources"
    resources.mkdir(parents=True, exist_ok=True)
    labels = train(rows, resources / "language-model.ftz")
    path = resources / "language-model.json"
    write_settings(path, settings(resources / "language-model.ftz", labels, [(1, 1.0), (2, 1.0)]))
    if into is None:
        write_table(PACKAGE / "tables/lid.csv", labels)
        record = (downloads / "language-model" / RECORD).read_text(encoding="utf-8")
        trained = {name: row for name, row in json.loads(record).items() if name in folders}
        rows_of = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in sorted(trained.items()))
        Path(__file__).with_name("lid_packages.json").write_text(f"{{\n{rows_of}\n}}\n", encoding="utf-8")
    model = fasttext_model.LanguageModel(resources / "language-model.ftz", path)
    known = {label.split("_")[0] for label in labels} | set(BY_SCRIPT.values())
    manuals = lid_sets.manuals(held_out["gnome-user-docs"], held_out["debian-handbook"])
    items = [item for item in [*lid_sets.messages(held_out["vlc-l10n"], "vlc"), *manuals] if item.code in known]
    measured = temperatures(model, items, SEED)
    write_settings(path, settings(resources / "language-model.ftz", labels, measured))
    click.echo(f"temperatures: {measured}", err=True)


if __name__ == "__main__":
    sys.exit(main())
