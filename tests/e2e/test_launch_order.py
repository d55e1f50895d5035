"""In which order a backlog is launched that lies there when the driver begins."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.discovery_fixture import EVENTS, item
from tests.pipeline_fixture import running_pipeline
from tests.sandbox_records import records, set_fault
from tests.waiting import HANGS_AFTER, until

RUNS = 300
# The driver; but its flow runs end at once, and so it need not wait until transfers have ended.
DRIVE = """
import sys
from console.actions import queue
from console.cli.parser import main
queue.TRANSFERS_AT_ONCE = 100
sys.exit(main(["--profile", sys.argv[1], "watch", "--background", "--lifeline"], None))
"""


def take(directory: Path, run: int) -> None:
    """A complete run of a few items; two and two have ended in the same second."""

    def state_change(kind: int, at: int) -> bytes:
        return item(kind, struct.pack("<IIIII81s", run, 0, at, 1000, 0, b"a title"))

    ended = 1_782_914_602 + run // 2 * 600
    (directory / f"run{run}").mkdir()
    head = item(12, struct.pack("<HH", 12, 0)) + state_change(1, ended - 500)
    (directory / f"run{run}" / f"run-{run:04d}-00.evt").write_bytes(head + EVENTS + state_change(2, ended))


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_a_backlog_is_launched_in_the_order_of_the_policy(tmp_path, monkeypatch, order):
    for name, value in {"ORDER": order, "MAX_IN_FLIGHT": "100", "AUTO_RETRIES": "0"}.items():
        monkeypatch.setenv(f"FRIB_CONSOLE__POLICY__{name}", value)
    with running_pipeline(tmp_path / "sandbox", speed=20) as pipeline:
        set_fault(pipeline.sandbox.directory, "transfer-failed", times=0)
        for run in range(1, RUNS + 1):
            take(pipeline.settings.dtn.runs, run)
        with (tmp_path / "log").open("wb") as log:
            driver = subprocess.Popen(
                [sys.executable, "-c", DRIVE, str(pipeline.profile)], stdin=subprocess.PIPE, stderr=log, env=os.environ
            )
            try:
                until(lambda: len(_launched(pipeline.sandbox.directory)) == RUNS, every=0.5)
            finally:
                driver.stdin.close()
                driver.wait(HANGS_AFTER)
        launched = _launched(pipeline.sandbox.directory)
        assert launched == sorted(launched, reverse=order == "newest")


def _launched(sandbox: Path) -> list[int]:
    """The runs of the flow runs, in the order in which the sandbox has started them."""
    tags = [tag for run in records(sandbox).flow_runs for tag in run["tags"] if tag.startswith("frib-")]
    return [int(tag.split("-")[1]) for tag in tags]
