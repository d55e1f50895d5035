"""Action providers: what stands behind the ActionUrl of an Action state.

Each takes the body of an action as its real counterpart does and carries it out with the Transfer and Compute of the
sandbox.
`run`, `status` and `cancel` return an ActionStatus document; all raise ProviderError when the provider refuses.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from remote.sandbox.auth.scopes import COMPUTE_ALL as COMPUTE_SCOPE
from remote.sandbox.auth.scopes import TRANSFER_ALL as TRANSFER_SCOPE
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
    number,
    transfer_document,
)
from remote.sandbox.flows.faults import Consent
from remote.sandbox.flows.other_providers import ACTIONS_HOST, RECORDED, HelloWorld, Recorded
from remote.sandbox.flows.provider import Provider, Tasks, refusals
from remote.sandbox.flows.runs import ACTIVE, FAILED, SUCCEEDED
from remote.sandbox.transfer.service import TransferService

TRANSFER_HOST = "https://transfer.actions.globus.org"
# Switched off at Globus since 2025; here they still answer, so that older definitions can be tried.
OLDER_TRANSFER_HOSTS = ("https://actions.globus.org/transfer", "https://actions.automate.globus.org/transfer")
COMPUTE_HOST = "https://compute.actions.globus.org"


class Providers:
    """All action providers of a sandbox, by URL."""

    def __init__(
        self,
        transfer: TransferService,
        compute: ComputeService,
        now: Callable[[], float] = time.time,
        faults: Faults | None = None,
        lacks_access: Callable[[str, str], bool] = lambda creator, collection: False,
        demanded: Callable[[str, str, str], Document] = lambda creator, service, route: {},
    ) -> None:
        v3, v2 = ComputeV3(compute, now), ComputeV2(compute, now)
        kinds: dict[str, Provider] = {
            "transfer": TransferTask(transfer, now, transfer_document),
            "delete": TransferTask(transfer, now, delete_document),
            "ls": AtOnce(now, lambda body: _listing(transfer, body)),
            "stat": Stat(now, lambda body: transfer.stat(need(body, "endpoint_id"), need(body, "path"))),
            "mkdir": AtOnce(now, lambda body: transfer.mkdir(need(body, "endpoint_id"), need(body, "path"))),
            "collection_info": AtOnce(now, lambda body: transfer.endpoint(need(body, "endpoint_id"))),
            "manage_permission": AtOnce(now, lambda body: _permission(transfer, body)),
        }
        self._by_url: dict[str, Provider] = {COMPUTE_HOST: v2, f"{COMPUTE_HOST}/fxap": v2, f"{COMPUTE_HOST}/v3": v3}
        for host in (TRANSFER_HOST, *OLDER_TRANSFER_HOSTS):
            self._by_url |= {f"{host}/{kind}": provider for kind, provider in kinds.items()}
        self._by_url[f"{ACTIONS_HOST}/hello_world"] = HelloWorld(now)
        self.effects: list[Document] = []  # of the providers that only write down what they were asked for
        for path, ends in RECORDED.items():
            url = f"{ACTIONS_HOST}/{path}"
            self._by_url[url] = Recorded(now, url, self.effects, ends)
        if faults is not None:
            self._by_url = {
                url: Consent(url, provider, compute, faults, lacks_access, demanded)
                for url, provider in self._by_url.items()
            }

    def find(self, url: str) -> Provider:
        try:
            return self._by_url[url.rstrip("/")]
        except KeyError:
            raise ProviderError(404, "NotFound", f"The sandbox has no action provider at {url}") from None

    def scope(self, url: str) -> str | None:
        """None for a provider that the sandbox does not have."""
        provider = self._by_url.get(url.rstrip("/"))
        return provider.scope if provider else None


class TransferTask(Tasks):
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
        with refusals():
            reply = self._transfer.submit({"submission_id": self._transfer.submission_id(), **document})
        return self._begin(secrets.token_urlsafe(9), creator, [reply["task_id"]])

    def cancel(self, action_id: str) -> Document:
        with refusals():
            self._transfer.cancel(self._find(action_id).task_ids[0])
        return self.status(action_id)

    def _poll(self, task_ids: list[str]) -> tuple[str, Document]:
        task = self._transfer.task(task_ids[0])
        return task["status"], {**task, "event_list": self._transfer.events(task_ids[0])}


class AtOnce(Tasks):
    """/ls, /mkdir, /collection_info and /manage_permission: done when `run` returns."""

    scope = TRANSFER_SCOPE

    def __init__(self, now: Callable[[], float], operation: Callable[[Document], Document]) -> None:
        super().__init__(now)
        self._operation = operation

    def run(self, body: Any, creator: str) -> Document:
        with refusals():
            details = self._operation(as_object(body))
        return self._done(creator, SUCCEEDED, details)


class Stat(AtOnce):
    """/stat: that there is nothing at the path is a status, FAILED, with Transfer's error document as its details."""

    def run(self, body: Any, creator: str) -> Document:
        try:
            return super().run(body, creator)
        except ProviderError as error:
            if error.code != "NotFound":
                raise
            resource = f"/operation/endpoint/{body['endpoint_id']}/stat"
            details = {"code": error.code, "message": error.message, "resource": resource}
            return self._done(creator, FAILED, {**details, "request_id": secrets.token_urlsafe(7)})


class _Compute(Tasks):
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
        with refusals():
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
    filters = body.get("filter") or []
    return transfer.ls(
        need(body, "endpoint_id"),
        body.get("path", "/~/"),
        bool(body.get("show_hidden", True)),
        filters=tuple(filters) if isinstance(filters, list) else (str(filters),),
        orderby=body.get("orderby"),
        limit=number(body, "limit", 100_000),
        offset=number(body, "offset", 0),
    )


def _permission(transfer: TransferService, body: Document) -> Document:
    collection, rule = need(body, "endpoint_id"), {**body, "DATA_TYPE": "access"}
    operation = need(body, "operation")
    if operation == "CREATE":
        return transfer.create_access(collection, rule)
    if operation == "UPDATE":
        return transfer.update_access(collection, need(body, "rule_id"), rule)
    if operation == "DELETE":
        return transfer.delete_access(collection, need(body, "rule_id"))
    raise ProviderError(422, "InvalidInput", f"operation must be CREATE, UPDATE or DELETE, not {operation!r}")
