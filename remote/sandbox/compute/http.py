"""Compute over HTTP: the routes that globus_compute_sdk's Client and Executor call, below /v2 and /v3."""

from __future__ import annotations

import math
import platform
import secrets
import threading
from collections import defaultdict, deque
from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request

from remote.sandbox.compute.endpoints import Endpoint
from remote.sandbox.compute.errors import ComputeError
from remote.sandbox.compute.service import ComputeService, Document

PAYLOAD_LIMIT = 10 * 1024 * 1024
"""Bytes of one submission, as at the service."""


class RequestLimit:
    """So many requests of each client within so many seconds; the service allows 20 in 10 s."""

    def __init__(self, requests: int, seconds: float, now: Callable[[], float]) -> None:
        self._requests = requests
        self._seconds = seconds
        self._now = now
        self._lock = threading.Lock()
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, client: str) -> float:
        """0.0 for a request that is admitted, otherwise the seconds after which one would be."""
        with self._lock:
            now, recent = self._now(), self._recent[client]
            while recent and recent[0] <= now - self._seconds:
                recent.popleft()
            if len(recent) >= self._requests:
                return recent[0] + self._seconds - now
            recent.append(now)
            return 0.0


def blueprint(compute: ComputeService, owner: str, limit: RequestLimit) -> Blueprint:
    routes = Blueprint("compute", __name__)

    @routes.before_request
    def admit() -> Response | None:
        wait = limit.admit(
            request.user_agent.string
        )  # endpoints and console have one token here, and a login each there
        if not wait:
            return None
        reply = _refused(ComputeError(429, "MaxRequestsExceeded", "Too many requests; try again later"))
        reply.headers["Retry-After"] = str(math.ceil(wait))
        return reply

    _add_functions(routes, compute)
    _add_endpoints(routes, compute, owner)
    _add_tasks(routes, compute)
    routes.register_error_handler(ComputeError, _refused)
    return routes


def _add_functions(routes: Blueprint, compute: ComputeService) -> None:
    @routes.post("/v2/functions")
    @routes.post("/v3/functions")
    def register() -> Document:
        return compute.register_function(_body())

    @routes.get("/v2/functions/<function_id>")
    def function(function_id: str) -> Document:
        return compute.function(function_id)

    @routes.delete("/v2/functions/<function_id>")
    def delete_function(function_id: str) -> Document:
        compute.delete_function(function_id)
        return {"result": 302}


def _add_endpoints(routes: Blueprint, compute: ComputeService, owner: str) -> None:
    @routes.get("/v2/version")
    def version() -> Response:
        if request.args.get("service") != "all":
            return jsonify("1.0.0")
        return jsonify(
            {
                "api": "1.0.0",
                "min_sdk_version": "2.0.0",
                "min_ep_version": "2.0.0",  # what the client reads; the SDK's fixture has the other name
                "min_endpoint_version": "2.0.0",
                "git_sha": "sandbox",
            }
        )

    @routes.get("/v2/endpoints")
    def endpoints() -> Response:
        found = compute.endpoints().items()
        names = [{"uuid": i, "name": e.name, "display_name": e.name, "owner": owner} for i, e in found]
        return jsonify(names)

    @routes.get("/v2/endpoints/<endpoint_id>")
    def endpoint(endpoint_id: str) -> Document:
        return _endpoint(endpoint_id, compute.endpoint(endpoint_id))

    @routes.delete("/v2/endpoints/<endpoint_id>")
    def delete_endpoint(endpoint_id: str) -> Document:
        compute.delete_endpoint(endpoint_id)
        return {"result": 302}

    @routes.get("/v2/endpoints/<endpoint_id>/status")
    def endpoint_status(endpoint_id: str) -> Document:
        return compute.endpoint_status(endpoint_id)

    @routes.post("/v2/endpoints/<endpoint_id>/lock")
    @routes.post("/v3/endpoints/<endpoint_id>/lock")
    def lock(endpoint_id: str) -> Document:
        return compute.lock_endpoint(endpoint_id)

    @routes.get("/v3/endpoints/<endpoint_id>/allowed_functions")
    def allowed_functions(endpoint_id: str) -> Document:
        compute.endpoint(endpoint_id)
        return {"endpoint_id": endpoint_id, "restricted": False, "functions": []}

    @routes.post("/v3/endpoints")
    @routes.put("/v3/endpoints/<endpoint_id>")
    def register_endpoint(endpoint_id: str | None = None) -> Document:
        return compute.register_endpoint(_body(), endpoint_id)


def _add_tasks(routes: Blueprint, compute: ComputeService) -> None:
    @routes.post("/v3/endpoints/<endpoint_id>/submit")
    def submit(endpoint_id: str) -> Document:
        size = len(request.get_data())
        if size > PAYLOAD_LIMIT:
            reason = f"The submission has {size} bytes, the limit is {PAYLOAD_LIMIT}"
            raise ComputeError(413, "TASK_PAYLOAD_TOO_LARGE", reason)
        return compute.submit(endpoint_id, _body())

    @routes.get("/v2/get_amqp_result_connection_url")
    def result_queues() -> Document:
        return compute.result_queues()

    @routes.get("/v2/tasks/<task_id>")
    def task(task_id: str) -> Document:
        return compute.task(task_id)

    @routes.post("/v2/batch_status")
    def batch_status() -> Document:
        task_ids = _body().get("task_ids")
        if not isinstance(task_ids, list):
            raise ComputeError(422, "SEMANTICALLY_INVALID", "task_ids must be a list")
        return {"response": "batch", "results": compute.batch_status(map(str, task_ids))}

    @routes.get("/v2/taskgroup/<group_id>")
    def task_group(group_id: str) -> Document:
        return compute.task_group(group_id)


def _refused(error: ComputeError) -> Response:
    reply = jsonify(
        {
            "status": "Failed",
            "code": error.code,
            "error_args": [],
            "http_status_code": error.status,
            "reason": error.reason,
            "detail": error.reason,
            "message": error.reason,
            "request_id": secrets.token_urlsafe(7),
        }
    )
    reply.status_code = error.status
    return reply


def _body() -> Document:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ComputeError(400, "REQUEST_MALFORMED", "the body must be a JSON object")
    return body


def _endpoint(endpoint_id: str, endpoint: Endpoint) -> Document:
    from globus_compute_sdk.version import __version__ as sdk_version

    return {
        "uuid": endpoint_id,
        "name": endpoint.name,
        "display_name": endpoint.name,
        "multi_user": False,
        "public": False,
        "endpoint_config": f"display_name: {endpoint.name}\n",
        "user_config_template": "",
        "user_config_schema": {},
        "description": f"{endpoint.workers} worker processes on this machine",
        "hostname": platform.node(),
        "local_user": "sandbox",
        "ip_address": "127.0.0.1",
        "endpoint_version": sdk_version,
        "sdk_version": sdk_version,
        "subscription_uuid": None,
        **endpoint.metadata,
    }
