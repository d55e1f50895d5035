"""Runs the documented commands as a shift would: against a running sandbox, on runs in the right state."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from console.cli import parser
from console.disk import mark as marks
from console.disk.mark import Mark
from console.driver.process import start_driver, stop_driver
from console.ledger import attempts, evidence, pause
from console.ledger import runs as run_rows
from console.ledger.presence import BEAT_SECONDS, driver, lock_path
from console.ledger.store import actor
from flowspec import names
from flowspec.conditions import reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.documents import Documented
from tests.pipeline_fixture import Pipeline
from tests.recording import Recording
from tests.rootfiles import write_sorted
from tests.waiting import HANGS_AFTER, until

FIRST_RUN = 1301
RECORDED_RUN = 1399
FOREIGN_FILE = "run-1301-00 (copy).evt"
SCREEN = "screen"
# The order in which they are tried: what acts first, so that there is something to look at; the driver's end last.
ORDER = (
    "flows validate", "endpoints status", "functions register", "functions check", "functions list", "flows deploy",
    "flows update", "flows show", "flows diff", "bring-back", "site status", "site test-fit", "site doctor",
    "site endpoints", "site monitor", "init", "doctor", "preflight",
    "login", "logout", "whoami", SCREEN, "cancel", "retry",
    "waive", "accept", "note", "claim", "reprocess", "launch", "status", "events", "report", "dossier", "preview",
    "alerts list",
    "alerts test", "driver status",
    "driver take-over", "pause", "resume", "hold", "release", "stream", "unstream", "auto", "sandbox", "sandbox fault",
    "driver stop", "driver start", "watch", "site bundle", "completion",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def name_of(options: argparse.Namespace) -> str:
    """`driver start`, `launch`, ...; SCREEN for no command."""
    return " ".join(filter(None, (options.command or SCREEN, getattr(options, "action", None))))


def parsed(command: Documented) -> argparse.Namespace:
    """The options of a `console` command; fails the test when its own parser does not know them."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return parser._parser().parse_args(command.words[1:])
    except SystemExit:
        raise AssertionError(f"{command}: {said.getvalue()}") from None


def without_trouble(directory: Path) -> Path:
    """A directory with a Slurm that has no jobs and takes any: what this machine has, if anything, need not work."""
    directory.mkdir()
    for program in ("squeue", "sbatch"):
        (directory / program).write_text("#!/bin/sh\nexit 0\n")
        (directory / program).chmod(0o755)
    return directory


