"""Documents of a corpus with post-processed vectors are made again without the file the recipe had."""

from __future__ import annotations

from pathlib import Path

from rebuilds import Corpus, in_process
from release_work import centred

from m4corpus.rebuild import rebuild
from m4corpus.snapshot import open_snapshot


def test_what_the_snapshot_carries_is_enough(tmp_path: Path) -> None:
    encoder = centred(tmp_path / "means.npz")
    assert encoder.postprocess is not None
    after = {"file": "means.npz", "sha256": encoder.postprocess.sha256}
    corpus = Corpus(tmp_path, {"embed": {"encoder": {"name": encoder.name, "postprocess": after}}})
    for name in ("en/a", "es/a"):
        corpus.write(name)
    with in_process():
        corpus.build()
    (tmp_path / "means.npz").unlink()
    snapshot = open_snapshot("c", tmp_path / "work")
    assert (snapshot.directory / snapshot.manifest["files"][0]["path"]).is_file()
    assert snapshot.search("kite", 1)
    done = rebuild(snapshot, 2)
    assert [(result.outcome, result.stage) for result in done.results] == [("OK", "index")] * 2
