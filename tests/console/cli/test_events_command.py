"""`console events`: what happened, as lines or as JSON, and what happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.parser import main
from tests.ledger_fixture import DRIVER, DemoLedger, demo_ledger
from tests.waiting import HANGS_AFTER

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoLedger]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("FRIB_CONSOLE_PROFILE", str(ROOT / "docs/profiles/e21062.toml"))
    demo = demo_ledger(tmp_path / "frib-flow-console/e21062/ledger.db", at=time.time())
    yield demo
    demo.ledger.close()


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(["events", *arguments, "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["events"]
    return found


def test_events_are_told_since_a_time_oldest_first(demo: DemoLedger, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "--since", "5m")
    assert (
        found[-1]["text"]
        == "run 1214 FAILED at fit: segment 07, EventEditor aborted (rc 134). r retries segment 07 only."
    )
    numbers = [event["event"] for event in told(capsys, "--since", "1d")]
    assert len(numbers) > len(found)
    assert numbers == sorted(numbers)
    assert main(["events", "--since", "5m"]) == 0
    assert " BAD  driver: run 1214 FAILED at fit" in capsys.readouterr().out


def test_of_a_run_all_is_told_without_a_time(demo: DemoLedger, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "--run", "1200")
    assert {event["run"] for event in found} == {1200}
    assert told(capsys, "--run", "1200", "--since", "1h") == []


@pytest.mark.parametrize(("arguments", "code"), [(["--since", "noon"], 2), (["--run", "99"], 1)])
def test_bad_use(demo: DemoLedger, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> None:
    assert main(["events", *arguments]) == code
    assert capsys.readouterr().err.startswith("console: ")


def test_a_secret_and_an_escape_in_an_event_are_not_told(demo: DemoLedger, capsys: pytest.CaptureFixture[str]) -> None:
    with demo.ledger.change() as db:
        row = (demo.at, DRIVER, "bad", "\x1b[31mBearer AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4")
        db.execute("INSERT INTO events (at, actor, level, text) VALUES (?,?,?,?)", row)
    for form in ([], ["--json"]):
        assert main(["events", *form]) == 0
        out = capsys.readouterr().out
        assert "AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4" not in out
        assert "\x1b" not in out
        assert "Bearer ***" in out


def follow(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "screens", "events", "--follow", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )


def test_what_happens_meanwhile_is_followed_until_nobody_reads(demo: DemoLedger) -> None:
    with follow("--json", "--run", "1217") as process:
        assert process.stdout is not None
        demo.ledger.event("info", "of another run", actor=DRIVER, run=1216)
        demo.ledger.event("good", "the first", actor=DRIVER, run=1217)
        for line in process.stdout:
            if json.loads(line)["text"] == "the first":
                break
        demo.ledger.event("bad", "the second", actor=DRIVER, run=1217)
        event = json.loads(process.stdout.readline())
        assert (event["text"], event["level"], event["run"]) == ("the second", "bad", 1217)
        process.stdout.close()
        assert process.wait(HANGS_AFTER) == 0
