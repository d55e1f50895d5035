"""Globus Compute: is an endpoint there, what became of tasks, register functions."""

from __future__ import annotations

import base64
import io
import json
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from remote.globus.credentials import hidden, hidden_in
from remote.globus.errors import calling
from remote.globus.limits import Budget, once_options, repeatable_options

if TYPE_CHECKING:
    from globus_sdk.authorizers import GlobusAuthorizer

Status = Literal["pending", "running", "success", "failed"]

# The service allows 20 requests in 10 s; the rest is for the one retry that a request may need.
REQUESTS, REQUEST_SECONDS = 16, 10.0
_BATCH = 500
_RUNNING = ("running", "execution-start", "execution-end", "result-received", "result-enqueued")
_EXCEPTION_LIMIT = 4000


@dataclass(frozen=True)
class EndpointStatus:
    """`details` is what the service tells of an endpoint that is online: of a manager its heartbeat. The counts of its
    child's workers (total_workers, idle_workers, pending_tasks, ...) are among it only if the service copies them."""

    id: str
    online: bool
    status: str
    details: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class TaskStatus:
    """`value` is what the function returned (success), `exception` the end of the traceback or a reason (failed)."""

    id: str
    status: Status
    value: Any = field(hash=False, default=None)
    exception: str = ""


class Compute:
    """The calls of Compute that the console makes, within the request limit of the service."""

    def __init__(self, authorizer: GlobusAuthorizer, service_url: str | None, budget: Budget | None = None) -> None:
        import globus_sdk

        self._v2 = globus_sdk.ComputeClientV2(authorizer=authorizer, base_url=service_url, **repeatable_options())
        self._v3_once = globus_sdk.ComputeClientV3(authorizer=authorizer, base_url=service_url, **once_options())
        self._budget = budget or Budget(REQUESTS, REQUEST_SECONDS)

    def leave_some(self, requests: int) -> None:
        """From now on make no more than so many in the time for which the service counts: others ask as well."""
        self._budget = Budget(requests, REQUEST_SECONDS)

    def spare(self) -> int:
        """How many requests may be made now without waiting for the limit of the service."""
        return self._budget.spare()

    def endpoint_status(self, endpoint_id: str) -> EndpointStatus:
        self._budget.spend()
        with calling("compute", "endpoint_status"):
            reply = self._v2.get_endpoint_status(endpoint_id)
            status = str(reply["status"])
            return EndpointStatus(endpoint_id, status == "online", status, reply.get("details") or {})

    def endpoint_name_and_version(self, endpoint_id: str) -> tuple[str, str]:
        """The version is that of globus-compute-endpoint when it was last started; '' when it is not known."""
        self._budget.spend()
        with calling("compute", "endpoint_name_and_version"):
            reply = self._v2.get_endpoint(endpoint_id)
            return str(reply.get("display_name") or reply["name"]), str(reply.get("endpoint_version") or "")

    def task_group(self, task_group_id: str) -> list[str]:
        """The ids of the tasks of a group, in the order in which the service lists them."""
        self._budget.spend()
        with calling("compute", "task_group"):
            return [str(task["id"]) for task in self._v2.get_task_group(task_group_id)["tasks"]]

    def batch_status(self, task_ids: Iterable[str]) -> dict[str, TaskStatus]:
        """The status of every task asked for.

        Reads the raw reply: the SDK's get_batch_result leaves out tasks that failed, which is how a segment gets lost.
        A task that the service does not mention is pending, and says so in `exception`.
        """
        ids = list(task_ids)
        found: dict[str, TaskStatus] = {}
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            self._budget.spend()
            with calling("compute", "batch_status"):
                results = self._v2.get_task_batch(batch)["results"]
                found |= {i: _task_status(i, results.get(i)) for i in batch}
        return found

    def register_function(self, function: Callable[..., Any], description: str) -> str:
        """Register a self-contained function of module level; returns its id.

        It travels as source text: the worker's Python may be another minor version than ours.
        """
        from globus_compute_sdk.sdk.client import FunctionRegistrationData
        from globus_compute_sdk.serialize import ComputeSerializer, PureSourceTextInspect

        self._budget.spend()
        with calling("compute", "register_function", repeatable=False):
            document = FunctionRegistrationData(
                function=function,
                description=description,
                serializer=ComputeSerializer(strategy_code=PureSourceTextInspect()),
            )
            return str(self._v3_once.register_function(document.to_dict())["function_uuid"])  # type: ignore[no-untyped-call]

    def function_code(self, function_id: str) -> str | None:
        """The code of a registered function, packed as it was registered; None when there is no such function."""
        import globus_sdk

        self._budget.spend()
        with calling("compute", "function_code"):
            try:
                return str(self._v2.get_function(function_id)["function_code"])
            except globus_sdk.GlobusAPIError as error:
                if error.http_status != 404:
                    raise
                return None

    def allowed_functions(self, endpoint_id: str) -> list[str] | None:
        """The ids of the functions that an endpoint executes; None when it executes any."""
        self._budget.spend()
        with calling("compute", "allowed_functions"):
            reply = self._v3_once.get_endpoint_allowlist(endpoint_id)
            return [str(i) for i in reply["functions"]] if reply["restricted"] else None

    def submit(self, endpoint_id: str, function_id: str, calls: Iterable[dict[str, Any]]) -> list[str]:
        """Have an endpoint execute a function once for each of these keyword arguments; the tasks' ids, in order."""
        from globus_compute_sdk.sdk.batch import Batch, create_user_runtime

        batch = Batch(None, user_runtime=create_user_runtime())
        for arguments in calls:
            batch.add(function_id, kwargs=arguments)
        self._budget.spend()
        with calling("compute", "submit", repeatable=False):
            tasks = self._v3_once.submit(endpoint_id, batch.prepare())["tasks"]
            return [str(task) for task in tasks[function_id]]


