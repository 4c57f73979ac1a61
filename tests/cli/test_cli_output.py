from __future__ import annotations

import pytest

from m4corpus.cli.output import table


def test_a_table_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table(["detail"], [["\x1b]0;title\x07text/\x9b31mhtml\u202e"], ["می\u200cخواهم"]])
    assert capsys.readouterr().out.splitlines() == ["detail", "]0;titletext/31mhtml", "می\u200cخواهم"]
