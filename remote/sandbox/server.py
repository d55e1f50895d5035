"""Building a sandbox and serving it over HTTP on the loopback interface."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

import remote.site
from remote.sandbox import faults_http, journal
from remote.sandbox.auth import guard
from remote.sandbox.auth import http as auth_http
from remote.sandbox.auth.errors import Refusal
from remote.sandbox.auth.service import AuthService
from remote.sandbox.compute import http as compute_http
from remote.sandbox.compute.endpoints import Endpoint
from remote.sandbox.compute.http import RequestLimit
from remote.sandbox.compute.service import ComputeService
from remote.sandbox.error_documents import error_document, service_of
from remote.sandbox.faults import Faults
from remote.sandbox.flows import http as flows_http
from remote.sandbox.flows.service import FlowsService
from remote.sandbox.ids import DTN_COLLECTION, ENDPOINTS, GUEST_COLLECTION, IDENTITY, SITE_COLLECTION
from remote.sandbox.transfer import http as transfer_http
from remote.sandbox.transfer.collection import GUEST, Collection
from remote.sandbox.transfer.service import TransferService
from remote.sandbox.world import World

TOOLS = Path(__file__).parent / "tools" / "bin"
PREFIX = "/sandbox"
"""Routes below are for whoever drives the sandbox: no Globus service has them."""

_DEMANDED = "AuthorizationRequired"
_DEFAULT_WORKERS = {"frib-fit-mpi": 2, "frib-convert": 1, "frib-analysis": 1}
_DIRECTORIES = (
    "dtn/runs",
    "dtn/results",
    "site/rawdata",
    "site/fitted",
    "site/converted",
    "site/analyzed",
    "site/logs",
    "daq",
    "log",
)


@dataclass(frozen=True)
class SandboxConfig:
    """`root`: where everything is kept. `workers`: of each endpoint, None for the defaults. `rate`: bytes per second
    of a transfer, None for no limit. `speed` above 1 shortens the intervals at which the services poll and retry, and
    the window of Compute's request limit. `polling`: the intervals at which Flows polls an action, a name of POLLINGS.
    `hints`: whether it polls at once when an active flow run is resumed. `worker_counts`: whether the status of a
    compute endpoint has the counts of its workers. `daemons`: the endpoints are real ones, which are to register
    themselves (`compute/daemons.py`)."""

    root: Path
    workers: int | None = None
    speed: float = 1.0
    rate: float | None = None
    requests_per_10s: int = 20
    polling: str = "quick"
    hints: bool = True
    worker_counts: bool = False
    daemons: bool = False

    def workers_of(self) -> dict[str, int]:
        """By the name of the endpoint."""
        return {name: self.workers or default for name, default in _DEFAULT_WORKERS.items()}


def build_world(config: SandboxConfig) -> World:
    """Make the directories, the kit and the services; the workers start in the background."""
    root = config.root.resolve()
    for name in _DIRECTORIES:
        (root / name).mkdir(parents=True, exist_ok=True)
    _install_kit(root / "site")
    faults = Faults()
    token = secrets.token_urlsafe(32)
    auth = AuthService(token, time.time, faults)
    transfer = TransferService(
        {
            DTN_COLLECTION: Collection(root / "dtn", root / "dtn", "FRIB DTN (sandbox)"),
            # At the site a path means the same to Transfer and to the compute functions.
            SITE_COLLECTION: Collection(Path("/"), root / "site", "Compute site (sandbox)"),
            GUEST_COLLECTION: Collection(
                root / "dtn/results", root / "dtn/results", "Results, shared (sandbox)", GUEST
            ),
        },
        now=time.time,
        owner_id=IDENTITY,
        rate=config.rate,
        retry_seconds=5.0 / config.speed,
        faults=faults,
    )
    endpoints = {ENDPOINTS[name]: Endpoint(name, workers) for name, workers in config.workers_of().items()}
    compute = ComputeService(
        endpoints={} if config.daemons else endpoints,
        now=time.time,
        run_dir=root / "log",
        environment=worker_environment(_empty(root / "tmp")),
        faults=faults,
        owner=IDENTITY,
        known=ENDPOINTS if config.daemons else {},
        speed=config.speed,
        worker_counts=config.worker_counts,
    )
    return World(
        root=root,
        token=token,
        identity=IDENTITY,
        auth=auth,
        transfer=transfer,
        compute=compute,
        compute_limit=RequestLimit(config.requests_per_10s, 10.0 / max(1.0, config.speed), time.time),
        flows=FlowsService(
            transfer,
            compute,
            faults=faults,
            speed=config.speed,
            polling=config.polling,
            hints=config.hints,
            lacks_access=auth.flows_lack_access,
            demanded=lambda creator, *asked: guard.demanded(faults, auth.session_of(creator), *asked),
        ),
        faults=faults,
    )


def worker_environment(temporary: Path) -> dict[str, str]:
    """The stand-in tools come first in PATH; they run in this Python, which must find this project anywhere."""
    project = Path(__file__).parents[2]
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(TOOLS), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(project), os.environ.get("PYTHONPATH")])),
        "FRIB_PYTHON": sys.executable,
        "TMPDIR": str(temporary),
    }


def create_app(world: World) -> Flask:
    app = Flask("sandbox", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]

    @app.before_request
    def admit() -> Response | None:
        if auth_http.is_open(request.path):
            return None
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        service = service_of(request.path)
        try:
            token = world.auth.find(given) if kind == "Bearer" else None
            g.token = guard.admitted(token, service, request.path, world.flow_of)
        except Refusal as error:
            return _refusal(error.status, error.error, error.description)
        g.identity = g.token.identity.id
        if service == "transfer":
            lacking = guard.missing_consents(world.auth, g.token, request.path, request.get_json(silent=True))
            if lacking:
                return _refusal(403, "ConsentRequired", "Missing required data_access consent", **lacking)
        if service is not None:
            demand = guard.demanded(world.faults, g.token.session, service, f"{request.method} {request.path}")
            if demand:
                return _refusal(403, _DEMANDED, demand["session_message"], authorization_parameters=demand)
        return None

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        reply = _refusal(error.code or 500, error.name.replace(" ", ""), error.description or error.name)
        reply.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        return reply

    @app.errorhandler(Exception)
    def defect(error: Exception) -> Response:
        app.logger.exception("%s %s", request.method, request.path)
        return _refusal(500, "InternalError", f"A defect of the sandbox, see its log: {type(error).__name__}")

    app.register_blueprint(auth_http.blueprint(world.auth))
    app.register_blueprint(transfer_http.blueprint(world.transfer))
    app.register_blueprint(compute_http.blueprint(world.compute, world.identity, world.compute_limit))
    app.register_blueprint(flows_http.blueprint(world.flows, world.identity))
    app.register_blueprint(journal.blueprint(world), url_prefix=PREFIX)
    app.register_blueprint(auth_http.logins(world.auth), url_prefix=PREFIX)
    app.register_blueprint(faults_http.blueprint(world.faults), url_prefix=PREFIX)
    app.wsgi_app = faults_http.Edge(app.wsgi_app, world.faults)  # type: ignore[method-assign]
    return app


def _refusal(status: int, code: str, message: str, **more: Any) -> Response:
    """In the words of the service; `code` at the top as well where there is `more` that a client may act upon."""
    document = error_document(request.path, status, code, message)
    reply = jsonify(document | ({"code": code, **more} if more else {}))
    reply.status_code = status
    return reply


class _Handler(WSGIRequestHandler):
    """Writes no access log. Connections are not kept open: werkzeug drains them after each reply, and would take the
    beginning of a next request for a remainder of the last."""

    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass

    def connection_dropped(self, error: BaseException, environ: object = None) -> None:
        self.close_connection = True  # it may be our own doing: do not wait for a next request


def serve(world: World, port: int) -> BaseWSGIServer:
    """A server that listens already; run its `serve_forever`. Port 0: any free one. Raises OSError."""
    return make_server("127.0.0.1", port, create_app(world), threaded=True, request_handler=_Handler)


def _install_kit(site: Path) -> None:
    """The site's copy of the kit, with this site's settings: no container, no MPI launcher, the tools of PATH."""
    kit = site / "kit"
    ours = Path(remote.site.__file__).parent / "kit"
    shutil.copytree(ours, kit, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    settings = [f"TOP={shlex.quote(str(site))}", "CONTAINER=()", "LAUNCHER=()", "FIT_WORKERS=1"]
    # By hand, as by doctor.py, they are found as well.
    settings += [f"PATH=$PATH:{shlex.quote(str(TOOLS))}", f"export FRIB_PYTHON={shlex.quote(sys.executable)}"]
    (kit / "site.conf").write_text("# The sandbox's site; see site.conf.example.\n" + "\n".join(settings) + "\n")


def _empty(directory: Path) -> Path:
    """For the jobs' temporary files: what killed ones have left goes at the next start."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory
