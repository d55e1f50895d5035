"""The sandbox as a process: its token, its address, its announcement, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from globus_compute_sdk import Client
from globus_compute_sdk.serialize import PureSourceTextInspect
from globus_sdk import AccessTokenAuthorizer

from remote.sandbox.compute.workers import TRIES
from tests.sandbox_fixture import RunningSandbox, sandbox, start_sandbox
from tests.waiting import HANGS_AFTER, until

__all__ = ["sandbox"]


def client_of(running: RunningSandbox) -> Client:
    client = Client(
        authorizer=AccessTokenAuthorizer(running.token),
        do_version_check=False,
        code_serialization_strategy=PureSourceTextInspect(),
    )
    client._compute_web_client.v2.base_url = client._compute_web_client.v3.base_url = running.url
    return client


def spawn_and_wait(path: str) -> None:
    """Leaves three kinds of grandchildren: of our process group, of another group, of another session."""
    import os
    import subprocess
    import time
    from pathlib import Path

    children = [
        subprocess.Popen(["sleep", "3600"]),
        subprocess.Popen(["sleep", "3600"], preexec_fn=os.setpgrp),
        subprocess.Popen(["sh", "-c", "sleep 3600 & sleep 3600"], start_new_session=True),
    ]
    Path(path + ".tmp").write_text(" ".join(str(child.pid) for child in children))
    Path(path + ".tmp").rename(path)
    time.sleep(3600)


def status(url: str, token: str | None = None) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def start_spawning_task(running: RunningSandbox, note: Path) -> tuple[str, list[psutil.Process]]:
    """The id of a running task, and the processes below the sandbox that are to disappear with it."""
    client = client_of(running)
    function = client.register_function(spawn_and_wait)
    task = client.run(str(note), endpoint_id=running.info["endpoints"]["frib-analysis"], function_id=function)
    until(note.exists)
    return task, psutil.Process(running.process.pid).children(recursive=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if _lives(p)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two
        return False


@pytest.mark.parametrize("path", ["/flows", "/runs", "/v0.10/task_list", "/v2/version", "/v3/x", "/nowhere", "/"])
def test_a_request_without_the_token_gets_401(sandbox: RunningSandbox, path: str) -> None:
    assert status(sandbox.url + path) == 401
    assert status(sandbox.url + path, "wrong") == 401
    assert status(sandbox.url + path, sandbox.token + "x") == 401
    assert status(sandbox.url + path, sandbox.token) != 401


def test_it_listens_on_the_loopback_interface_only(sandbox: RunningSandbox) -> None:
    listening = [c for c in psutil.Process(sandbox.process.pid).net_connections("inet") if c.status == "LISTEN"]
    assert [c.laddr.ip for c in listening] == ["127.0.0.1"]


def test_sandbox_json_tells_where_everything_is_and_is_private(sandbox: RunningSandbox) -> None:
    info = sandbox.info
    assert stat.S_IMODE((sandbox.dir / "sandbox.json").stat().st_mode) == 0o600
    assert info["schema"] == 1
    assert info["pid"] == sandbox.process.pid
    assert set(info["endpoints"]) == {"frib-fit-mpi", "frib-convert", "frib-analysis"}
    assert Path(info["collections"]["dtn"]["root"], "runs").is_dir()
    assert Path(info["collections"]["site"]["root"], "rawdata").is_dir()
    assert Path(info["kit"], "site.conf").is_file()


def test_the_token_is_in_no_other_file(sandbox: RunningSandbox) -> None:
    status(sandbox.url + "/v0.10/task_list", sandbox.token)
    status(sandbox.url + "/v0.10/task/" + "x" * 40)
    files = [path for path in sandbox.dir.rglob("*") if path.is_file() and path.name != "sandbox.json"]
    assert files
    assert [path for path in files if sandbox.token.encode() in path.read_bytes()] == []
    assert sandbox.token not in " ".join(psutil.Process(sandbox.process.pid).cmdline())


def test_a_second_sandbox_in_the_same_directory_is_refused(sandbox: RunningSandbox) -> None:
    command = [sys.executable, "-m", "remote.sandbox", "--dir", str(sandbox.dir)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "another sandbox is running" in second.stderr
    assert json.loads((sandbox.dir / "sandbox.json").read_text()) == sandbox.info


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGINT", "SIGKILL", "stdin"])
def test_nothing_is_left_when_it_ends(tmp_path: Path, how: str) -> None:
    with start_sandbox(tmp_path, "--workers", "1") as running:
        _, processes = start_spawning_task(running, tmp_path / "note")
        grandchildren = [int(pid) for pid in (tmp_path / "note").read_text().split()]
        assert set(grandchildren) <= {process.pid for process in processes}
        if how == "stdin":
            running.process.stdin.close()  # type: ignore[union-attr]
        else:
            os.kill(running.process.pid, getattr(signal, how))
        until(lambda: not alive(processes))
        running.process.wait(HANGS_AFTER)
        assert (tmp_path / "sandbox.json").exists() == (how == "SIGKILL")


def test_the_task_of_a_killed_worker_is_executed_again_and_has_failed_the_third_time(tmp_path: Path) -> None:
    note = tmp_path / "note"
    with start_sandbox(tmp_path, "--workers", "1", "--speed", "20", "--worker-counts") as running:
        task, _ = start_spawning_task(running, note)
        client = client_of(running)
        endpoint = running.info["endpoints"]["frib-analysis"]
        for _ in range(TRIES):
            until(note.exists)
            worker = psutil.Process(int(until(note.read_text).split()[0])).parent()
            assert worker is not None
            until(lambda worker=worker: len(worker.children(recursive=True)) >= 4)  # they start one after the other
            lost = [worker, *worker.children(recursive=True)]
            assert _ended(client, task) is None
            note.unlink()
            worker.kill()
            until(lambda lost=lost: not alive(lost))
        document = until(lambda: _ended(client, task), every=0.2)
        assert document["status"] == "failed"
        assert "WorkerLost: Task failure due to loss of worker 0 on host " in document["exception"]
        until(lambda: client.get_endpoint_status(endpoint)["details"]["idle_workers"] == 1, every=0.5)
        assert client.get_endpoint_status(endpoint)["details"]["total_workers"] == 1


def _ended(client: Client, task: str) -> dict[str, str] | None:
    document = client._compute_web_client.v2.get_task_batch([task])["results"][task]
    return document if document["status"] in ("success", "failed") else None
