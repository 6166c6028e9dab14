"""Text of strangers: what cannot be seen is spelled out in all that is said to people."""

import pytest

from sparserl.cli import say
from sparserl.cli.output import put
from sparserl.cli.tables import print_table
from sparserl.processes.log import tell
from sparserl.seen import seen

HOSTILE = "\x1b]0;x\x07 \x9b2J \r \0 \u202e\u2066 \ud800 \u2028 \ufeff"
SPELLED = "\\x1b]0;x\\x07 \\x9b2J \\x0d \\x00 \\u202e\\u2066 \\ud800 \\u2028 \\ufeff"


@pytest.mark.parametrize(
    "text", ["RigL 90 %", "\u05e9\u05dc\u05d5\u05dd", "\u4e2d\u6587", "na\u00efve \U0001f600", "a\nb\tc", ""]
)
def test_what_people_write_is_left_as_it_is(text):
    assert seen(text) == text


def test_what_cannot_be_seen_is_spelled_out():
    assert seen(HOSTILE) == SPELLED
    assert seen("a\nb\t", kept="") == "a\\x0ab\\x09"
    assert seen("\u0628\u200c\u0627") == "\u0628\u200c\u0627", "Persian needs what parts its letters"
    assert seen("\U000e0001") == "\\U000e0001"


def test_whatever_is_said_commands_no_terminal(capsys):
    put(HOSTILE)
    print_table(["name"], [[f"{HOSTILE}\n"]], 1)
    tell(HOSTILE)
    say(HOSTILE, 1)
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == SPELLED
    assert told.out.count(SPELLED) == 2
    assert told.err.splitlines()[0] == f"sparserl: {SPELLED}"
    assert all(each.isprintable() or each == "\n" for each in told.out + told.err)
