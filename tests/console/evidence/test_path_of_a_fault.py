"""The path at which a transfer task fails is named, if need be from its events, which are asked for only then."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from console.actions import launch, queue
from console.evidence.poll import poll_attempts
from console.ledger import dossier, evidence, runs
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.plan import plan_all
from flowspec.progress import Witness
from flowspec.stages import Stage
from remote.globus.flows import FlowRun, LogEntry
from remote.globus.transfer import TransferEvent, TransferTask
from tests.fake_globus import Clock, judge, make_context

BEGAN = "2026-11-23T10:00:00+00:00"
PATH = "/runs/run7/run-0007-00.evt"
WELL = TransferTask("transfer-7", "ACTIVE", "", 2, 0, 0, 0, 0.0, 0, "OK", "", None, "", None, None)
EVENTS = [
    TransferEvent(BEGAN, "PROGRESS", "progress", '{"path": "/not/this"}', is_error=False),
    TransferEvent(BEGAN, "PERMISSION_DENIED", "permission denied", f'{{"error": "no right: {PATH}"}}', is_error=True),
    TransferEvent(BEGAN, "CONNECT_FAILED", "connect failed", "File: /an/older/one", is_error=True),
]


class Globus:
    """One flow run that is at its transfer, whose task is `transfer_task`."""

    def __init__(self) -> None:
        self.transfer_task = WELL
        self.asked: list[str] = []
        action = {"task_id": "transfer-7"}
        log = [
            LogEntry(BEGAN, "ActionStarted", "", {"state_name": "Transfer"}),
            LogEntry(BEGAN, "ActionPolled", "", {"state_name": "Transfer", "output": {"details": action}}),
        ]
        flow_run = FlowRun("flow-7", "f", "ACTIVE", "x", (), BEGAN, None, {})
        self.flows: Any = SimpleNamespace(
            start=lambda *_: flow_run, runs=lambda flows, since: [flow_run], log=lambda run, after=None: log
        )
        self.transfer: Any = SimpleNamespace(
            task=lambda task: self.transfer_task, ls=lambda collection, folder: {}, events=self._events
        )
        self.compute: Any = SimpleNamespace(spare=lambda: 20)

    def _events(self, task: str) -> list[TransferEvent]:
        self.asked.append(task)
        return EVENTS


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        ({}, False),
        ({"nice_status": "Queued"}, False),
        ({"status": "SUCCEEDED", "nice_status": ""}, False),
        ({"nice_status": "PERMISSION_DENIED"}, True),
        ({"nice_status": "PERMISSION_DENIED", "nice_status_details": f"no right: {PATH}"}, False),
        ({"nice_status": "SOMETHING_NEW", "nice_status_details": "n/a, see https://globus.org/x"}, True),
        ({"status": "FAILED", "fatal_error": "EXPIRED: too late"}, True),
        ({"status": "FAILED", "fatal_error": f"PERMISSION_DENIED: {PATH}"}, False),
        ({"status": "INACTIVE"}, True),
    ],
)
def test_a_fault_names_its_path_and_events_are_asked_for_only_when_they_are_needed(tmp_path, status, asked):
    globus = Globus()
    ctx = make_context(Ledger(tmp_path / "ledger.db", now=Clock()), globus, Policy())
    judge(ctx, 7, segments=(0,))
    queue.queue(ctx, runs.run(ctx.ledger, 7), "me@here")
    launch.write_intent(ctx, dossier.read(ctx.ledger, 7), plan_all(7, (0,)), "me@here")
    assert launch.send_intents(ctx, None).trouble is None
    globus.transfer_task = replace(WELL, **status)
    assert poll_attempts(ctx).trouble is None
    (said,) = [e for e in evidence.evidence(ctx.ledger, 7) if (e.stage, e.witness) == (Stage.TRANSFER, Witness.TASK)]
    assert globus.asked == (["transfer-7"] if asked else [])
    in_trouble = asked or PATH in str(status)
    assert (PATH in said.words) == in_trouble
    assert "/an/older/one" not in said.words
