"""The driver tells that the flow at Globus is not the one that this console would deploy."""

from __future__ import annotations

import copy

import pytest

from console.actions.deployed import FlowWatch, differing, wanted
from console.driver.loop import chores
from console.ledger import events
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec import definition
from tests.fake_globus import Remote, make_context
from tests.shift_fixture import Shift

GROUP = "urn:globus:groups:id:a936c054-d004-11ee-8305-01ad603c66f1"


class Deployed:
    """Flows with one flow, as the service shows it to its owner."""

    def __init__(self) -> None:
        here = copy.deepcopy(wanted(definition.analysis(), (), ()))
        self.document = {**here, "id": "x", "user_role": "flow_owner", "updated_at": "2026-11-23T00:00:00+00:00"}

    def get_flow(self, flow_id):
        return self.document


@pytest.fixture
def flows():
    return Deployed()


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


def test_a_flow_that_was_changed_is_told_once_and_that_it_is_mended_too(ledger, flows):
    watch = FlowWatch(make_context(ledger, Remote(flows), Policy()))
    watch.look()
    assert events.newest(ledger, 9) == []
    flows.document["definition"]["States"]["Fit"]["WaitTime"] = 60
    flows.document["input_schema"]["required"].pop()
    watch.look()
    watch.look()
    (told,) = events.newest(ledger, 9)
    assert told.level == "warning"
    assert told.important
    assert "at $.definition.States.Fit.WaitTime and 1 more: see console flows diff" in told.text
    flows.document.update(wanted(definition.analysis(), (), ()))
    watch.look()
    watch.look()
    assert [event.text for event in events.newest(ledger, 9)] == [
        "the analysis flow is deployed as here again",
        told.text,
    ]


def test_the_driver_looks_by_itself(tmp_path, flows):
    shift = Shift(tmp_path)
    flows.document["title"] = "Mine"
    shift.ctx.remote.flows.get_flow = flows.get_flow
    for some in chores(shift.ctx, real=False):
        for chore in some:
            chore.run(shift.ledger)
    assert any("is deployed otherwise than here, at $.title:" in e.text for e in events.newest(shift.ledger, 9))


def test_a_restarted_driver_tells_it_again(ledger, flows):
    flows.document["title"] = "Mine"
    for _ in range(2):
        FlowWatch(make_context(ledger, Remote(flows), Policy())).look()
    assert len(events.newest(ledger, 9)) == 2


@pytest.mark.parametrize(
    ("role", "differs"), [("flow_owner", True), ("flow_administrator", True), ("flow_viewer", False)]
)
def test_roles_count_only_for_who_can_see_them(flows, role, differs):
    flows.document["user_role"] = role
    found = differing(wanted(definition.analysis(), (), (GROUP,)), flows.document)
    assert [difference.path for difference in found] == (["$.run_monitors[0]"] if differs else [])


def test_the_order_of_roles_and_further_fields_of_globus_do_not_count(flows):
    others = [GROUP, GROUP.replace("a936c054", "b936c054")]
    flows.document |= {"run_monitors": others[::-1], "user_role": "flow_viewer", "user_roles": ["flow_owner"]}
    assert differing(wanted(definition.analysis(), (), others), flows.document) == []
