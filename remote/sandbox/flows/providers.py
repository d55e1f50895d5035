"""Action providers: what stands behind the ActionUrl of an Action state.

Each takes the body of an action as its real counterpart does and carries it out with the Transfer and Compute of the
sandbox.
`run`, `status` and `cancel` return an ActionStatus document; all raise ProviderError when the provider refuses.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from remote.sandbox.compute.errors import ComputeError
from remote.sandbox.compute.service import ComputeService, Outcome
from remote.sandbox.faults import Faults
from remote.sandbox.flows.action_bodies import (
    Document,
    ProviderError,
    arguments,
    as_object,
    delete_document,
    need,
    need_list,
    transfer_document,
)
from remote.sandbox.flows.faults import Consent
from remote.sandbox.flows.provider import Provider
from remote.sandbox.flows.runs import ACTIVE, FAILED, SUCCEEDED, iso
from remote.sandbox.transfer.collection import TransferError
from remote.sandbox.transfer.service import TransferService

TRANSFER_HOST = "https://transfer.actions.globus.org"
# Switched off at Globus since 2025; here they still answer, so that older definitions can be tried.
OLDER_TRANSFER_HOSTS = ("https://actions.globus.org/transfer", "https://actions.automate.globus.org/transfer")
COMPUTE_HOST = "https://compute.actions.globus.org"

TRANSFER_SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"
COMPUTE_SCOPE = "https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all"


class Providers:
    """All action providers of a sandbox, by URL."""

    def __init__(
        self,
        transfer: TransferService,
        compute: ComputeService,
        now: Callable[[], float] = time.time,
        faults: Faults | None = None,
        lacks_access: Callable[[str, str], bool] = lambda creator, collection: False,
    ) -> None:
        v3, v2 = ComputeV3(compute, now), ComputeV2(compute, now)
        kinds: dict[str, Provider] = {
            "transfer": TransferTask(transfer, now, transfer_document),
            "delete": TransferTask(transfer, now, delete_document),
            "ls": AtOnce(now, lambda body: _listing(transfer, body)),
            "stat": AtOnce(now, lambda body: transfer.stat(need(body, "endpoint_id"), need(body, "path"))),
            "mkdir": AtOnce(now, lambda body: transfer.mkdir(need(body, "endpoint_id"), need(body, "path"))),
        }
        self._by_url: dict[str, Provider] = {COMPUTE_HOST: v2, f"{COMPUTE_HOST}/fxap": v2, f"{COMPUTE_HOST}/v3": v3}
        for host in (TRANSFER_HOST, *OLDER_TRANSFER_HOSTS):
            self._by_url |= {f"{host}/{kind}": provider for kind, provider in kinds.items()}
        if faults is not None:
            self._by_url = {
                url: Consent(provider, compute, faults, lacks_access) for url, provider in self._by_url.items()
            }

    def find(self, url: str) -> Provider:
        try:
            return self._by_url[url.rstrip("/")]
        except KeyError:
            raise ProviderError(404, "NotFound", f"The sandbox has no action provider at {url}") from None


@dataclass
class _Action:
    """What a provider remembers of an action."""

    id: str
    creator: str
    started: float
    task_ids: list[str]
    ended: Document | None = None  # the last status, once the action has ended


def _status(action: _Action, status: str, details: Any, completed: float | None) -> Document:
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


class _Tasks:
    """Actions that stand for tasks of a service: they are ACTIVE until `_poll` finds that the tasks have ended."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._actions: dict[str, _Action] = {}

    def _begin(self, action_id: str, creator: str, task_ids: list[str]) -> Document:
        self._actions[action_id] = _Action(action_id, creator, self._now(), task_ids)
        return self.status(action_id)

    def status(self, action_id: str) -> Document:
        action = self._find(action_id)
        if action.ended is not None:
            return action.ended
        with _refusals():
            status, details = self._poll(action.task_ids)
        if status in (SUCCEEDED, FAILED):
            action.ended = _status(action, status, details, self._now())
            return action.ended
        return _status(action, status, details, None)

    def _find(self, action_id: str) -> _Action:
        try:
            return self._actions[action_id]
        except KeyError:
            raise ProviderError(404, "NotFound", f"There is no action {action_id}") from None

    def _poll(self, task_ids: list[str]) -> tuple[str, Document]:
        raise NotImplementedError


class TransferTask(_Tasks):
    """/transfer and /delete: `details` is the task document with its `event_list`."""

    scope = TRANSFER_SCOPE

    def __init__(
        self, transfer: TransferService, now: Callable[[], float], document: Callable[[Any], Document]
    ) -> None:
        super().__init__(now)
        self._transfer = transfer
        self._document = document

    def run(self, body: Any, creator: str) -> Document:
        document = self._document(as_object(body))
        with _refusals():
            reply = self._transfer.submit({"submission_id": self._transfer.submission_id(), **document})
        return self._begin(secrets.token_urlsafe(9), creator, [reply["task_id"]])

    def cancel(self, action_id: str) -> Document:
        with _refusals():
            self._transfer.cancel(self._find(action_id).task_ids[0])
        return self.status(action_id)

    def _poll(self, task_ids: list[str]) -> tuple[str, Document]:
        task = self._transfer.task(task_ids[0])
        return task["status"], {**task, "event_list": self._transfer.events(task_ids[0])}


