"""The state of one sandbox: where it lives on disk and the services that make it up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remote.sandbox.compute.service import ComputeService
    from remote.sandbox.faults import Faults
    from remote.sandbox.flows.service import FlowsService
    from remote.sandbox.transfer.service import TransferService


@dataclass
class World:
    """`speed` above 1 shortens polling and the other intervals of the services; `identity` owns everything."""

    root: Path
    token: str
    speed: float
    identity: str
    requests_per_10s: int
    transfer: TransferService
    compute: ComputeService
    faults: Faults
    flows: FlowsService | None = None  # attached last: it is built on the other two
    now: Callable[[], float] = time.time

    def close(self) -> None:
        """Stop everything; no process of a worker is left when this returns."""
        if self.flows is not None:
            self.flows.close()
        self.transfer.close()
        self.compute.close()