class Shift:
    """A pipeline with as many ready runs as there are commands that need one, and one run that is incomplete."""

    def __init__(self, pipeline: Pipeline, runs: int) -> None:
        self.pipeline = pipeline
        self._fresh = self._make(runs)
        self._doubtful = next(self._fresh)
        self._queued: list[int] = []  # for what is held and released
        self._recording: Recording | None = None
        pipeline.start_driver()

    def _make(self, runs: int) -> Iterator[int]:
        numbers = range(FIRST_RUN, FIRST_RUN + runs + 1)
        for number in numbers:
            self.pipeline.deliver(self.pipeline.take(number, segments=2, events=5))
        doubtful = self.pipeline.settings.dtn.runs / f"run{FIRST_RUN}"
        doubtful.chmod(0o750)
        (doubtful / FOREIGN_FILE).write_bytes(b"whatever")
        return iter(numbers)

    def console(self, *words: str) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = parser.main(words, open_screen=lambda options: 0)
            except SystemExit as exit:
                code = int(exit.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())

    # ---- one command

    def try_out(self, command: Documented) -> Outcome:
        """Do what the command says; on a run of ours in place of the one that it names."""
        options = parsed(command)
        name = name_of(options)
        if name == "sandbox":
            return self._start_and_end(command)
        if name == "watch" and not options.print_unit:
            stop_driver(self.pipeline.settings.ledger)
            return self._start_and_end(command)
        if name == "events" and options.follow:
            return self._start_and_end(command)
        if name in ("pause", "resume", "hold", "release"):
            self._pause(on=name != "pause")
        if name == "driver stop":
            start_driver(self.pipeline.settings, self.pipeline.profile)
        if name == "driver take-over" and options.yes:
            self._driven_from_elsewhere()
        if name == "driver start":
            stop_driver(self.pipeline.settings.ledger)
        if name == "init":
            with patch("sys.stdin", io.StringIO()):  # nobody answers; tests/e2e/test_from_nothing.py does
                return self.console(*self._with_our_run(command, options, name))
        called = {"FRIB_CONSOLE__ALERTS__HOOK": '["true"]'} if name == "alerts test" else {}
        with patch.dict(os.environ, called):
            outcome = self.console(*self._with_our_run(command, options, name))
        if name in ("launch", "retry", "reprocess"):
            for run in run_rows.runs(self.pipeline.ledger, RunState.QUEUED, RunState.RUNNING):
                self.pipeline.ledger.ask("cancel", run.run, actor=actor())  # nobody waits for its result
        return outcome

    def _with_our_run(self, command: Documented, options: argparse.Namespace, name: str) -> list[str]:
        words = [str(self.pipeline.profile) if w.endswith(".toml") else w for w in command.words[1:]]
        if name in ("site bundle", "dossier"):
            words = [str(self.pipeline.profile.with_name(w)) if w == str(options.output) else w for w in words]
        if name == "reprocess":
            first = self._cancelled()
            return [f"{first}-{first + 3}" if word == options.runs else word for word in words]
        if name == "preflight":
            whole = self.pipeline.settings.dtn.runs / f"run{FIRST_RUN}" / names.segment_file(FIRST_RUN, 0)
            return [str(whole) if word == str(options.segment) else word for word in words]
        if name == "bring-back":
            self._made(*options.runs)
        if name in ("hold", "release"):
            ours = dict(zip(map(str, options.runs), self._waiting(held=name == "release"), strict=False))
            return [str(ours.get(word, word)) for word in words]
        if name in ("stream", "unstream"):
            return [str(self._recorded()) if word.isdigit() else word for word in words]
        given = getattr(options, "run", None)
        if name == "site test-fit":
            return [str(self._at_the_site()) if word == str(given) else word for word in words]
        if given is None:
            return words
        if name == "preview":
            return [str(self._with_result()) if word == str(given) else word for word in words]
        if name in ("status", "events", "dossier", "note", "claim"):
            run = self._launched()
            if name == "claim" and options.undo:
                self._ask("claim", run)
        elif getattr(options, "anyway", False):
            run = self._in_state(self._doubtful, RunState.INCOMPLETE)
        else:
            run = {"launch": self._ready, "cancel": self._under_way}.get(name, self._cancelled)()
            if name == "accept":
                self._loses_hits(run, options.segment)
            if getattr(options, "undo", False):
                self._ask(name, run, segment=options.segment, reason="to be taken back")
        directory = self.pipeline.settings.dtn.runs / f"run{run}"
        ours = str(directory) if isinstance(given, Path) else str(run)
        return [ours if word == str(given) else word for word in words]

    def _pause(self, *, on: bool) -> None:
        if (pause.stored(self.pipeline.ledger) is not None) != on:
            self._ask("pause" if on else "resume", None, reason="to try it out")

    def _waiting(self, *, held: bool) -> list[int]:
        """Two runs in the queue: launching is paused."""
        if not self._queued:
            self._queued = [self._ready(), self._ready()]
            for run in self._queued:
                self._ask("launch", run)
                self._in_state(run, RunState.QUEUED)
        for run in self._queued:
            if (run_rows.run(self.pipeline.ledger, run).held_by is not None) != held:
                self._ask("hold" if held else "release", run)
        return self._queued

    def _recorded(self) -> int:
        """A run that is being recorded."""
        if self._recording is None:
            pipeline = self.pipeline
            daq = pipeline.sandbox.directory / "recorded" / "daq"
            self._recording = Recording(daq, pipeline.settings.dtn.runs, RECORDED_RUN, segments=2)
            self._recording.write(0)
        return self._in_state(RECORDED_RUN, RunState.TAKING)

    def _with_result(self) -> int:
        """A run with a result that can be drawn."""
        run = self._ready()
        path = self.pipeline.settings.dtn.results / names.sorted_file(run)
        write_sorted(path)
        run_rows.set_run(self.pipeline.ledger, run, result=str(path))
        return run

    def _at_the_site(self) -> int:
        """A run that is ready, and whose files are at the site as well."""
        run = self._ready()
        raw = Path(self.pipeline.settings.site.top, "rawdata", f"run{run}")
        raw.mkdir()
        for segment in (self.pipeline.settings.dtn.runs / f"run{run}").glob("*.evt"):
            (raw / segment.name).write_bytes(segment.read_bytes())
        return run

    def _driven_from_elsewhere(self) -> None:
        mark = self.pipeline.settings.dtn.results / marks.NAME
        mark.write_text(json.dumps(asdict(Mark("0" * 32, "daq2", "anna", 1001, 4711, since=1e9))))
        until(lambda: "drives this experiment" in driver(self.pipeline.settings.ledger).problem)

    def _loses_hits(self, run: int, segment: int) -> None:
        lost = reason("failed.losses", lost=8, hits=100, events=0)
        told = Evidence(Stage.FIT, segment, Witness.TASK, Says.FAILED, lost)
        evidence.record_evidence(self.pipeline.ledger, run, [told])

    def _made(self, *runs: int) -> None:
        """What was made of these runs lies at the site."""
        site = self.pipeline.sandbox.directory / "site"
        for run in runs:
            (site / f"converted/run{run}").mkdir(exist_ok=True)
            for made in (f"converted/run{run}/run-{run:04d}-00-fitted.root", f"analyzed/run-{run:04d}-sorted.root"):
                (site / made).write_bytes(b"root")

    def _start_and_end(self, command: Documented) -> Outcome:
        """As a process of its own, ended as ctrl+c or systemd do as soon as it is at work."""
        profile = ["--profile", str(self.pipeline.profile)]
        process = subprocess.Popen(
            [sys.executable, "-m", "console", *profile, *command.words[1:]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        told = []
        if command.words[1] == "watch":
            found = until(lambda: driver(self.pipeline.settings.ledger))
            assert (found.pid, found.mode) == (process.pid, "foreground"), command
            beat = lock_path(self.pipeline.settings.ledger)  # the second beat comes from the main loop
            until(lambda: beat.stat().st_mtime > found.started + BEAT_SECONDS / 2)
        elif command.words[1] == "events":
            assert process.stdout is not None
            json.loads(process.stdout.readline())
        else:
            for line in process.stderr:
                told.append(line)
                if line.startswith("profile "):
                    break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANGS_AFTER)
        out = "" if command.words[1] == "events" else out  # a line for each event is no document
        return Outcome(process.returncode, out, "".join(told) + err)

    # ---- runs in the state that a command needs

    def _state(self, run: int) -> RunState | None:
        return self.pipeline.state(run)

    def _in_state(self, run: int, state: RunState) -> int:
        until(lambda: self._state(run) is state)
        return run

    def _ready(self) -> int:
        return self._in_state(next(self._fresh), RunState.READY)

    def _under_way(self) -> int:
        """Running at Globus, or held in the queue by the limit of flow runs."""
        run = self._ready()
        self._ask("launch", run)

        def settled() -> bool:
            attempt = attempts.newest_attempt(self.pipeline.ledger, run)
            if attempt is not None:
                return attempt.flow_run is not None
            found = run_rows.run(self.pipeline.ledger, run)
            return found is not None and found.why.startswith("held")

        until(settled)
        return run

    def _cancelled(self) -> int:
        run = self._under_way()
        self._ask("cancel", run)
        return self._in_state(run, RunState.CANCELLED)

    def _launched(self) -> int:
        return int(self.pipeline.ledger.rows("SELECT run FROM attempts ORDER BY attempt LIMIT 1")[0]["run"])

    def _ask(self, verb: str, run: int | None, **args: object) -> None:
        number = self.pipeline.ledger.ask(verb, run, actor=actor(), **args)
        request = until(lambda: (r := self.pipeline.ledger.request(number)) and r.state != "asked" and r)
        assert request.state == "done", request.answer
