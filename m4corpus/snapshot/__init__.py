"""Snapshots: named, immutable versions of a corpus and its index.

Layout::

    <workdir>/snapshots/<name>/
      latest                      version of the newest snapshot
      tags/<tag>                  the version a tag stands for
      <version>/manifest.json     the artifacts it is made of, with their digests; its parent, sources and counts

A snapshot holds no data of its own: it pins artifacts, which are immutable too. `docs/snapshots.md` tells the rest.
"""

from m4corpus.snapshot.create import create
from m4corpus.snapshot.open import Snapshot, open_snapshot
from m4corpus.snapshot.verify import verify

__all__ = ["Snapshot", "create", "open_snapshot", "verify"]
