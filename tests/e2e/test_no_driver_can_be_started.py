"""A console that cannot start a driver says why, in a real terminal, and has one as soon as it can."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys

from tests.driver_fixture import driving, experiment_in
from tests.tmux import terminal
from tests.waiting import HANGS_AFTER, until


def test_a_console_without_a_descriptor_left_says_so_and_drives_when_there_is_one(tmp_path):
    with (
        experiment_in(tmp_path / "experiment") as experiment,
        terminal(tmp_path / "window", "--profile", str(experiment.profile), size=(160, 40)) as window,
    ):
        window.wait_for("driver here")
        first = experiment.successor()
        (console,) = {process.pid for process in window.processes("bin/python", "bin/console")}
        _, hard = before = resource.prlimit(console, resource.RLIMIT_NOFILE)
        resource.prlimit(console, resource.RLIMIT_NOFILE, (3, hard))
        os.kill(first.pid, signal.SIGKILL)
        window.wait_for("no driver can be started, it is tried again by itself: Too many open files")
        assert experiment.present() is None
        resource.prlimit(console, resource.RLIMIT_NOFILE, before)
        second = experiment.successor(first)
        window.wait_for("driver here")
        until(lambda: "no driver can be started" not in window.text())
        assert second.pid != first.pid
        window.press("q")
        assert window.wait_for_end() == 0


def test_a_sandbox_without_a_screen_waits_until_a_driver_can_be_started_again(tmp_path):
    told, ledger = tmp_path / "told", tmp_path / "sandbox" / "ledger.db"
    options = ["--runs", "1", "--segments", "1", "--until-done", "--keep", tmp_path / "sandbox"]
    with told.open("w") as stderr:
        sandbox = subprocess.Popen([sys.executable, "-m", "console", "sandbox", *options], stderr=stderr)
    try:
        first = until(lambda: driving(ledger) if ledger.exists() else None)
        _, hard = before = resource.prlimit(sandbox.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(sandbox.pid, resource.RLIMIT_NOFILE, (3, hard))
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: "no driver can be started" in told.read_text())
        resource.prlimit(sandbox.pid, resource.RLIMIT_NOFILE, before)
        assert sandbox.wait(HANGS_AFTER) == 0, told.read_text()
    finally:
        sandbox.terminate()
        sandbox.wait()
    assert "there is a driver again" in told.read_text()
