"""Commands as people run them, in this process: a start of one of its own costs two seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from m4corpus.cli.main import main


@dataclass(frozen=True)
class Told:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Told]


def command_of(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``m4corpus <name>``, to be called with further arguments."""

    def command(*arguments: str | Path) -> Told:
        monkeypatch.setattr(sys, "argv", ["m4corpus", name, *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Told(int(end.value.code or 0), said.out, said.err)

    return command
