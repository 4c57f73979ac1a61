"""Makes ``tests/support`` importable, in tests and in the worker processes they start.

Test modules cannot be imported by workers (pytest loads them by path); steps that workers run live there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SUPPORT = str(Path(__file__).parent / "support")
ROOT = str(Path(__file__).parents[1])

sys.path.insert(0, SUPPORT)
# For the processes that tests start by hand.
os.environ["PYTHONPATH"] = os.pathsep.join([ROOT, SUPPORT, *filter(None, [os.environ.get("PYTHONPATH")])])

pytest_plugins = ["wikis"]


@pytest.fixture(scope="module")
def executor_here() -> Iterator[None]:
    """Makes known the executor ``here``, which runs tasks in the test's own process."""
    from rebuilds import in_process

    with in_process():
        yield
