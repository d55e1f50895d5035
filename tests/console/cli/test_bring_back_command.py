"""`console bring-back` on a running sandbox: the files of the site are on the DTN."""

from __future__ import annotations

import json

import pytest

from console.ledger import attempts, runs
from flowspec.plan import Plan
from flowspec.states import AttemptState
from tests.console.cli.test_commands import console, refused
from tests.ledger_fixture import end_attempt
from tests.pipeline_fixture import running_pipeline
from tests.waiting import until

DTN_OF_ANOTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    with running_pipeline(tmp_path_factory.mktemp("bringing") / "sandbox", auto_launch=False) as pipeline:
        site = pipeline.sandbox.directory / "site"
        for run in (1217, 1218, 87):
            (site / f"converted/run{run}").mkdir()
            for segment in (0, 1):
                name = f"run-{run:04d}-{segment:02d}-fitted.root"
                (site / f"converted/run{run}" / name).write_bytes(b"root" * 1000 + bytes([segment]))
            (site / f"converted/run{run}" / "notes.txt").write_text("no ROOT file")
            (site / f"analyzed/run-{run:04d}-sorted.root").write_bytes(b"root" * 100)
        (site / "resorted/deeper").mkdir(parents=True)
        (site / "resorted/deeper/all.root").write_bytes(b"root")
        (site / "resorted/deeper/all.txt").write_bytes(b"text")
        yield pipeline


@pytest.fixture
def bring_back(pipeline):
    return lambda *words: console("bring-back", *words, profile=pipeline.profile)


def brought(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["brought"]


def ended(pipeline, flow_run):
    flows = pipeline.make_context().remote.flows
    until(lambda: flows.run(flow_run).status == "SUCCEEDED")
    return flows.run(flow_run)


def test_sorted_files_of_runs_come_to_the_results(pipeline, bring_back):
    one, other = brought(bring_back(87, 1217, "--json"))
    assert (one["run"], one["files"], one["bytes"], one["started"]) == (87, 1, 400, True)
    results = pipeline.settings.dtn.results
    assert ended(pipeline, one["flow_run"]).label.endswith("bring back run 87 sorted")
    ended(pipeline, other["flow_run"])
    assert {path.name for path in results.glob("*.root")} >= {"run-0087-sorted.root", "run-1217-sorted.root"}
    again = bring_back(1217)
    assert again.returncode == 0
    assert f"run 1217 sorted: flow run {other['flow_run']} brings it already" in again.stdout


def test_converted_segments_come_to_a_directory_of_their_run(pipeline, bring_back):
    (done,) = brought(bring_back(1217, "--converted", "--json"))
    assert done["files"] == 2
    ended(pipeline, done["flow_run"])
    there = pipeline.settings.dtn.results / "converted/run1217"
    assert sorted(p.name for p in there.iterdir()) == ["run-1217-00-fitted.root", "run-1217-01-fitted.root"]
    site = pipeline.sandbox.directory / "site/converted/run1217"
    assert all(path.read_bytes() == (site / path.name).read_bytes() for path in there.iterdir())


def test_any_directory_any_pattern_and_any_place_can_be_named(pipeline, bring_back):
    site = pipeline.sandbox.directory / "site"
    to = pipeline.settings.dtn.results / "mine"
    (done,) = brought(bring_back("--path", site / "resorted", "--to", to, "--include", "*.txt", "--json"))
    ended(pipeline, done["flow_run"])
    assert [path.name for path in to.rglob("*.*")] == ["all.txt"]
    (other,) = brought(bring_back(1218, "--converted", "--to", to, "--include", "*-01-*", "--json"))
    ended(pipeline, other["flow_run"])
    assert {path.name for path in to.glob("*.root")} == {"run-1218-01-fitted.root"}


def test_both_collections_can_be_others(pipeline, bring_back):
    dtn, site = pipeline.settings.dtn.collection, pipeline.settings.site.collection
    (pipeline.settings.dtn.results / "back.root").write_bytes(b"root")
    to = pipeline.sandbox.directory / "site/received"
    words = ("--path", "/results", "--include", "back.root", "--to", to, "--source", dtn, "--destination", site)
    (done,) = brought(bring_back(*words, "--json"))
    ended(pipeline, done["flow_run"])
    assert (to / "back.root").read_bytes() == b"root"
    assert refused(bring_back(1217, "--source", DTN_OF_ANOTHER), 1, "404")


def test_what_is_not_at_the_site_is_told_before_anything_is_started(pipeline, bring_back):
    flow = pipeline.settings.flows.transfer
    before = len(pipeline.make_context().remote.flows.runs([flow]))
    assert refused(bring_back(1218, 1219), 1, "has no run-1219-sorted.root", "nothing was started")
    assert refused(bring_back(1219, "--converted"), 1, "no directory", "converted/run1219")
    assert len(pipeline.make_context().remote.flows.runs([flow])) == before


def test_what_was_started_is_told_also_when_the_next_is_refused(pipeline, bring_back):
    plan = Plan(1218, (0,), (0,), (0,), (0,), True, 0)
    with pipeline.ledger.change():
        runs.add_without_directory(pipeline.ledger, 1218)
        tag = "frib-1218-1-0123456789abcdef"
        attempt = attempts.add_intent(pipeline.ledger, plan, 1, tag, {}, "label", "flow", "driver")
    done = bring_back(87, 1218, "--converted")
    assert done.returncode == 1
    assert done.stdout.startswith("run 87 converted: flow run ")
    assert done.stderr.startswith("console: run 1218 is under way")
    end_attempt(pipeline.ledger, attempt, AttemptState.FAILED)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "RUN..., or --path DIR"),
        ([1217, "--path", "/x"], "RUN..., or --path DIR"),
        (["--path", "/x", "--converted"], "--converted is of runs"),
        (["--path", "converted"], "not an absolute path"),
        (["--path", "/top/../etc"], "not an absolute path"),
        ([1217, "--to", "here"], "not an absolute path"),
        ([1217, "--source", "NERSC"], "not the id of a collection"),
        (["all"], "not a run number"),
    ],
)
def test_a_wish_that_is_unclear_is_bad_use(bring_back, words, what):
    assert refused(bring_back(*words), 2, what)


def test_a_transfer_flow_that_was_changed_is_told(pipeline, bring_back):
    assert console("flows", "update", "transfer", "--title", "Other", profile=pipeline.profile).returncode == 0
    try:
        done = bring_back(1218)
        assert done.stdout.startswith("the transfer flow is deployed otherwise than here: console flows diff\n")
    finally:
        assert console("flows", "deploy", profile=pipeline.profile).returncode == 0
    assert not bring_back(87, "--converted").stdout.startswith("the transfer flow")
