"""Functions of other libraries that go through ours while models load, where a library cannot be told otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Swapped:
    """Puts a function of ours in the place of another, from when the first model is loaded until the last one is.

    ``owner`` gives the module or class that has the function, ``name`` is the function's there, and ``made`` makes ours
    from it. All threads call ours, so it has to know those that load a model, and be the other one to the rest.
    """

    def __init__(self, owner: Callable[[], Any], name: str, made: Callable[[Any], Any]) -> None:
        self._owner, self._name, self._made = owner, name, made
        self._lock = threading.Lock()
        self._users = 0
        self._own: Any = None

    def __enter__(self) -> None:
        owner = self._owner()
        with self._lock:
            if not self._users:
                self._own = vars(owner)[self._name]
                setattr(owner, self._name, self._made(self._own))
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                setattr(self._owner(), self._name, self._own)
                self._own = None
