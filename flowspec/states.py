"""The states of runs and attempts as the ledger keeps them and the screens show them."""

from __future__ import annotations

from enum import Enum


class RunState(str, Enum):
    """Where a run stands. Up to READY it is what the disk says; from QUEUED on, what the console did with it."""

    TAKING = "taking"
    ARRIVING = "arriving"
    INCOMPLETE = "incomplete"
    ABNORMAL = "abnormal"
    READY = "ready"  # complete, waits for an operator (auto-launch is off)
    QUEUED = "queued"  # will be launched; `why` says what it waits for
    RUNNING = "running"  # an attempt is under way; `why` says how far
    CANCELLING = "cancelling"
    DONE = "done"  # the result is on the DTN and verified
    FAILED = "failed"
    CANCELLED = "cancelled"
    GONE = "gone"  # the directory vanished before it was launched


ON_DISK = (
    RunState.TAKING,
    RunState.ARRIVING,
    RunState.INCOMPLETE,
    RunState.ABNORMAL,
    RunState.READY,
    RunState.GONE,
)
ENDED = (RunState.DONE, RunState.FAILED, RunState.CANCELLED)


class AttemptState(str, Enum):
    """An attempt is an intent first; only a flow run id makes it started."""

    INTENT = "intent"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


INACTIVE = "the flow run is inactive: "  # how `why` begins while Globus waits for somebody; the run is RUNNING

# How `why` ends when a task of a RUNNING run seems to hang or to be lost: no text from outside ends like that.
SUSPICION = "; r ends it and does it again"


OPEN = (AttemptState.INTENT, AttemptState.STARTED)


def suspected(state: RunState, why: str) -> bool:
    """Whether a task of a run seems to hang or to be lost."""
    return state is RunState.RUNNING and why.endswith(SUSPICION)
