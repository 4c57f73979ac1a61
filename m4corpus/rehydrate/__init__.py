"""The texts of a release that was published as ids alone, brought back from the wikis they came from.

The recipe of a release says what became of its pages; its rows say which pages, at which revisions, and what digest
each text had. So :mod:`.rebuilt` writes a recipe whose crawl fetches exactly these revisions and whose other sections
are the recorded ones, and crawls and runs it as any other: with the manners, the archive and the resuming of
:mod:`m4corpus.crawl`. :mod:`.compare` then says of every document whether its text came back.
"""

from __future__ import annotations

from m4corpus.rehydrate.found import find
from m4corpus.rehydrate.run import Rehydration, Result

__all__ = ["Rehydration", "Result", "find"]
