"""What every action provider can do, and what those have in common that remember their actions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from remote.sandbox.compute.errors import ComputeError
from remote.sandbox.flows.action_bodies import Document, ProviderError
from remote.sandbox.flows.runs import FAILED, SUCCEEDED, iso
from remote.sandbox.transfer.collection import TransferError


class Provider(Protocol):
    scope: str

    def run(self, body: Any, creator: str) -> Document: ...
    def status(self, action_id: str) -> Document: ...
    def cancel(self, action_id: str) -> Document: ...


@dataclass
class Action:
    """What a provider remembers of an action."""

    id: str
    creator: str
    started: float
    task_ids: list[str]
    ended: Document | None = None  # the last status, once the action has ended


def status_document(action: Action, status: str, details: Any, completed: float | None) -> Document:
    return {
        "action_id": action.id,
        "status": status,
        "display_status": status,
        "creator_id": action.creator,
        "label": None,
        "monitor_by": [],
        "manage_by": [],
        "start_time": iso(action.started),
        "completion_time": None if completed is None else iso(completed),
        "release_after": "P30D",
        "details": details,
    }


class Tasks:
    """Actions that stand for tasks of a service: they are ACTIVE until `_poll` finds that the tasks have ended."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._actions: dict[str, Action] = {}

    def _begin(self, action_id: str, creator: str, task_ids: list[str]) -> Document:
        self._actions[action_id] = Action(action_id, creator, self._now(), task_ids)
        return self.status(action_id)

    def status(self, action_id: str) -> Document:
        action = self._find(action_id)
        if action.ended is not None:
            return action.ended
        with refusals():
            status, details = self._poll(action.task_ids)
        if status in (SUCCEEDED, FAILED):
            action.ended = status_document(action, status, details, self._now())
            return action.ended
        return status_document(action, status, details, None)

    def _find(self, action_id: str) -> Action:
        try:
            return self._actions[action_id]
        except KeyError:
            raise ProviderError(404, "NotFound", f"There is no action {action_id}") from None

    def _poll(self, task_ids: list[str]) -> tuple[str, Document]:
        raise NotImplementedError

    def cancel(self, action_id: str) -> Document:
        action = self._find(action_id)
        action.ended = action.ended or status_document(action, FAILED, {"code": "Canceled"}, self._now())
        return action.ended

    def _done(self, creator: str, status: str, details: Any) -> Document:
        """The status of an action that has ended when `run` returns."""
        action = Action(secrets.token_urlsafe(9), creator, self._now(), [])
        action.ended = status_document(action, status, details, self._now())
        self._actions[action.id] = action
        return action.ended


@contextmanager
def refusals() -> Iterator[None]:
    """Turns a refusal of Transfer or Compute into one of the provider."""
    try:
        yield
    except TransferError as error:
        raise ProviderError(error.status, error.code, error.message) from error
    except ComputeError as error:
        raise ProviderError(error.status, str(error.code), error.reason) from error
