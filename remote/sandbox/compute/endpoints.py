"""The endpoints of the sandbox's Compute service: their worker pools, and whether they are online."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from remote.sandbox.compute.errors import ComputeError
from remote.sandbox.compute.managers import Managers
from remote.sandbox.compute.workers import Counts, Message, WorkerPool, Working
from remote.sandbox.faults import Faults

_LOCK_SECONDS = 60.0
_HEARTBEAT = {"heartbeat_period": 5.0}  # all that a manager tells of itself
_NO_CHILD = "The user endpoint did not start: its environment is not as it should be"


@dataclass(frozen=True)
class Endpoint:
    """`workers`: how many tasks it executes at a time. `metadata`: what it told of itself when it registered."""

    name: str
    workers: int = 1
    metadata: dict[str, Any] = field(default_factory=dict)


class Endpoints:
    """By endpoint id; an unknown one is refused. `managers` are those that register themselves. The arguments from
    `run_dir` on are those of `WorkerPool`.

    Each is a manager, whose child has the workers. `worker_counts`: its status has what the child reports as well.
    """

    def __init__(
        self,
        endpoints: dict[str, Endpoint],
        *,
        now: Callable[[], float],
        faults: Faults,
        managers: Managers,
        worker_counts: bool,
        run_dir: Path,
        environment: dict[str, str],
        speed: float,
        started: Callable[[str], None],
        finished: Callable[[str, Message], None],
        fault_of: Callable[[str], Message],
    ) -> None:
        self._now = now
        self._faults = faults
        self._managers = managers
        self._worker_counts = worker_counts
        self._endpoints = dict(endpoints)
        self._locked_until: dict[str, float] = {}
        self._pools = {
            endpoint_id: WorkerPool(
                endpoint.name,
                endpoint.workers,
                run_dir=run_dir,
                environment=environment,
                speed=speed,
                started=started,
                finished=finished,
                offline=partial(self._is_offline, endpoint.name),
                faults=fault_of,
            )
            for endpoint_id, endpoint in endpoints.items()
        }

    def all(self) -> dict[str, Endpoint]:
        return dict(self._endpoints)

    def register(self, document: Message, endpoint_id: str | None) -> Message:
        """What globus-compute-endpoint does when it starts; with the id that it had before, if it had one."""
        if endpoint_id is not None and endpoint_id not in self._managers:
            raise ComputeError(403, "FORBIDDEN", f"{self.find(endpoint_id).name} is an endpoint of the sandbox's own")
        name, metadata = document.get("display_name") or document.get("endpoint_name"), document.get("metadata", {})
        if not isinstance(name, str) or not isinstance(metadata, dict):
            raise ComputeError(422, "SEMANTICALLY_INVALID", "endpoint_name and an object metadata are required")
        reply = self._managers.register(name, endpoint_id)
        self._endpoints[reply["endpoint_id"]] = Endpoint(name, metadata=metadata)
        return reply

    def find(self, endpoint_id: str) -> Endpoint:
        try:
            return self._endpoints[endpoint_id]
        except KeyError:
            raise ComputeError(404, "ENDPOINT_NOT_FOUND", f"Endpoint {endpoint_id} could not be resolved") from None

    def details(self, endpoint_id: str) -> Message | None:
        """What its status tells; None while it is offline or locked."""
        name = self.find(endpoint_id).name
        if self._is_offline(name) or self._is_locked(endpoint_id):
            return None
        if endpoint_id in self._managers:
            return self._managers.details(endpoint_id)
        if not self._worker_counts:
            return dict(_HEARTBEAT)
        counts = Counts(0, 0, 0, 0) if self.without_block(name) else self._pools[endpoint_id].counts()
        error = {"error": _NO_CHILD} if self._faults.is_struck("user-endpoint-fails", thing=name, endpoint=name) else {}
        return {**_HEARTBEAT, **asdict(counts), "managers": 1, **error}

    def without_block(self, name: str) -> bool:
        """Whether what is asked of it now is never begun nor answered: Slurm refuses a block, or it has no child."""
        faults = ("sbatch-refused", "user-endpoint-fails")
        return any(self._faults.is_struck(fault, thing=name, endpoint=name) for fault in faults)

    def child(self, endpoint_id: str) -> str:
        """The id of its user endpoint."""
        return str(uuid5(UUID(endpoint_id), "child"))

    def has_idle_worker(self, endpoint_id: str) -> bool:
        pool = self._pools.get(endpoint_id)
        return pool is not None and pool.counts().idle_workers > 0

    def working(self) -> list[Working]:
        return [working for pool in self._pools.values() for working in pool.working()]

    def lock(self, endpoint_id: str) -> float:
        """Lock it for a while; until when."""
        self.find(endpoint_id)
        until = self._now() + _LOCK_SECONDS
        self._locked_until[endpoint_id] = until
        return until

    def need_unlocked(self, endpoint_id: str) -> None:
        self.find(endpoint_id)
        if self._is_locked(endpoint_id):
            raise ComputeError(423, "ENDPOINT_LOCKED", f"Endpoint {endpoint_id} is locked and takes no tasks")

    def submit(self, endpoint_id: str, messages: list[Message]) -> None:
        """Tasks of one submission."""
        if endpoint_id in self._managers and messages:
            self._managers.submit(endpoint_id, messages)
        elif endpoint_id in self._pools:
            self._pools[endpoint_id].submit(messages)

    def delete(self, endpoint_id: str) -> None:
        self.find(endpoint_id)
        if pool := self._pools.pop(endpoint_id, None):
            pool.close()
        self._managers.forget(endpoint_id)
        del self._endpoints[endpoint_id]

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def _is_offline(self, name: str) -> bool:
        return self._faults.is_struck("endpoint-offline", thing=name, endpoint=name)

    def _is_locked(self, endpoint_id: str) -> bool:
        return self._now() < self._locked_until.get(endpoint_id, 0.0)
