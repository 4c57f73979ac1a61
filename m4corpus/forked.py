"""What workers share: imported by the fork server before the first of them, and by nothing else.

A worker is a fork of that server, so a module loaded here costs no worker anything, and its pages are in memory once.
"""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from functools import cache
from importlib import import_module

# Of the stages, what they import to be built; models and the libraries of one stage are for its workers to load.
MODULES = (
    "m4corpus.executor",
    "pyarrow.compute",
    "pyarrow.parquet",
    "pandas",  # which pyarrow loads wherever it is installed
    "m4corpus.sources.stage",
    "m4corpus.clean.stage",
    "m4corpus.identify.stage",
    "m4corpus.filters.stage",
    "m4corpus.dedup.stage",
    "m4corpus.chunk.stage",
    "m4corpus.embed.stage",
    "m4corpus.index.stage",
)

_parent = os.getppid()
for _name in MODULES:
    if os.getppid() != _parent:
        # It was killed. The server will notice when it is done here, and end.
        break
    # The worker that needs it meets the error itself and reports it; the server has to live.
    with suppress(Exception):
        import_module(_name)

with suppress(Exception):
    # For each of the three logs that datatrove opens in a task, loguru would look for the folders of libraries anew,
    # which takes longer than many a task. They stay where they are.
    from loguru._better_exceptions import ExceptionFormatter

    ExceptionFormatter._get_lib_dirs = staticmethod(cache(ExceptionFormatter._get_lib_dirs))  # type: ignore[method-assign]
    ExceptionFormatter._get_lib_dirs()

# The collector would write to every object that it visits, and so copy the pages that are shared. Records come and go
# by the thousand and are in no cycles, so that to look for some after every few hundred is in vain.
gc.freeze()
gc.set_threshold(10_000, 10, 10)
