"""How the driver follows flow runs, in short: what it notices and when, without the evidence of each segment.

Everything goes well here, so that of the evidence only the end of an action matters, which Transfer and Compute tell,
and the end of a flow run. How long a poll takes, when Flows is given a hint and how an attempt is ended is as in
console.evidence.poll, console.evidence.hints and console.actions.conclude.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.actions import conclude
from console.context import Context
from console.evidence.hints import EFFECT, PAUSES, PER_POLL
from console.evidence.poll import TASK_GROUP
from console.ledger import attempts
from console.ledger.attempts import Attempt
from flowspec import definition, names
from flowspec.conditions import reason
from flowspec.stages import Stage
from flowspec.states import ENDED_WELL, RETURNED
from remote.sandbox.flows.runs import SUCCEEDED, FlowRun
from remote.sandbox.flows.service import FlowsService
from tests.model.assumptions import Assumptions
from tests.model.clients import Flows
from tests.model.site import Line, Workers
from tests.model.world import World


@dataclass
class Following:
    world: World
    assumed: Assumptions
    ctx: Context
    service: FlowsService
    flows: Flows
    line: Line
    workers: Workers

    def __post_init__(self) -> None:
        self._noticed: dict[tuple[str, str], float] = {}  # flow run, state: when its action was seen to have ended
        self._hinted: set[tuple[str, str]] = set()

    def poll(self) -> bool:
        """Whether an attempt is in another stage now, or has ended."""
        under_way = [a for a in attempts.open_attempts(self.ctx.ledger) if a.flow_run is not None]
        began = self.world()
        self.world.go_on(self.assumed.request)  # the flow runs are listed
        flow_runs = {run.id: run for run in self.service.all_runs()}
        changed = [self._follow(attempt, flow_runs[str(attempt.flow_run)]) for attempt in under_way]
        self._give_hints([run for run in flow_runs.values() if not run.ended], self.world() - began)
        return any(changed)

    def _follow(self, attempt: Attempt, flow_run: FlowRun) -> bool:
        """One request for its log, one for the listing of the stage under way."""
        self.world.go_on(self.assumed.request + self.assumed.listing)
        if flow_run.ended:
            self._end(attempt, flow_run)
            return True
        stage = definition.STAGE_OF_STATE.get(flow_run.state)
        if self._action_has_ended(flow_run):
            if attempt.plan.early and stage is Stage.CONVERT:
                self._end_early(attempt)
                return True
            self._noticed.setdefault((flow_run.id, flow_run.state), self.world())
        if stage is None or stage.value == attempt.stage:
            return False
        attempts.set_attempt(self.ctx.ledger, attempt.attempt, stage=stage.value)
        return True

    def _action_has_ended(self, flow_run: FlowRun) -> bool:
        if flow_run.action is None:
            return False
        action = str(flow_run.action.status["action_id"])
        if action.startswith(TASK_GROUP):
            tasks = self.workers.groups[action.removeprefix(TASK_GROUP)]
            return all(self.workers.tasks[task].status == "success" for task in tasks)
        return all(t.status != "ACTIVE" for t in self.line.tasks.values() if t.label == flow_run.label)

    def _give_hints(self, active: list[FlowRun], requests: float) -> None:
        interval, given = self.ctx.policy.poll_interval + requests, 0
        for flow_run in active:
            place = flow_run.id, flow_run.state
            if flow_run.action is None or place not in self._noticed or place in self._hinted or given == PER_POLL:
                continue
            soon = flow_run.action.due - self.world() <= EFFECT * interval
            if not soon and self.world() - self._noticed[place] >= PAUSES[0] * interval:
                self._hinted.add(place)
                given += 1
                self.flows.resume(flow_run.id)

    def _end(self, attempt: Attempt, flow_run: FlowRun) -> None:
        if flow_run.status != SUCCEEDED:
            raise RuntimeError(f"run {attempt.run} attempt {attempt.number}: {flow_run.details}")
        if attempt.plan.early:
            self._end_early(attempt)
            return
        result = self.ctx.results / names.sorted_file(attempt.run)
        back = reason("outcome.returned", file=result.name)
        conclude.end_attempt(self.ctx, attempt, ENDED_WELL, RETURNED, back, result=str(result))

    def _end_early(self, attempt: Attempt) -> None:
        done = reason("attempt.early-done", segments=list(attempt.plan.expected))
        conclude.end_early(self.ctx, attempt, ENDED_WELL, done)
