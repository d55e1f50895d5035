"""The clients with which the driver launches, here of a Flows in the same process, and of `site`. A request takes its
time by the clock of the model, in which all else goes on."""

from __future__ import annotations

from typing import Any

from console.actions.deployed import wanted
from flowspec import definition
from remote.globus import flows as flows_client
from remote.globus.flows import FlowRun
from remote.globus.transfer import RemoteFile
from remote.sandbox.flows.service import FlowsService, principal
from remote.sandbox.ids import IDENTITY
from tests.model.assumptions import Assumptions
from tests.model.site import Files
from tests.model.world import World

CALLER = principal(IDENTITY)


class Flows:
    def __init__(self, service: FlowsService, world: World, assumed: Assumptions) -> None:
        self._service, self._world, self._seconds = service, world, assumed.request

    def deploy(self) -> str:
        return str(self._service.create_flow(CALLER, wanted(definition.analysis(), (), ()))["id"])

    def start(self, flow_id: str, body: dict[str, Any], label: str, tags: list[str], *roles: object) -> FlowRun:
        self._world.go_on(self._seconds)
        request = {"body": body, "label": label, "tags": tags}
        return flows_client._flow_run(self._service.start_run(CALLER, flow_id, request))

    def open_runs(self) -> list[FlowRun]:
        return self._listed({"per_page": "100", "filter_status": "ACTIVE,INACTIVE"})

    def _listed(self, query: dict[str, str]) -> list[FlowRun]:
        self._world.go_on(self._seconds)
        found = self._service.list_runs(CALLER, query)["runs"]
        return [flows_client._flow_run(document) for document in found]

    def resume(self, run_id: str, flow_id: str = "") -> None:
        self._world.go_on(self._seconds)
        self._service.resume_run(CALLER, run_id)


class Transfer:
    def __init__(self, files: Files, world: World, assumed: Assumptions) -> None:
        self._files, self._world, self._seconds = files, world, assumed.listing

    def ls(self, collection: str, path: str) -> dict[str, RemoteFile] | None:
        self._world.go_on(self._seconds)
        return self._files.below(path)

    def stat(self, collection: str, path: str) -> RemoteFile | None:
        self._world.go_on(self._seconds)
        return self._files.there.get(path)