def load_sdk() -> None:
    """Before several threads call Compute: the SDK's modules import one another, and threads that begin with different
    ones would wait for each other for ever."""
    import globus_compute_sdk.sdk.batch
    import globus_compute_sdk.serialize  # noqa: F401


def packed_code(function: Callable[..., Any]) -> str:
    """The code of a function as `register_function` sends it."""
    from globus_compute_sdk.serialize import ComputeSerializer, PureSourceTextInspect

    pack = ComputeSerializer(strategy_code=PureSourceTextInspect())
    return str(pack.pack_buffers([pack.serialize(function)]))


def _task_status(task_id: str, document: dict[str, Any] | None) -> TaskStatus:
    if document is None:
        return TaskStatus(task_id, "pending", exception="the service does not mention this task")
    said = str(document.get("status") or "").lower()
    if "exception" in document or said == "failed":
        texts = [str(document[key]) for key in ("exception", "reason") if document.get(key)]
        text = "\n".join(dict.fromkeys(texts)) or "failed without a reason"
        return TaskStatus(task_id, "failed", exception=hidden(text[-_EXCEPTION_LIMIT:]))
    if said == "success":
        try:
            return TaskStatus(task_id, "success", value=hidden_in(read_result(document["result"])))
        except KeyError:
            return TaskStatus(task_id, "success", exception="the service no longer has the result")
        except ValueError as exc:
            return TaskStatus(task_id, "failed", exception=f"the result cannot be read: {exc}")
    return TaskStatus(task_id, "running" if said in _RUNNING else "pending")


def read_result(packed: str) -> Any:
    """What a function returned, from Compute's wire form ("<2-char id>\\n<payload>"); ValueError when not plain data.

    Results are pickles, and a pickle may run code while it is read. Ours are plain dicts, so that only plain data is
    allowed here, whatever the far side sends.
    """
    identifier, _, payload = packed.partition("\n")
    try:
        if identifier == "11":
            return json.loads(payload)
        if identifier == "00":
            return _PlainData(io.BytesIO(base64.b64decode(payload))).load()
    except Exception as exc:
        raise ValueError(f"{type(exc).__name__}: {exc}") from None
    raise ValueError(f"unknown serialization {identifier[:8]!r}")


class _PlainData(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it holds a {module}.{name}, not plain data")
