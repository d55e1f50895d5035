"""`console site` and `console functions`: on a sandbox whose workers find a Slurm of the test's own in their PATH."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.connect import remote
from console.ledger import evidence, site
from console.settings.paths import deployed_file
from console.settings.profiles import load, write_deployed
from flowspec.conditions import reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from remote.site import functions, shipped
from tests.console.cli.test_commands import console, refused
from tests.ledger_fixture import DemoLedger
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.waiting import until

RUN = 1217
SQUEUE = "printf '%s\\n' '11|PENDING|Priority|1|N/A|a' '12|PENDING|Priority|1|N/A|b' '13|RUNNING|None|1|N/A|c'\n"


def program(path: Path, body: str) -> None:
    path.write_text("#!/bin/bash\n" + body)
    path.chmod(0o755)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    slurm = tmp_path_factory.mktemp("slurm")
    program(slurm / "squeue", SQUEUE)
    program(slurm / "sbatch", "echo \"$*\" >>$(dirname $0)/tried\necho 'sbatch: Job 7 to start at noon' >&2\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{slurm}:{os.environ['PATH']}")
        with running_pipeline(tmp_path_factory.mktemp("site") / "sandbox", auto_launch=False, speed=20.0) as pipeline:
            pipeline.deliver(pipeline.take(RUN, segments=2))
            raw = Path(pipeline.settings.site.top, "rawdata", f"run{RUN}")
            shutil.copytree(pipeline.settings.dtn.runs / f"run{RUN}", raw)
            raw.chmod(0o755)
            (raw / f"run-{RUN}-05.evt").write_bytes(b"no ring item" * 99)
            yield pipeline


def told(pipeline: Pipeline, *words: object, code: int = 0) -> Any:
    done = console(*words, "--json", profile=pipeline.profile)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_the_site_tells_how_it_is_and_the_ledger_keeps_it(pipeline: Pipeline) -> None:
    done = console("site", "status", "--stage", "analyze", profile=pipeline.profile)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert f"  the kit is that of this console: {shipped.digest()}" in lines
    assert "  Slurm: 2 pending, 1 running (pending: 2 Priority)" in lines
    known = site.kit(pipeline.ledger)
    assert known is not None
    assert known.files == shipped.files()
    assert "2 Priority" in told(pipeline, "status")["slurm_pending"]
    assert "pending in Slurm at " in console("status", profile=pipeline.profile).stdout


def test_the_same_as_a_document_has_code_and_severity_of_each_finding(pipeline: Pipeline) -> None:
    findings = {found["code"]: found for found in told(pipeline, "site", "status")["findings"]}
    assert findings["site.queue"]["parameters"]["pending"] == {"Priority": 2}
    assert {found["severity"] for found in findings.values()} == {"normal"}


def test_what_jobs_used_is_told_as_the_ledger_has_it(pipeline: Pipeline) -> None:
    fitted_with(pipeline, 900, {0: 3 << 30, 1: 4 << 30})
    done = console("site", "status", profile=pipeline.profile)
    assert "  fit used 4.0 GB of memory at most, in 2 jobs" in done.stdout.splitlines()
    findings = {found["code"]: found for found in told(pipeline, "site", "status")["findings"]}
    assert findings["site.used"]["parameters"] == {"stage": "fit", "count": 2, "peak": 4 << 30}


def fitted_with(pipeline: Pipeline, run: int, peaks: dict[int, int]) -> None:
    """A run of before, whose fits have used so much memory, by segment."""
    demo = DemoLedger(pipeline.settings.ledger)
    attempt = demo.launched(
        run, RunState.DONE, "", Stage.RETURN, segments=len(peaks), attempt_state=AttemptState.SUCCEEDED
    )
    demo.files(run, Stage.TRANSFER, list(peaks))
    said = {s: reason("task.done", stage="fit", seconds=3, peak=peak) for s, peak in peaks.items()}
    of_tasks = [Evidence(Stage.FIT, s, Witness.TASK, Says.DONE, why, None, demo.at) for s, why in said.items()]
    evidence.record_evidence(demo.ledger, run, of_tasks, attempt)
    demo.ledger.close()


def test_segments_are_fitted_outside_of_any_flow(pipeline: Pipeline) -> None:
    document = told(pipeline, "site", "test-fit", "--run", RUN, "--segments", 1, 0, 1)
    assert [(fit["segment"], fit["rc"], fit["why"]) for fit in document["fits"]] == [(1, 0, ""), (0, 0, "")]
    for fit in document["fits"]:
        assert fit["hits"][0] == fit["hits"][1] > 0
        assert fit["seconds"] > 0
        assert fit["node"]
    top = Path(pipeline.settings.site.top)
    assert sorted(path.name for path in Path(document["output"], "fitted").iterdir()) == [
        f"run-{RUN}-00-fitted.evt", f"run-{RUN}-01-fitted.evt",
    ]  # fmt: skip
    assert not list((top / "fitted").iterdir())
    assert not list((top / "logs").iterdir())
    assert pipeline.flow_runs() == []


def test_a_fit_that_fails_says_why_and_where_its_input_should_be(pipeline: Pipeline) -> None:
    done = console("site", "test-fit", "--run", RUN, "--segments", "0", "5", "9", profile=pipeline.profile)
    assert done.returncode == 1
    good, garbage, absent, where = done.stdout.splitlines()
    assert "fit 00: return code 0, on " in good
    assert f"fit 05: return code 1, on {os.uname().nodename}" in garbage
    assert "no ring item" in garbage
    raw = Path(pipeline.settings.site.top, "rawdata", f"run{RUN}")
    assert f"run-{RUN}-09.evt is missing; a test fit takes what lies in {raw}, and a launch brings it there" in absent
    assert where.startswith("they lie in ")


@pytest.mark.parametrize("words", [("status",), ("test-fit", "--run", RUN, "--segments", 0)])
def test_an_endpoint_that_is_offline_is_said_at_once(pipeline: Pipeline, words: tuple[object, ...]) -> None:
    fault = ("sandbox", "fault", "endpoint-offline", "--endpoint", "frib-fit-mpi")
    assert console(*fault, profile=pipeline.profile).returncode == 0
    try:
        done = console("site", *words, profile=pipeline.profile)
        assert refused(done, 1, "endpoint of fit", "offline", "start it at the site")
    finally:
        console("sandbox", "fault", "--clear", "endpoint-offline", profile=pipeline.profile)


def test_what_is_registered_is_compared_with_what_is_here(pipeline: Pipeline) -> None:
    names = ["fit", "convert", "analyze", "site_status", "canary"]
    document = told(pipeline, "functions", "check")
    assert [function["name"] for function in document["functions"]] == names
    assert all(function["registered"] == function["here"] for function in document["functions"])
    deployed, settings = deployed_file(pipeline.settings.ledger), load(pipeline.profile)
    before = {name: {"function": settings.function(name)} for name in names}
    elsewhere = remote(settings).compute.register_function(functions.for_kit("/another/kit")["convert"], "of another")
    unknown = "00000000-0000-4000-8000-000000000001"
    write_deployed(deployed, {"compute": {"convert": {"function": elsewhere}, "canary": {"function": unknown}}})
    try:
        problems = {f["name"]: f["code"] for f in told(pipeline, "functions", "check", code=1)["functions"]}
        assert problems == {**dict.fromkeys(names, ""), "convert": "function.differs", "canary": "function.unknown"}
        listed = console("functions", "list", profile=pipeline.profile)
        assert listed.returncode == 0
        assert f"for another kit than {settings.site.kit}: console functions register" in listed.stdout
    finally:
        write_deployed(deployed, {"compute": before})


def test_a_function_that_an_endpoint_does_not_allow_is_named(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from console.cli.parser import main
    from remote.globus.compute import Compute

    settings = load(pipeline.profile)
    fit, convert = (getattr(settings.compute, stage) for stage in ("fit", "convert"))
    allowed = {fit.endpoint: [fit.function], convert.endpoint: [convert.function]}
    monkeypatch.setattr(Compute, "allowed_functions", lambda self, endpoint: allowed.get(endpoint))
    assert main(["--profile", str(pipeline.profile), "functions", "check", "--json"]) == 1
    problems = {f["name"]: f["code"] for f in json.loads(capsys.readouterr().out)["functions"]}
    assert {name for name, code in problems.items() if code == "function.forbidden"} == {"site_status", "canary"}


def test_a_function_that_was_never_registered_is_asked_to_be(pipeline: Pipeline) -> None:
    for name in ("site_status", "canary"):
        assert f"compute.{name}.function" in _without(pipeline, name)


def _without(pipeline: Pipeline, name: str) -> str:
    """What `settings.function` says of a function that the settings do not know."""
    from console.settings.errors import SettingsError

    settings = load(pipeline.profile)
    part = getattr(settings.compute, name).model_copy(update={"function": None})
    bare = settings.model_copy(update={"compute": settings.compute.model_copy(update={name: part})})
    with pytest.raises(SettingsError) as refusal:
        bare.function(name)
    return str(refusal.value)


def test_the_doctor_of_the_kit_is_run_where_the_kit_is(pipeline: Pipeline) -> None:
    document = told(pipeline, "site", "doctor")
    bad = [finding for finding in document["findings"] if finding["good"] is False]
    assert (document["good"], bad) == (True, [])
    assert {"dry fit", "fit account", "queue", "top", "fit.conf"} <= {found["what"] for found in document["findings"]}


def test_the_doctor_says_where_to_run_it_when_the_kit_is_elsewhere(pipeline: Pipeline) -> None:
    elsewhere = {"FRIB_CONSOLE__SITE__KIT": "/global/cfs/kit"}
    done = console("site", "doctor", profile=pipeline.profile, **elsewhere)
    assert refused(done, 2, "run it at the site: python3 /global/cfs/kit/doctor.py")


def test_a_console_that_only_looks_starts_nothing_at_the_site(pipeline: Pipeline) -> None:
    done = console("--read-only", "site", "test-fit", "--run", 1, "--segments", 0, profile=pipeline.profile)
    assert refused(done, 2, "only looks")
    assert console("--read-only", "functions", "list", profile=pipeline.profile).returncode == 0


def test_the_driver_learns_of_a_kit_that_is_out_of_date_before_a_launch(pipeline: Pipeline) -> None:
    """By a canary of its own; with a status that names the files it says which."""
    job = Path(pipeline.settings.site.kit, "job.py")
    text = job.read_bytes()
    job.write_bytes(text + b"# changed\n")
    pipeline.ledger.put("site_kit", "")  # nothing is known of the kit
    pipeline.start_driver()
    try:
        until(lambda: site.outdated(pipeline.ledger).code, every=0.1)
        words = "the kit at the site is of another version than this console"
        assert words in told(pipeline, "status")["kit_outdated"]
        pipeline.wait_for(RUN, RunState.READY)
        assert words in console("launch", RUN, "--dry-run", profile=pipeline.profile).stdout
        assert console("site", "status", profile=pipeline.profile).stdout.count(f"! {words} (job.py): copy it") == 1
        until(lambda: "job.py" in site.outdated(pipeline.ledger).parameters.get("files", []), every=0.1)
        job.write_bytes(text)
        assert words not in console("site", "status", profile=pipeline.profile).stdout
        until(lambda: not site.outdated(pipeline.ledger).code, every=0.1)
        said = [row["text"] for row in pipeline.ledger.rows("SELECT text FROM events WHERE text LIKE '%the kit %'")]
        assert said[0].startswith(words)
        assert said[-1].startswith("the kit is that of this console")
    finally:
        job.write_bytes(text)
        pipeline.end_driver()
