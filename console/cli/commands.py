"""What each command does. A command returns its exit code; errors leave as one line on stderr."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from console.cli import (
    alert_commands,
    bring_back,
    doctor,
    events,
    flow_commands,
    functions,
    init,
    login_commands,
    queue_commands,
    remark_commands,
    retry_commands,
    site,
    site_kit,
    take_over,
)
from console.cli.asking import BadUse, Failure, as_json, ask, print_outcome, remotely, settings_of
from console.driver.process import ProcessProblem, start_driver, stop_driver
from console.ledger.presence import advice, driver
from console.ledger.store import Ledger, LedgerError
from console.settings.constants import EXIT_INTERNAL
from console.settings.errors import SettingsError
from console.settings.model import Settings
from console.settings.paths import refuse_missing_folders
from console.settings.private import told
from console.settings.profiles import load
from remote.globus.credentials import hidden

NEXT_DRIVER = "a console that is open starts the next one; to launch nothing, pause (console pause --reason TEXT)"


def run(options: argparse.Namespace) -> int:
    """Run the command that the options name."""
    name = f"{options.command} {options.action}" if getattr(options, "action", None) else options.command
    try:
        if options.read_only and not _only_looks(name, options):
            raise BadUse(f"--read-only: this console only looks, and {name} does something")
        return COMMANDS[name](options)
    except (BadUse, SettingsError) as error:
        return _fail(error, 2)
    except PermissionError as error:
        return _fail(Failure(told(error)), 1)
    except (Failure, LedgerError, ProcessProblem, OSError) as error:
        return _fail(error, 1)
    except sqlite3.OperationalError as error:  # a disk that is full or read-only
        return _fail(Failure(f"the ledger cannot be used: {error}"), 1)
    except KeyboardInterrupt:
        return 130
    except Exception:  # a fault of ours, whatever it is: its traceback without secrets
        return _fail(Failure(f"internal error\n{traceback.format_exc()}"), EXIT_INTERNAL)


def _fail(error: Exception, code: int) -> int:
    print(f"console: {hidden(str(error))}", file=sys.stderr)
    return code


def _only_looks(name: str, options: argparse.Namespace) -> bool:
    """A dossier makes one file, where it is told to. A launch that is only tried asks no driver; other dry
    runs do, with a request."""
    if name == "site endpoints":
        return options.do in site_kit.LOOKING
    return name in (*LOOKING, "dossier") or (name == "launch" and options.dry_run)


# ---- looking


def status(options: argparse.Namespace) -> int:
    from console.cli.status import status_json, status_text

    ledger = Ledger(settings_of(options).ledger, read_only=True)
    try:
        if options.json:
            print(as_json(status_json(ledger, options.run)))
        else:
            print(status_text(ledger, options.run))
    except KeyError:
        raise Failure(f"run {options.run} is not known: no such run directory was seen") from None
    return 0


def report(options: argparse.Namespace) -> int:
    from console.cli import report as command

    return command.report(options)


def dossier(options: argparse.Namespace) -> int:
    from console.cli import dossier as command

    return command.dossier(options)


def preview(options: argparse.Namespace) -> int:
    from console.cli import preview as command

    return command.preview(options)


def driver_status(options: argparse.Namespace) -> int:
    present = driver(settings_of(options).ledger)
    if present is None:
        return print_outcome(options, {"driver": None}, "no driver runs: console driver start")
    lines = [
        f"driven by {present.who}, pid {present.pid} on {present.host}, last heartbeat {present.beat_age:.0f} s ago",
        f"epoch {present.epoch}, of which {present.takeovers} began with a takeover",
        *([advice(present)] if present.hung else []),
        *([present.problem] if present.problem else []),
    ]
    return print_outcome(options, {"driver": asdict(present) | {"hung": present.hung}}, "\n".join(lines))


# ---- the driver


def driver_start(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    refuse_missing_folders(settings, options.profile)
    present = start_driver(settings, options.profile.resolve())
    return print_outcome(options, {"driver": asdict(present)}, f"driven by {present.who}, pid {present.pid}")


def driver_stop(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    stopped = stop_driver(settings.ledger)
    text = f"the driver (pid {stopped.pid}) has ended: {NEXT_DRIVER}" if stopped else "nobody was driving"
    return print_outcome(options, {"stopped": asdict(stopped) if stopped else None}, text)


def watch(options: argparse.Namespace) -> int:
    from console.driver.main import drive

    settings = settings_of(options)
    if options.print_unit:
        from console.driver.systemd import unit

        print(unit(settings.experiment, options.profile), end="")
        return 0
    if not options.background:
        refuse_missing_folders(settings, options.profile)
    mode = "sandbox" if options.lifeline else "background" if options.background else "foreground"
    return drive(lambda: load(options.profile), mode=mode, lifeline=options.lifeline)


# ---- acting


def launch(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    number = _run_number(settings, options.run)
    if options.dry_run:
        from console.cli.dry_run import dry_run

        faults, text = dry_run(settings, number)
        if faults:
            raise Failure(f"run {number} would not start: {'; '.join(faults)}")
        return print_outcome(options, {"run": number, "valid": True, "text": text}, text)
    return _request(options, settings, "launch", number, force=options.anyway)


def cancel(options: argparse.Namespace) -> int:
    return _request(options, settings_of(options), "cancel", options.run)


def _request(options: argparse.Namespace, settings: Settings, verb: str, number: int, **args: Any) -> int:
    answer = ask(options, settings, verb, number, **args)
    return print_outcome(options, {"run": number, "answer": answer}, answer)


def _run_number(settings: Settings, given: int | Path) -> int:
    """The run number of a number or of a run directory, which must be in the directory that is watched."""
    from flowspec.names import parse_run_directory

    if isinstance(given, int):
        return given
    directory = given.resolve()
    number = parse_run_directory(directory.name)
    if number is None or directory.parent != settings.dtn.runs.resolve():
        raise BadUse(f"{given}: expected a run number, or a directory run<N> in {settings.dtn.runs}")
    if not directory.is_dir():
        raise BadUse(f"{given}: no such directory")
    return number


# ---- deploying


def functions_register(options: argparse.Namespace) -> int:
    from console.cli.deployment import register_functions

    ids = remotely(lambda: register_functions(settings_of(options)))
    lines = [f"function {name}: {function}" for name, function in ids.items()]
    return print_outcome(options, {"functions": ids}, "\n".join([*lines, "a running driver uses them after a restart"]))


def endpoints_status(options: argparse.Namespace) -> int:
    from console.connect import COMPUTE_STAGES, remote

    settings = settings_of(options)
    compute = remotely(lambda: remote(settings).compute)
    found = []
    for stage in COMPUTE_STAGES:
        endpoint = getattr(settings.compute, stage.value).endpoint
        status = remotely(partial(compute.endpoint_status, endpoint))
        found.append({"stage": stage.value, "endpoint": endpoint, "online": status.online, "details": status.details})
    lines = [f"{e['stage']:8} {e['endpoint']} {'online' if e['online'] else 'OFFLINE'} {e['details']}" for e in found]
    return print_outcome(options, {"endpoints": found}, "\n".join(lines))


def sandbox_fault(options: argparse.Namespace) -> int:
    from console.cli.faults import carry_out
    from remote.sandbox.faults import FaultError

    try:
        document, text = carry_out(options, lambda: settings_of(options))
    except FaultError as error:
        raise BadUse(str(error)) from error
    return print_outcome(options, document, text)


def site_bundle(options: argparse.Namespace) -> int:
    from console.cli.site_bundle import bundle

    return bundle(options)


def sandbox(options: argparse.Namespace) -> int:
    from console.cli.sandbox_run import run_sandbox
    from remote.globus.errors import RemoteError
    from remote.sandbox.faults import FaultError

    try:
        return run_sandbox(options)
    except FaultError as error:
        raise BadUse(str(error)) from error
    except RemoteError as error:
        raise Failure(f"the loopback Globus: {error}") from error


def completion(options: argparse.Namespace) -> int:
    from console.cli.completion import script

    print(script(options.shell, options.parser), end="")
    return 0


# These change nothing anywhere.
LOOKING = (
    "status",
    "completion",
    "events",
    "report",
    "preview",
    "driver status",
    *alert_commands.LOOKING,
    "endpoints status",
    *flow_commands.LOOKING,
    *functions.LOOKING,
    *login_commands.LOOKING,
)
COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "init": init.init,
    "status": status,
    "events": events.events,
    "report": report,
    "dossier": dossier,
    "preview": preview,
    "doctor": doctor.doctor,
    "preflight": doctor.preflight,
    "launch": launch,
    "retry": retry_commands.retry,
    "waive": retry_commands.waive,
    "accept": retry_commands.accept,
    "reprocess": retry_commands.reprocess,
    "cancel": cancel,
    "pause": queue_commands.pause,
    "resume": queue_commands.resume,
    "hold": queue_commands.hold,
    "release": queue_commands.release,
    "stream": queue_commands.stream,
    "unstream": queue_commands.unstream,
    "auto": queue_commands.auto,
    "watch": watch,
    **alert_commands.COMMANDS,
    **remark_commands.COMMANDS,
    "driver status": driver_status,
    "driver start": driver_start,
    "driver stop": driver_stop,
    "driver take-over": take_over.take_over,
    **login_commands.COMMANDS,
    **flow_commands.COMMANDS,
    "bring-back": bring_back.bring_back,
    "functions register": functions_register,
    "functions check": functions.check,
    "functions list": functions.list_all,
    "endpoints status": endpoints_status,
    "site status": site.status,
    "site test-fit": site.test_fit,
    "site doctor": site_kit.doctor,
    "site bundle": site_bundle,
    "site endpoints": site_kit.endpoints,
    "site monitor": site_kit.monitor,
    "completion": completion,
    "sandbox": sandbox,
    "sandbox fault": sandbox_fault,
}
