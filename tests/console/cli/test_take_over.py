"""console driver take-over: says who drives, asks for two words, and passes on which mark is meant."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from console.cli import parser
from console.cli import take_over as command
from console.disk import mark as marks
from console.disk.mark import NAME, Mark
from console.ledger.store import Ledger
from tests.driver_fixture import Experiment

CARL = Mark("0" * 32, "daq2", "carl\x1b[2J", 1003, 4711, "b:1", "b:2", "/home/carl/ledger.db", "b:3:4", 1e9)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """Driven by carl; what would be asked of our driver is kept in `asked`."""
    made = Experiment(tmp_path)
    made.results = tmp_path / "dtn" / "results"
    made.results.mkdir(exist_ok=True)
    (made.results / NAME).write_text(json.dumps(asdict(CARL)))
    made.asked = []

    def ask(options, settings, verb, number, **args):
        made.asked.append((verb, args))
        return "this console launches"

    monkeypatch.setattr(command, "ask", ask)
    return made


def take_over(experiment: Experiment, *words: str) -> int:
    return parser.main(["--profile", str(experiment.profile), "driver", "take-over", *words])


def test_it_says_who_drives_where_and_since_when_and_asks(experiment, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal("take over\n"))
    assert take_over(experiment) == 0
    told = capsys.readouterr()
    for known in ("carl (uid 1003), process 4711 on daq2", "since 2001-09-", "/home/carl/ledger.db"):
        assert known in told.err
    assert "\x1b" not in told.err
    assert told.out.endswith("this console launches\n")
    assert experiment.asked == [("take-over", {"mark": CARL.id})]


@pytest.mark.parametrize("typed", ["y\n", "\n", "TAKE OVER\n", "take over everything\n", "\x1b[A\n"])
def test_anything_but_the_words_takes_nothing(experiment, monkeypatch, capsys, typed):
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert take_over(experiment) == 1
    assert "nothing was taken over" in capsys.readouterr().err
    assert experiment.asked == []


def test_the_end_of_the_input_takes_nothing(experiment, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal(""))
    assert take_over(experiment) == 1
    assert "nothing was taken over" in capsys.readouterr().err
    assert experiment.asked == []


def test_without_a_terminal_it_wants_yes(experiment, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("take over\n"))
    assert take_over(experiment) == 2
    assert "--yes" in capsys.readouterr().err
    assert experiment.asked == []
    assert take_over(experiment, "--yes", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["taken"] == {
        "user": "carl", "uid": 1003, "host": "daq2", "pid": 4711, "ledger": "/home/carl/ledger.db", "since": 1e9,
    }  # fmt: skip
    assert document["answer"] == "this console launches"


def test_our_own_mark_is_not_taken_over(experiment, capsys):
    Ledger(experiment.ledger).close()
    (experiment.results / NAME).unlink()
    marks.create(experiment.results, marks.of_this_process(experiment.ledger))
    assert take_over(experiment, "--yes") == 0
    assert capsys.readouterr().out == "no other console drives this experiment\n"
    assert experiment.asked == []


def test_what_is_no_mark_is_told(experiment, capsys):
    (experiment.results / NAME).unlink()
    (experiment.results / NAME).symlink_to("/etc/passwd")
    assert take_over(experiment, "--yes") == 1
    assert "is a link" in capsys.readouterr().err
