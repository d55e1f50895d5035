"""Bringing files back: what is asked of Flows, and that the same files are brought by one flow run at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.actions import reconcile
from console.actions.bring_back import CLAIM_SECONDS, Start, Wanted, bring
from console.context import Refused
from console.ledger import attempts, events, runs
from console.ledger.store import Ledger
from flowspec import definition, inputs
from flowspec.plan import Plan
from remote.globus.errors import RemoteError
from tests.fake_globus import ID, Clock, Flows

START = Start(ID, "e21062", (), ())
SORTED = Wanted("run 1217 sorted", (ID, "/top/analyzed/"), (ID, "/results/"), ("run-1217-sorted.root",), 1217)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = Ledger(tmp_path / "ledger.db", now=clock)
    yield ledger
    ledger.close()


def ask(ledger, flows, wanted=SORTED):
    return bring(ledger, flows, START, wanted, "shift@daq1")


def test_the_transfer_flow_is_started_with_a_valid_document_and_a_tag_of_its_own(ledger):
    flows = Flows()
    done = ask(ledger, flows)
    (run,) = flows.there
    assert (done.flow_run, done.started, done.before) == (run.id, True, None)
    assert inputs.problems(flows.bodies[run.id], definition.transfer().schema) == []
    assert flows.bodies[run.id]["include"] == ["run-1217-sorted.root"]
    assert run.label == "e21062 bring back run 1217 sorted"
    assert not run.label.startswith("e21062 run "), "a driver would take it for an attempt"
    assert not any(reconcile.TAG.fullmatch(tag) for tag in run.tags)


def test_the_ledger_knows_of_it_before_globus_is_asked(ledger):
    class Watched(Flows):
        def start(self, *arguments, **more):
            (told,) = events.newest(ledger, 5)
            assert (told.text, told.actor) == ("run 1217 sorted: to be brought back to /results/", "shift@daq1")
            return super().start(*arguments, **more)

    ask(ledger, Watched())
    assert len(events.newest(ledger, 5)) == 2


@pytest.mark.parametrize("wait", [0.0, CLAIM_SECONDS + 1])
def test_the_same_files_are_not_brought_twice_at_a_time(ledger, clock, wait):
    flows = Flows()
    first = ask(ledger, flows)
    clock.time += wait
    again = ask(ledger, flows)
    assert (again.flow_run, again.started) == (first.flow_run, False)
    assert len(flows.there) == 1
    other = ask(ledger, flows, replace(SORTED, include=("*.root",)))
    assert other.started


def test_another_ledger_finds_the_flow_run_by_its_tag(ledger, tmp_path, clock):
    flows = Flows()
    first = ask(ledger, flows)
    other = Ledger(tmp_path / "other.db", now=clock)
    assert ask(other, flows).flow_run == first.flow_run
    other.close()


def test_two_who_ask_at_once_start_one_flow_run(ledger, tmp_path, clock):
    other = Ledger(tmp_path / "ledger.db", now=clock)

    class Both(Flows):
        def find_by_tag(self, *arguments, **more):
            found = super().find_by_tag(*arguments, **more)
            with pytest.raises(Refused, match="has just been asked for"):
                ask(other, Flows())
            return found

    flows = Both()
    assert ask(ledger, flows).started
    assert len(flows.there) == 1
    other.close()


@pytest.mark.parametrize("fault", ["before", "after"])
def test_after_a_lost_answer_it_is_looked_for_before_it_is_started_again(ledger, clock, fault):
    flows = Flows(faults=[fault])
    with pytest.raises(RemoteError):
        ask(ledger, flows)
    with pytest.raises(Refused, match="ask again in 30 s"):
        ask(ledger, flows)
    clock.time += CLAIM_SECONDS
    assert ask(ledger, flows).started == (fault == "before")
    assert len(flows.there) == 1


def test_what_globus_refuses_can_be_asked_again_at_once(ledger):
    flows = Flows(faults=["refused"])
    with pytest.raises(RemoteError):
        ask(ledger, flows)
    assert ask(ledger, flows).started


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_when_it_has_ended_it_is_started_again_and_the_one_before_is_named(ledger, clock, status):
    flows = Flows()
    first = ask(ledger, flows)
    flows.there[0] = replace(flows.there[0], status=status)
    clock.time += CLAIM_SECONDS
    again = ask(ledger, flows)
    assert again.started
    assert (again.before.id, again.before.status) == (first.flow_run, status)


def test_one_that_globus_has_made_inactive_is_told_and_not_doubled(ledger, clock):
    flows = Flows()
    ask(ledger, flows)
    flows.there[0] = replace(flows.there[0], status="INACTIVE")
    clock.time += CLAIM_SECONDS
    again = ask(ledger, flows)
    assert (again.started, again.inactive, again.before) == (False, True, None)


def test_a_run_under_way_is_left_alone(ledger):
    flows = Flows()
    plan = Plan(1217, (0,), (0,), (0,), (0,), True, 0)
    with ledger.change():
        runs.add_without_directory(ledger, 1217)
        attempts.add_intent(ledger, plan, 1, "frib-1217-1-0123456789abcdef", {}, "label", ID, "driver")
    with pytest.raises(Refused, match="run 1217 is under way"):
        ask(ledger, flows)
    assert ask(ledger, flows, replace(SORTED, run=1218)).started


def test_a_place_that_is_none_is_refused_before_anything_is_written(ledger):
    with pytest.raises(Refused, match="not valid"):
        ask(ledger, Flows(), replace(SORTED, source=(ID, "analyzed")))
    assert events.newest(ledger, 5) == []
