"""The monitor and a real Slurm: what it refuses, what waits in its queue, blocks that nobody has any more."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from flowspec import catalogue, monitorstatus
from tests.endpoint_fixture import HEARTBEATS
from tests.monitor_fixture import FIT, ID, Watched, node
from tests.slurm_fixture import Slurm, slurm
from tests.waiting import HANGS_AFTER, until

__all__ = ["node", "slurm"]
CHILD = "0b0d6a52-6f0e-4f5e-9a55-0f6c7f1f2f10"


@pytest.fixture
def on_slurm(node: Watched, slurm: Slurm) -> Watched:
    node.variables["SLURM_CONF"] = str(slurm.configuration)
    node.make(FIT)
    return node


def child_of(node: Watched, manager: str) -> Path:
    """The directory of a child that is alive, as the package makes it."""
    child = node.endpoints / f"uep.{manager}.{CHILD}"
    (child / "submit_scripts").mkdir(parents=True)
    (child / "daemon.pid").write_text("1\n")
    return child


def manager_of(node: Watched) -> str:
    return str(json.loads((node.endpoints / FIT / "endpoint.json").read_text())["endpoint_id"])


def block(slurm: Slurm, child: Path, *options: str) -> int:
    script = child / "submit_scripts/parsl.GlobusComputeEngine.block-0.1795732377.19"
    script.write_text("#!/bin/bash\nsleep 5000\n")
    return slurm.submit("--output=/dev/null", *options, script, cwd=child)


def test_a_refusal_of_sbatch_is_told_in_its_own_words(on_slurm: Watched, slurm: Slurm) -> None:
    child = child_of(on_slurm, manager_of(on_slurm))
    refused = slurm.run("sbatch", "--licenses=scratch,nonesuch", "--wrap=true").stderr.strip()
    assert "Invalid license specification" in refused
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + 2))  # after the canary of now
    begin = f"{at},123456 ERROR MainProcess-7 JobStatusPoller-Timer-Thread-8 "
    (child / "endpoint.log").write_text(
        f"{begin}parsl.providers.slurm.slurm:374 submit Submit command failed\n"
        f"{begin}parsl.providers.slurm.slurm:375 submit Retcode:1 STDOUT: STDERR:{refused}\n"
        f"{begin}globus_compute_endpoint.endpoint.interchange:400 stop and so on\n"
    )
    with on_slurm.monitor():
        on_slurm.wait_for(f"{FIT}: Slurm: refused a block at {at}: {refused}")
        until(lambda: on_slurm.seen().get("refused"))
    assert on_slurm.seen()["refused"]["words"] == refused
    told = json.loads(on_slurm.file.read_text())
    assert monitorstatus.problem(told) == ""
    said = [catalogue.sentence(found) for found in monitorstatus.troubles(told, told["at"], told["at"])]
    assert [words for words in said if refused in words]
    status = on_slurm.did("status", FIT)
    assert f"Slurm refused a block at {at}: {refused}" in status


def test_blocks_and_what_they_wait_for_stand_in_the_status(on_slurm: Watched, slurm: Slurm) -> None:
    job = block(slurm, child_of(on_slurm, manager_of(on_slurm)), "--begin=now+1hour")
    with on_slurm.monitor():
        until(lambda: on_slurm.seen().get("blocks"))
    assert on_slurm.seen()["blocks"] == [{"job": str(job), "state": "PENDING", "reason": "BeginTime"}]
    slurm.run("scancel", str(job))


def test_a_block_whose_child_is_dead_is_told_and_cancelled_when_asked(on_slurm: Watched, slurm: Slurm) -> None:
    ours = child_of(on_slurm, manager_of(on_slurm))
    theirs = child_of(on_slurm, ID.format(9))
    orphan, stranger = block(slurm, ours), block(slurm, theirs)
    slurm.started(orphan)
    with on_slurm.monitor():
        until(lambda: len(on_slurm.seen().get("blocks", [])) == 1)
        (ours / "daemon.pid").unlink()
        (theirs / "daemon.pid").unlink()
        on_slurm.wait_for(f"block {orphan}: of {ours.name}, which is dead: scancel {orphan}, or run the monitor")
    assert slurm.job(orphan)["JobState"] == "RUNNING"
    with on_slurm.monitor("--cancel-orphans"):
        on_slurm.wait_for(f"block {orphan}: of {ours.name}, which is dead: was cancelled")
    assert slurm.ended(orphan)["JobState"] == "CANCELLED"
    assert slurm.started(stranger)["JobState"] == "RUNNING", "of an endpoint that was not made from here"
    slurm.run("scancel", str(stranger))


def test_a_block_whose_child_lives_is_not_cancelled(on_slurm: Watched, slurm: Slurm) -> None:
    child = child_of(on_slurm, manager_of(on_slurm))
    job = block(slurm, child)
    on_slurm.change("endpoint_logs.py", f"^DEAD_SECONDS = {HEARTBEATS}", f"DEAD_SECONDS = {HANGS_AFTER}")
    with on_slurm.monitor("--cancel-orphans"):
        alive = on_slurm.file.with_suffix(".alive")
        first = until(lambda: alive.exists() and alive.stat().st_mtime)
        until(lambda: alive.stat().st_mtime > first + 2)
    assert slurm.started(job)["JobState"] == "RUNNING"
    assert not on_slurm.said("which is dead")
    slurm.run("scancel", str(job))
