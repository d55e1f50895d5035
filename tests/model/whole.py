"""The same with the whole driver: its chores one after the other, and the evidence of each segment, as at a shift.

It takes some thirty times as long as `course`, which must come to the same: `python -m tests.model --whole`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from console.driver.loop import chores
from remote.globus import flows as flows_client
from remote.globus import transfer as transfer_client
from remote.globus.compute import EndpointStatus, TaskStatus
from remote.globus.flows import FlowRun, LogEntry
from remote.globus.limits import Budget
from remote.globus.transfer import TransferTask
from remote.sandbox.flows.service import FlowsService
from tests.model import clients
from tests.model.assumptions import Assumptions
from tests.model.course import Model
from tests.model.site import Files, Line, Workers
from tests.model.world import World

PAGE = "100"  # as many as the service lists at once


class Flows(clients.Flows):
    def runs(self, flow_ids: object, since: str) -> list[FlowRun]:
        query = {"orderby": "start_time DESC", "per_page": PAGE}
        return self._listed(query | {"filter_start_time": f"{since},{flows_client._END_OF_TIME}"})

    def log(self, run_id: str, after: str | None = None) -> list[LogEntry]:
        self._world.go_on(self._seconds)
        entries = self._service.get_run_logs(clients.CALLER, run_id, {"limit": PAGE})["entries"]
        return [flows_client._log_entry(entry) for entry in entries if after is None or entry["time"] > after]

    def get_flow(self, flow_id: str) -> dict[str, Any]:
        self._world.go_on(self._seconds)
        return self._service.get_flow(clients.CALLER, flow_id)


class Transfer(clients.Transfer):
    def __init__(self, line: Line, files: Files, world: World, assumed: Assumptions) -> None:
        super().__init__(files, world, assumed)
        self._line, self._request = line, assumed.request

    def task(self, task_id: str) -> TransferTask:
        self._world.go_on(self._request)
        return transfer_client._task(self._line.task(task_id))


class Compute:
    """Within the real limit of requests. Of an endpoint is told, as of a manager, that it is online and no more."""

    def __init__(self, workers: Workers, world: World, assumed: Assumptions) -> None:
        self._workers, self._world, self._seconds = workers, world, assumed.request
        self._budget = Budget(16, 10.0, clock=world, sleep=world.go_on)

    def spare(self) -> int:
        return self._budget.spare()

    def endpoint_status(self, endpoint: str) -> EndpointStatus:
        self._takes_its_time()
        return EndpointStatus(endpoint, True, "online", {})

    def endpoint_name_and_version(self, endpoint: str) -> tuple[str, str]:
        self._takes_its_time()
        return endpoint, ""

    def task_group(self, group: str) -> list[str]:
        self._takes_its_time()
        return list(self._workers.groups[group])

    def batch_status(self, ids: Iterable[str]) -> dict[str, TaskStatus]:
        self._takes_its_time()
        tasks = {task_id: self._workers.tasks[task_id] for task_id in ids}
        return {id: TaskStatus(id, task.status, task.reply or None) for id, task in tasks.items()}  # type: ignore[arg-type]

    def _takes_its_time(self) -> None:
        self._budget.spend()
        self._world.go_on(self._seconds)


class WholeDriver(Model):
    def flows(self, service: FlowsService) -> clients.Flows:
        return Flows(service, self.world, self.assumed)

    def drive(self, numbers: Sequence[int]) -> None:
        random.seed(0)  # of the jitter of the chores
        ctx = self.ctx
        remote: Any = ctx.remote
        remote.transfer = Transfer(self.line, self.files, self.world, self.assumed)
        remote.compute = Compute(self.workers, self.world, self.assumed)
        remote.login = SimpleNamespace(expires_at=lambda: None, grants=frozenset)
        actions, polls = chores(ctx, real=False, clock=self.world)
        while not self.are_done(numbers):
            for each in polls:
                if self.changed:
                    self.changed = False
                    for action in actions:
                        action.hurry()
                for action in actions:
                    action.run(ctx.ledger)
                each.run(ctx.ledger)
            due = min(chore.due for chore in (*actions, *polls))
            self.world.go_on(max(0.0, due - self.world()), lambda: self.changed)
