"""The pipeline with everything real but Globus itself: sandbox process, driver process, job scripts, programs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import uproot

from console.driver import round
from console.ledger import attempts as attempt_rows
from console.ledger import evidence, runs
from console.ledger.store import actor
from flowspec.conditions import reason
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import STAGES, CellState, Stage
from flowspec.states import AttemptState, RunState
from tests.pipeline_fixture import running_pipeline
from tests.waiting import HANGS_AFTER, until

FIT_CONFIG_THAT_ABORTS = "0 2 0 130 0 129 10 none none\n"  # saturation at 10: fewer points than parameters, rc 134


@pytest.fixture
def pipeline(tmp_path):
    with running_pipeline(tmp_path / "sandbox") as pipeline:
        yield pipeline


def ask(pipeline, verb, run, **args):
    number = pipeline.ledger.ask(verb, run, actor=actor(), **args)
    until(lambda: pipeline.ledger.request(number).state != "asked")
    return pipeline.ledger.request(number)


def test_the_sandbox_command_brings_every_run_home(tmp_path):
    command = [sys.executable, "-m", "console", "sandbox", "--runs", "2", "--segments", "2", "--events", "100"]
    done = subprocess.run(
        [*command, "--until-done", "--json", "--keep", str(tmp_path / "kept")],
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert [run["run"] for run in report["runs"]] == [1217, 1218]
    for run in report["runs"]:
        assert (run["state"], run["segments"], run["attempts"], len(run["flow_runs"])) == ("done", 2, 1, 1)
        assert 0 < run["seconds"]["end_to_launch"] < run["seconds"]["end_to_result"]
        with uproot.open(run["result"]) as file:
            assert Path(run["result"]).name == f"run-{run['run']}-sorted.root"
            assert all(file[key].values().sum() > 0 for key in file.keys(filter_classname="TH1*"))


def test_a_driver_that_is_killed_again_and_again_launches_every_run_once(pipeline):
    """Killed before the launch, at the intent, while segments are fitted and while they are converted."""
    for run in (7, 8):
        pipeline.deliver(pipeline.take(run))

    def reached(stage: Stage) -> bool:  # or passed: the flow run goes on while nobody drives
        attempt = attempt_rows.newest_attempt(pipeline.ledger, 7)
        return attempt is not None and STAGES.index(Stage(attempt.stage)) >= STAGES.index(stage)

    moments = [
        lambda: pipeline.state(7) is RunState.READY or attempt_rows.attempts(pipeline.ledger, 7),
        lambda: attempt_rows.attempts(pipeline.ledger, 7) and attempt_rows.attempts(pipeline.ledger, 8),
        lambda: reached(Stage.FIT),
        lambda: reached(Stage.CONVERT),
    ]
    for moment in moments:
        pipeline.start_driver()
        until(moment)
        pipeline.kill_driver()
    pipeline.start_driver()
    for run in (7, 8):
        pipeline.wait_for(run, RunState.DONE)
        assert [a.state for a in attempt_rows.attempts(pipeline.ledger, run)] == [AttemptState.SUCCEEDED]
    known = {a.flow_run for run in (7, 8) for a in attempt_rows.attempts(pipeline.ledger, run)}
    assert sorted(pipeline.flow_runs()) == sorted(known)


def test_a_failed_fit_names_its_cause_and_a_retry_does_not_transfer_again(pipeline):
    config = pipeline.sandbox.directory / "site" / "kit" / "fit.conf"
    good = config.read_text()
    config.write_text(FIT_CONFIG_THAT_ABORTS)
    pipeline.deliver(pipeline.take(9))
    pipeline.start_driver()
    failed = pipeline.wait_for(9, RunState.FAILED)
    assert failed.why.startswith("fit of segments 00-01 failed: ")
    assert "134" in failed.why
    assert failed.why.endswith("r retries what is missing")
    matrix = evidence.matrix(pipeline.ledger, failed)
    assert matrix[(Stage.TRANSFER, 0)].state is CellState.DONE
    assert matrix[(Stage.FIT, 1)].state is CellState.FAILED
    config.write_text(good)
    assert ask(pipeline, "retry", 9).answer == "run 9 attempt 2: fit 2, convert 2, analyze, return"
    done = until(lambda: pipeline.state(9) is RunState.DONE and runs.run(pipeline.ledger, 9))
    assert [a.state for a in attempt_rows.attempts(pipeline.ledger, 9)] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
    assert Path(done.result).stat().st_size > 0


def test_a_run_is_cancelled_and_what_is_missing_is_done_later(pipeline):
    pipeline.deliver(pipeline.take(10, segments=3, events=200))
    pipeline.start_driver()
    until(lambda: (a := attempt_rows.newest_attempt(pipeline.ledger, 10)) and a.stage == "fit")
    assert ask(pipeline, "cancel", 10).state == "done"
    pipeline.wait_for(10, RunState.CANCELLED)
    assert ask(pipeline, "launch", 10).state == "refused"
    assert ask(pipeline, "retry", 10).state == "done"
    until(lambda: pipeline.state(10) is RunState.DONE)
    assert len(pipeline.flow_runs()) == 2


# Sent as source text to the workers, so each imports what it needs.


def quick_fit(kit, run, segment, input_dir, output_dir, log_dir, marker, accepted):
    from pathlib import Path

    Path(output_dir).mkdir(parents=True, exist_ok=True)
    name = f"run-{run:04d}-{segment:02d}"
    data = Path(input_dir, name + ".evt").read_bytes() + b"x"
    Path(output_dir, name + "-fitted.evt").write_bytes(data)
    return {"segment": segment, "rc": 0, "bytes": len(data), "seconds": 1.0, "padding": "x" * 310}


def quick_convert(kit, run, segment, input_dir, output_dir, log_dir, marker):
    from pathlib import Path

    Path(output_dir).mkdir(parents=True, exist_ok=True)
    Path(output_dir, f"run-{run:04d}-{segment:02d}-fitted.root").write_bytes(b"root")
    return {"segment": segment, "rc": 0, "bytes": 4, "seconds": 1.0, "padding": "x" * 310}


def quick_analyze(kit, run, expected, input_dir, output_dir, log_dir, marker):
    import struct
    from pathlib import Path

    Path(output_dir).mkdir(parents=True, exist_ok=True)
    missing = [s for s in expected if not Path(input_dir, f"run-{run:04d}-{s:02d}-fitted.root").exists()]
    head = struct.pack(">4siiiiiiiBiii", b"root", 62406, 100, 64, 60, 4, 1, 60, 4, 1, 62, 2).ljust(64, b"\0")
    Path(output_dir, f"run-{run:04d}-sorted.root").write_bytes(head)
    return {"rc": len(missing), "missing": missing, "bytes": 64, "seconds": 1.0}


def with_functions(ctx, functions):
    """The operations with other compute functions."""
    compute = {
        stage: (ctx.places.compute[stage][0], ctx.remote.compute.register_function(function, stage.value))
        for stage, function in functions.items()
    }
    return replace(ctx, places=replace(ctx.places, compute=compute))


def record_ready(pipeline, run, segments):
    """As discovery does for a run that is complete, without waiting for it."""
    directory = pipeline.settings.dtn.runs / f"run{run}"
    files = sorted(directory.glob("*.evt"))
    sizes = {segment: file.stat().st_size for segment, file in zip(range(segments), files, strict=True)}
    why = reason("words", words="is complete")
    judged = Judgement(run, Verdict.READY, why, tuple(sizes), sum(sizes.values()), "t", 1, 2, 1.0, "print")
    runs.record_judgement(pipeline.ledger, str(directory), judged, sizes)


def test_a_run_of_300_segments_is_split_into_flow_runs_within_their_state_limit(pipeline):
    """Every reply as long as a bad one may be; the sandbox ends a flow run whose state outgrows 200 KB."""
    functions = {Stage.FIT: quick_fit, Stage.CONVERT: quick_convert, Stage.ANALYZE: quick_analyze}
    ctx = with_functions(pipeline.make_context(), functions)
    directory = pipeline.settings.dtn.runs / "run300"
    directory.mkdir()
    for segment in range(300):
        (directory / f"run-0300-{segment:02d}.evt").write_bytes(b"0123456789")
    record_ready(pipeline, 300, 300)

    def work() -> bool:
        round.launch_what_is_due(ctx)
        round.follow_attempts(ctx)
        run = runs.run(pipeline.ledger, 300)
        assert run.state is not RunState.FAILED, run.why
        return run.state is RunState.DONE

    until(work, every=0.3)
    attempts = attempt_rows.attempts(pipeline.ledger, 300)
    assert [a.state for a in attempts] == [AttemptState.SUCCEEDED] * 2
    assert sorted(s for a in attempts for s in a.plan.convert) == list(range(300))
    assert [a.plan.analyze for a in attempts] == [False, True]


def quick_lie(kit, run, segment, input_dir, output_dir, log_dir, marker, accepted):
    return {"segment": segment, "rc": 0, "bytes": 11, "seconds": 1.0}


def test_success_without_output_is_a_failure_that_says_so(pipeline):
    """What the original's job scripts did for years: return code 0 and no file."""
    functions = {Stage.FIT: quick_lie, Stage.CONVERT: quick_convert, Stage.ANALYZE: quick_analyze}
    ctx = with_functions(pipeline.make_context(), functions)
    pipeline.deliver(pipeline.take(11))
    record_ready(pipeline, 11, 2)

    def work() -> bool:
        round.launch_what_is_due(ctx)
        round.follow_attempts(ctx)
        return pipeline.state(11) not in (RunState.QUEUED, RunState.RUNNING)

    until(work, every=0.3)
    run = runs.run(pipeline.ledger, 11)
    assert run.state is RunState.FAILED
    assert "fit of segments 00-01 failed: reported done, but its output is not there" in run.why
