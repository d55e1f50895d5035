"""Telling systemd how the driver is (sd_notify), where it was started by a unit of Type=notify."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import sys
from pathlib import Path

READY, ALIVE, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"
WATCHDOG_SECONDS = 60  # many beats of the driver; it ends itself earlier when only the talk to Globus hangs


def notify(state: str) -> None:
    """One datagram to the socket that systemd has named; never waits, and an absent systemd is no trouble."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
        sending.setblocking(False)
        sending.sendto(state.encode(), address)


def unit(experiment: str, profile: Path) -> str:
    """A unit for the systemd of an account, that runs this very console with this profile."""
    command = shlex.join([sys.executable, "-m", "console", "--profile", str(profile.resolve()), "watch"])
    return f"""[Unit]
Description=FRIB flow console: driver of {experiment}
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
WatchdogSec={WATCHDOG_SECONDS}
WorkingDirectory={Path(__file__).resolve().parents[2]}
ExecStart={command.replace("%", "%%")}
Restart=always
RestartSec=5

[Install]
WantedBy=default.target
"""
