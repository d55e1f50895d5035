"""The state of one sandbox: where it lives on disk and the services that make it up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from remote.sandbox.auth.service import AuthService
from remote.sandbox.compute.http import RequestLimit
from remote.sandbox.compute.service import ComputeService
from remote.sandbox.faults import Faults
from remote.sandbox.flows.service import FlowsService
from remote.sandbox.transfer.service import TransferService


@dataclass(frozen=True)
class World:
    """`identity` owns everything; `compute_limit` is that of requests to Compute."""

    root: Path
    token: str
    identity: str
    auth: AuthService
    transfer: TransferService
    compute: ComputeService
    compute_limit: RequestLimit
    flows: FlowsService
    faults: Faults

    def flow_of(self, run_id: str) -> str | None:
        """The flow of a flow run, if there is one."""
        return next((run.flow_id for run in self.flows.all_runs() if run.id == run_id), None)

    def close(self) -> None:
        """Stop everything; no process of a worker is left when this returns."""
        self.flows.close()
        self.transfer.close()
        self.compute.close()