class AtOnce(_Tasks):
    """/ls, /stat and /mkdir: done when `run` returns."""

    scope = TRANSFER_SCOPE

    def __init__(self, now: Callable[[], float], operation: Callable[[Document], Document]) -> None:
        super().__init__(now)
        self._operation = operation

    def run(self, body: Any, creator: str) -> Document:
        with _refusals():
            details = self._operation(as_object(body))
        action = _Action(secrets.token_urlsafe(9), creator, self._now(), [])
        action.ended = _status(action, SUCCEEDED, details, self._now())
        self._actions[action.id] = action
        return action.ended

    def cancel(self, action_id: str) -> Document:
        return self.status(action_id)


class _Compute(_Tasks):
    """Many tasks in one task group; the action id is `tg_<task group>`.

    `details` holds the outputs twice, as the real provider does. One failed task makes the action FAILED; which and
    why stands in `details.results`, beside the outputs of the others.
    """

    scope = COMPUTE_SCOPE

    def __init__(self, compute: ComputeService, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._compute = compute

    def run(self, body: Any, creator: str) -> Document:
        calls = self._calls(as_object(body))
        group, task_ids = as_object(body).get("task_group_id"), []
        with _refusals():
            for endpoint, call in calls:
                group, ids = self._compute.submit_calls(endpoint, call, group)
                task_ids += ids
        return self._begin(f"tg_{group}", creator, task_ids)

    def cancel(self, action_id: str) -> Document:
        """Compute cannot cancel tasks: they go on, and the action too."""
        return self.status(action_id)

    def _calls(self, body: Document) -> list[tuple[str, list[tuple[str, list[Any], Document]]]]:
        """Calls by endpoint: [(endpoint id, [(function id, args, kwargs)])]."""
        raise NotImplementedError

    def _poll(self, task_ids: list[str]) -> tuple[str, Document]:
        outcomes = {task_id: self._compute.outcome(task_id) for task_id in task_ids}
        if any(outcome.status == "pending" for outcome in outcomes.values()):
            return ACTIVE, {}
        results = [_result(task_id, outcome) for task_id, outcome in outcomes.items()]
        details: Document = {"result": [r.get("output") for r in results], "results": results}
        failed = [r["task_id"] for r in results if "exception" in r]
        if not failed:
            return SUCCEEDED, details
        description = f"{len(failed)} of {len(results)} tasks failed: {', '.join(failed)}"
        return FAILED, {"code": "TaskFailed", "description": description, **details}


def _result(task_id: str, outcome: Outcome) -> Document:
    if outcome.status == "failed":
        return {"task_id": task_id, "exception": str(outcome.exception)}
    try:
        return {"task_id": task_id, "output": json.loads(json.dumps(outcome.value, allow_nan=False))}
    except (TypeError, ValueError) as error:
        return {"task_id": task_id, "exception": f"The result is not JSON: {error}"}


class ComputeV3(_Compute):
    """{"endpoint_id", "tasks": [{"function_id", "args", "kwargs"}, ...], "task_group_id"?}"""

    def _calls(self, body: Document) -> list[tuple[str, list[tuple[str, list[Any], Document]]]]:
        tasks = [as_object(task) for task in need_list(body, "tasks")]
        calls = [(need(task, "function_id"), *arguments(task.get("args"), task.get("kwargs"))) for task in tasks]
        return [(need(body, "endpoint_id"), calls)]


class ComputeV2(_Compute):
    """{"endpoint", "function", "args"?, "kwargs" or "payload"?}, or "tasks" with a list of these."""

    def _calls(self, body: Document) -> list[tuple[str, list[tuple[str, list[Any], Document]]]]:
        by_endpoint: dict[str, list[tuple[str, list[Any], Document]]] = {}
        for task in need_list(body, "tasks") if "tasks" in body else [body]:
            kwargs = as_object(task).get("kwargs", task.get("payload"))
            call = (need(task, "function"), *arguments(task.get("args"), kwargs))
            by_endpoint.setdefault(need(task, "endpoint"), []).append(call)
        return list(by_endpoint.items())


def _listing(transfer: TransferService, body: Document) -> Document:
    options = {"show_hidden": body["show_hidden"]} if "show_hidden" in body else {}
    return transfer.ls(need(body, "endpoint_id"), body.get("path", "/~/"), **options)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turns a refusal of Transfer or Compute into one of the provider."""
    try:
        yield
    except TransferError as error:
        raise ProviderError(error.status, error.code, error.message) from error
    except ComputeError as error:
        raise ProviderError(error.status, str(error.code), error.reason) from error
