"""An engine of flow runs on a bench: with a clock that stands still and the stand-ins for Transfer and Compute."""

from __future__ import annotations

from typing import Any

from flowspec.grammar import refusals
from remote.sandbox.flows.engine import POLLINGS, Engine
from remote.sandbox.flows.providers import Providers
from remote.sandbox.flows.runs import FlowRun
from tests.flows_fakes import ENDPOINT, FUNCTION, Clock, FakeCompute, FakeTransfer

V3 = "https://compute.actions.globus.org/v3"


class Bench:
    """An engine, its clock and fakes, and the flow runs it is given."""

    def __init__(self, speed: float = 1.0, polling: str = "real", hints: bool = True) -> None:
        self.clock, self.transfer, self.compute = Clock(), FakeTransfer(), FakeCompute()
        self.providers = Providers(self.transfer, self.compute, self.clock)
        self.engine = Engine(self.providers, self.clock, speed, POLLINGS[polling], hints)

    def start(self, states: dict[str, Any], body: dict[str, Any] | None = None) -> FlowRun:
        definition = {"StartAt": next(iter(states)), "States": states}
        assert refusals(definition) == []
        run = FlowRun("run-id", "flow-id", "title", 0.0, definition, {}, "urn:globus:auth:identity:me", 0.0, body or {})
        self.engine.start(run)
        return run

    def go(self, run: FlowRun, until: float = 0.0) -> FlowRun:
        """Advances the flow run by its own due times for `until` seconds, or for as long as it asks for no pause."""
        end = self.clock.time + until
        while (due := self.engine.advance(run)) is not None and due <= end:
            self.clock.time = max(self.clock.time, due)
        self.clock.time = end
        return run

    def run(self, states: dict[str, Any], body: dict[str, Any] | None = None) -> FlowRun:
        return self.go(self.start(states, body))


def action(**fields: Any) -> dict[str, Any]:
    tasks = {"endpoint_id": ENDPOINT, "tasks": [{"function_id": FUNCTION, "kwargs": {"segment": 0}}]}
    given = {"ActionUrl": V3, "Parameters": tasks, "ResultPath": "$.Fit", "WaitTime": 1000, "End": True}
    return {"Type": "Action", **given, **fields}


CATCH = {
    "ErrorEquals": ["ActionFailedException", "ActionTimeout", "ActionUnableToRun"],
    "ResultPath": "$.Error",
    "Next": "Stop",
}
STOP = {"Type": "Fail", "Error": "FitFailed", "CausePath": "$.Error.Cause"}
