"""Commands of the kit, run at the site: its doctor, its endpoints, the monitor of these. They need no console."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from console.cli.asking import BadUse, Failure, settings_of

ENDPOINT_ACTIONS = ("create", "start", "stop", "restart", "delete", "list", "status", "pin")
LOOKING = ("list", "status")


def add_endpoints(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("do", choices=ENDPOINT_ACTIONS, metavar="ACTION", help=", ".join(ENDPOINT_ACTIONS))
    parser.add_argument("names", nargs="*", metavar="NAME", help="endpoints (all); with pin: FUNCTION=ID")
    parser.add_argument("--yes", action="store_true", help="delete: do not ask")


def endpoints(options: argparse.Namespace) -> int:
    flags = [flag for flag, given in (("--yes", options.yes), ("--json", options.json)) if given]
    return _run(options, "endpoints.py", [options.do, *flags, *options.names])


def add_monitor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cancel-orphans", action="store_true", help="cancel blocks whose endpoint's child is dead")
    parser.add_argument("--print-scrontab", action="store_true", help="print what to put into scrontab, and end")


def monitor(options: argparse.Namespace) -> int:
    flags = {"--cancel-orphans": options.cancel_orphans, "--print-scrontab": options.print_scrontab}
    return _run(options, "monitor.py", [flag for flag, given in flags.items() if given])


def doctor(options: argparse.Namespace) -> int:
    return _run(options, "doctor.py", ["--json"] if options.json else [])


def _run(options: argparse.Namespace, program: str, arguments: Sequence[str]) -> int:
    """The program of the kit that the profile names, in this terminal; its exit code."""
    path = Path(settings_of(options).site.kit) / program
    if not path.parent.is_dir():
        command = " ".join(["python3", str(path), *arguments])
        raise BadUse(f"the kit {path.parent} is not on this machine: run it at the site: {command}")
    if not path.is_file():
        raise Failure(f"{path.parent} has no {program}: it is the kit of an older console; copy the new one")
    return subprocess.run([sys.executable, str(path), *arguments]).returncode
