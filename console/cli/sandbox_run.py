"""`console sandbox`: loopback Globus, DAQ and driver without the screen; with --until-done a test of the pipeline."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path
from typing import Any

from console.cli.asking import as_json
from console.cli.faults import RunningSandbox, Scenario
from console.cli.sandbox import Sandbox
from console.driver.process import ProcessProblem
from console.driver.supervisor import Supervisor
from console.ledger import attempts as attempt_rows
from console.ledger import events
from console.ledger import runs as run_rows
from console.ledger.store import Ledger
from flowspec.states import ENDED, RunState
from remote.signals import set_on_signal

TICK_SECONDS = 0.2
UNDRIVEN_SECONDS = 60.0  # what keeps drivers from starting may pass; longer than this it does not pass by itself


def run_sandbox(options: argparse.Namespace) -> int:
    """Run the sandbox until it is done or a signal ends it. Returns the exit code."""
    if options.provider and options.engine != "endpoint":
        _print_line("console sandbox: --provider goes with --engine endpoint (console sandbox --help)")
        return 2
    stop = threading.Event()
    set_on_signal(stop)
    scenario = Scenario.read(options.scenario) if options.scenario else None
    sandbox = Sandbox(
        options.keep,
        port=options.port,
        polling=options.flows_polling,
        speed=options.speed,
        provider=(options.provider or "local") if options.engine == "endpoint" else None,
        worker_counts=options.worker_counts,
    )
    supervisor = None
    try:
        settings = sandbox.start(_print_line)
        ledger = Ledger(settings.ledger)
        supervisor = Supervisor(settings.ledger, sandbox.profile, lifeline=True)
        supervisor.start()
        if scenario is not None:
            scenario.play(RunningSandbox.at(sandbox.directory), sandbox.taken, _print_line)
        sandbox.take_runs(options.runs, options.segments, options.events)
        _print_line(f"profile {sandbox.profile}; in another terminal: console --profile {sandbox.profile}")
        done = _follow(ledger, sandbox, supervisor, stop, options.runs if options.until_done else None)
        return _print_outcomes(options, ledger, sandbox) if options.until_done and done else int(options.until_done)
    finally:
        if supervisor is not None:
            supervisor.close()
        sandbox.close(leave_results=options.until_done)


def _follow(ledger: Ledger, sandbox: Sandbox, supervisor: Supervisor, stop: threading.Event, runs: int | None) -> bool:
    """Print events until stopped, or until `runs` runs have ended. True when they have."""
    newest, version = 0, -1
    shown, undriven_at = None, 0.0
    while not stop.wait(TICK_SECONDS):
        if problem := sandbox.problem():
            raise ProcessProblem(problem)
        if (problem := supervisor.problem()) != shown:
            undriven_at = undriven_at if shown and problem else time.monotonic()
            shown = problem
            _print_line(problem or "there is a driver again")
        if problem and time.monotonic() - undriven_at > UNDRIVEN_SECONDS:
            raise ProcessProblem(problem)
        if version == (version := ledger.version()):
            continue
        for event in events.after(ledger, newest):
            newest = event.event
            _print_line(f"{time.strftime('%H:%M:%S', time.localtime(event.at))} {event.text}")
        ended = [run for run in run_rows.runs(ledger, *ENDED) if run.again_at is None]
        if runs is not None and len(ended) >= runs:
            return True
    return False


def _print_outcomes(options: argparse.Namespace, ledger: Ledger, sandbox: Sandbox) -> int:
    runs = [_outcome(ledger, sandbox, run) for run in sorted(run_rows.runs(ledger, *ENDED), key=lambda run: run.run)]
    good = all(run["state"] == RunState.DONE.value and run["verified"] for run in runs)
    if options.json:
        document = {"schema": 1, "ok": good, "directory": str(sandbox.directory), "runs": runs}
        print(as_json(document))
    else:
        for run in runs:
            _print_line(f"run {run['run']} {run['state']}: {run['result'] or run['why']}")
    return 0 if good else 1


def _outcome(ledger: Ledger, sandbox: Sandbox, run: run_rows.Run) -> dict[str, Any]:
    """One run of the outcome. Seconds count from END_RUN being whole on the DTN."""
    attempts = attempt_rows.attempts(ledger, run.run)
    whole = sandbox.taken.get(run.run)
    started = attempts[0].started_at if attempts else None
    return {
        "run": run.run,
        "state": run.state.value,
        "why": run.why,
        "segments": len(run.segments),
        "attempts": len(attempts),
        "flow_runs": [attempt.flow_run for attempt in attempts if attempt.flow_run],
        "result": run.result,
        "verified": run.result is not None and _has_entries(Path(run.result)),
        "seconds": {
            "end_to_launch": _seconds(whole, started),
            "end_to_result": _seconds(whole, run.finished_at),
        },
    }


def _has_entries(result: Path) -> bool:
    """The result is a ROOT file, and every histogram in it has entries."""
    import uproot  # comes with the sandbox, and is slow to import

    try:
        with uproot.open(result) as file:
            histograms = [file[key] for key in file.keys(filter_classname="TH1*")]
            return bool(histograms) and all(histogram.values().sum() > 0 for histogram in histograms)
    except (OSError, ValueError):
        return False


def _seconds(start: float | None, end: float | None) -> float | None:
    return round(end - start, 3) if start is not None and end is not None else None


def _print_line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
