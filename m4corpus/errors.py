"""Errors a user can act on, and the exit code each ends the command line with."""

from __future__ import annotations


class M4CorpusError(Exception):
    """Base of everything m4corpus raises on purpose: what failed and where, then what to do next in ``hint``."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class UserError(M4CorpusError):
    """The request cannot be carried out as written: a wrong recipe, a missing path, an unknown name."""

    exit_code = 2


class LockedError(M4CorpusError):
    """Another run is using the work directory."""

    exit_code = 3


class IntegrityError(M4CorpusError):
    """Stored bytes, counts or digests do not agree with what was recorded."""

    exit_code = 4


class QuarantineError(M4CorpusError):
    """A ``--strict`` run finished, but some inputs were quarantined; or not all of a release could be brought back."""

    exit_code = 5


class EnvironmentFailure(M4CorpusError):
    """The machine refused: full disk, read-only directory, a worker killed for memory."""

    exit_code = 6
