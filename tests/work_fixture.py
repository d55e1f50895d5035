"""Work for the sandbox, by the console's own clients: calls of functions, transfers of two files; and its faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from remote.globus.connection import Remote, connect
from remote.globus.flows import FlowRun
from tests.sandbox_fixture import RunningSandbox, start_sandbox
from tests.sandbox_records import clear_faults, records
from tests.waiting import until

SPEED = 20
COMPUTE = "https://compute.actions.globus.org/v3"
TRANSFER = "https://transfer.actions.globus.org/transfer"


def fit(run: int, segment: int) -> dict[str, Any]:
    """In the place of the real one, which does the same with more around it: starts the program."""
    import subprocess

    done = subprocess.run(["EventEditor", "--help"], capture_output=True, text=True)
    return {"segment": segment, "rc": done.returncode, "said": done.stdout[:5], "error": done.stderr}


def convert(run: int, segment: int) -> dict[str, Any]:
    """The same, with a file of nothing."""
    import subprocess
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as directory:
        source, sink = Path(directory, "in.evt"), Path(directory, "out.root")
        source.touch()
        done = subprocess.run(["eeconverter", "-s", f"file://{source}", "-f", str(sink)], capture_output=True)
        return {"segment": segment, "rc": done.returncode, "bytes": sink.stat().st_size}


class Work:
    """Flow runs of one action: calls of `fit` or `convert` for the segments 0 and 1 of a run, or a transfer of both."""

    def __init__(self, running: RunningSandbox, remote: Remote) -> None:
        self.running, self.remote, self.dir = running, remote, running.dir
        self.endpoint = running.info["endpoints"]["frib-fit-mpi"]
        self._fit, self._convert = (
            self._deploy(COMPUTE, {"endpoint_id": self.endpoint, "tasks.=": self._tasks(function, name)})
            for function, name in ((fit, "fit"), (convert, "convert"))
        )
        path = f"'{running.site_root}/rawdata/run' + str(run) + '/run-' + str(run) + '-0' + str(s) + '.evt'"
        name = "'/runs/run-' + str(run) + '-0' + str(s) + '.evt'"
        items = f"[{{'source_path': {name}, 'destination_path': {path}}} for s in [0, 1]]"
        collections = {"source_endpoint": running.dtn, "destination_endpoint": running.site}
        self._transfer = self._deploy(TRANSFER, {**collections, "sync_level": 3, "DATA.=": items})

    def _tasks(self, function: Callable[..., Any], name: str) -> str:
        identity = self.remote.compute.register_function(function, name)
        return f"[{{'function_id': '{identity}', 'kwargs': {{'run': run, 'segment': s}}}} for s in [0, 1]]"

    def _deploy(self, url: str, parameters: dict[str, Any]) -> str:
        state = {"Type": "Action", "ActionUrl": url, "Parameters": parameters, "ResultPath": "$.Result",
                 "WaitTime": 600, "ExceptionOnActionFailure": True, "End": True}  # fmt: skip
        return self.remote.flows.deploy("work", {"StartAt": "Do", "States": {"Do": state}}, {})

    def fit(self, run: int) -> FlowRun:
        return self.remote.flows.start(self._fit, {"run": run}, f"run {run}", [f"run {run}"])

    def convert(self, run: int) -> FlowRun:
        return self.remote.flows.start(self._convert, {"run": run}, f"run {run}", [f"run {run}"])

    def transfer(self, run: int, data: bytes = bytes(range(1, 201))) -> FlowRun:
        for number in (0, 1):
            self.raw(run, number).write_bytes(data)
        return self.remote.flows.start(self._transfer, {"run": run}, f"run {run}", [f"run {run}"])

    def raw(self, run: int, segment: int) -> Path:
        return self.dir / "dtn" / "runs" / f"run-{run}-0{segment}.evt"

    def arrived(self, run: int, segment: int) -> Path:
        return self.running.site_root / "rawdata" / f"run{run}" / f"run-{run}-0{segment}.evt"

    def ended(self, run: FlowRun) -> FlowRun:
        return until(lambda: now if (now := self.now(run)).status in ("SUCCEEDED", "FAILED") else None, every=0.05)

    def now(self, run: FlowRun) -> FlowRun:
        return self.remote.flows.run(run.id)

    def results(self, run: FlowRun) -> dict[int, dict[str, Any]]:
        """What the calls of an ended flow run replied, by segment."""
        (output,) = [e.details["output"] for e in self.remote.flows.log(run.id) if e.code == "ActionCompleted"]
        return {result["segment"]: result for result in output["details"]["result"]}

    def calls(self, run: int) -> dict[int, dict[str, Any]]:
        return {call["segment"]: call for call in records(self.dir).calls if call["run"] == run}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    token = tmp_path_factory.mktemp("login") / "token"
    token.touch(0o600)
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), "--speed", str(SPEED)) as running:
        token.write_text(running.token)
        yield Work(running, connect(token_file=token, service_url=running.url))


@pytest.fixture(autouse=True)
def no_faults(work: Work) -> Iterator[None]:
    yield
    clear_faults(work.dir)
