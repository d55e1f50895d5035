"""What the Flows service keeps of a flow and of a flow run."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

ACTIVE, INACTIVE, SUCCEEDED, FAILED = "ACTIVE", "INACTIVE", "SUCCEEDED", "FAILED"
ENDED = (SUCCEEDED, FAILED)


def iso(moment: float) -> str:
    """Seconds since 1970 as the service writes a time."""
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="microseconds")


@dataclass
class Flow:
    """A deployed flow. An update replaces definition and schema; flow runs keep those they were started with."""

    id: str
    owner: str
    created: float
    updated: float
    definition: dict[str, Any]
    input_schema: dict[str, Any]
    title: str = ""
    subtitle: str = ""
    description: str = ""
    keywords: list[str] = field(default_factory=list)
    flow_viewers: list[str] = field(default_factory=list)
    flow_starters: list[str] = field(default_factory=list)
    flow_administrators: list[str] = field(default_factory=list)
    run_managers: list[str] = field(default_factory=list)
    run_monitors: list[str] = field(default_factory=list)
    subscription_id: str | None = None
    authentication_policy_id: str | None = None


@dataclass
class Running:
    """The action that a flow run waits for."""

    url: str
    status: dict[str, Any]  # the ActionStatus of the last poll, with state_name
    deadline: float  # end of WaitTime
    due: float  # of the next poll
    polls: int = 0


@dataclass
class FlowRun:
    """An execution of a flow. Everything that changes is changed under `lock`."""

    id: str
    flow_id: str
    flow_title: str
    flow_updated: float
    definition: dict[str, Any]
    input_schema: dict[str, Any]
    owner: str
    started: float
    body: dict[str, Any]
    label: str = ""
    tags: list[str] = field(default_factory=list)
    run_managers: list[str] = field(default_factory=list)
    run_monitors: list[str] = field(default_factory=list)

    status: str = ACTIVE
    completed: float | None = None
    details: dict[str, Any] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    data: Any = None  # the state of the flow run
    state: str = ""  # name of the state of the definition it is in; empty before the start
    action: Running | None = None
    wake: float | None = None  # end of the Wait state it is in
    web_input: str | None = None  # the id of the web input that it waits for
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def ended(self) -> bool:
        return self.status in ENDED
