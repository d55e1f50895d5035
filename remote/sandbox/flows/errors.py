"""The two kinds of errors: a request that the Flows service refuses, and a state that fails in a flow run."""

from __future__ import annotations

from typing import Any

# As in the Amazon States Language, which Flows follows: these end the flow run whatever its Catch rules say.
UNCATCHABLE = frozenset({"States.Runtime", "States.DataLimitExceeded", "States.NoChoiceMatched"})


class FlowsError(Exception):
    """A refused request: HTTP status, code, and message and `detail` (text, or a list of {loc, type, msg})."""

    def __init__(self, status: int, code: str, message: str, detail: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = message if detail is None else detail


class StateError(Exception):
    """A state failed: the name that a Catch rule matches, and the cause as text (a JSON text for a failed action)."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause

    @property
    def catchable(self) -> bool:
        return self.name not in UNCATCHABLE


def runtime(cause: str) -> StateError:
    return StateError("States.Runtime", cause)
