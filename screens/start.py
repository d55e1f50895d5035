"""Opening the screen: on a profile, or on a sandbox that lives as long as the screen does."""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from console.driver.process import ProcessProblem
from console.driver.supervisor import Supervisor
from console.ledger.store import Ledger, LedgerError
from console.reading.run_list import SCREENFUL
from console.reading.snapshot import Snapshot, SnapshotReader
from console.settings.constants import EXIT_INTERNAL
from console.settings.errors import SettingsError
from console.settings.paths import refuse_missing_folders
from console.settings.private import told
from console.settings.validated import ScreenSettings, screen_settings
from screens import failure
from screens.options import ScreenOptions
from screens.profile import screen_options
from screens.terminal.suitable import forget_other_sizes, refuse_dumb_terminal

if TYPE_CHECKING:
    from console.cli.sandbox import Sandbox

LEAVE_SECONDS = 0.5  # for a last word in the ledger; a disk that hangs holds nobody up
SANDBOX_TRANSFER_RATE = 200_000  # bytes per second: slow enough to watch


class Processes:
    """The processes behind the screen: the supervisor of the driver, and the sandbox."""

    def __init__(self, supervisor: Supervisor | None, sandbox: Sandbox | None) -> None:
        self._supervisor, self._sandbox = supervisor, sandbox

    def problem(self) -> str | None:
        """What is wrong with them now, in one sentence."""
        of_sandbox = self._sandbox.problem() if self._sandbox else None
        return of_sandbox or (self._supervisor.problem() if self._supervisor else None)

    def starting(self) -> bool:
        """Whether a driver is being started."""
        return self._supervisor is not None and self._supervisor.starting()

    def sandbox_ended(self) -> bool:
        """True when there is nothing left to show."""
        return self._sandbox is not None and self._sandbox.ended()


def start(options: argparse.Namespace) -> int:
    """Show the screen until it is closed; returns the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # until the screen has its own: what was started must be ended
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with ExitStack() as stack:
        try:
            return _show(options, stack)
        except SettingsError as error:
            return _fail(error, 2)
        except OSError as error:
            return _fail(told(error), 1)
        except (LedgerError, ProcessProblem) as error:
            return _fail(error, 1)
        except KeyboardInterrupt:
            return 130
        except Exception as error:  # a fault of ours, whatever it is
            print(f"console: {failure.told(error, keep=not options.read_only)}", file=sys.stderr)
            return EXIT_INTERNAL


def _fail(error: Exception | str, code: int) -> int:
    from remote.globus.credentials import hidden

    print(f"console: {hidden(str(error))}", file=sys.stderr)
    return code


def _show(options: argparse.Namespace, stack: ExitStack) -> int:
    sandbox, supervisor, snapshot = None, None, None
    refuse_dumb_terminal(os.environ)
    if options.sandbox:
        sandbox, settings = _start_sandbox(stack, options.flows_polling)
        profile = sandbox.profile
    else:
        profile = options.profile.resolve()
        settings = screen_settings(profile, keep=not options.read_only)
        refuse_missing_folders(settings, profile)
        # A ledger that cannot be used is told before the screen opens; one that can only be read is shown.
        look = options.read_only
        with closing(Ledger(settings.ledger, must_exist=settings.ledger.exists(), read_only=look)) as ledger:
            snapshot = _newest_runs(ledger)
    shown = screen_options(settings, profile, options)
    if not options.read_only or sandbox:
        supervisor = Supervisor(settings.ledger, profile, lifeline=sandbox is not None)
        supervisor.start()
        stack.callback(supervisor.close)
    # A key's second look (its run's segments) waits for the next frame; frames are small here, so they may be many.
    os.environ.setdefault("TEXTUAL_FPS", "240")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    processes = Processes(supervisor, sandbox)
    code = _run_screen(shown, processes, snapshot)
    if processes.sandbox_ended():
        raise ProcessProblem(f"the sandbox is gone: {processes.problem()}")
    return code


def _run_screen(options: ScreenOptions, processes: Processes, snapshot: Snapshot | None) -> int:
    """Show the screen until the operator closes it, or until what it shows is lost; returns the exit code.

    `snapshot` is shown until the reader has read the ledger. Raises InternalFailure when it ends by its own fault.
    """
    from screens.app import ConsoleApp  # Textual comes last: the driver starts while it is imported

    forget_other_sizes(os.environ)
    app = ConsoleApp(options, processes=processes, snapshot=snapshot)
    threading.excepthook = app.thread_failed
    code = app.run(mouse=False)
    app.request_writer.join(LEAVE_SECONDS)
    if app.failure is not None:
        raise failure.InternalFailure from app.failure
    return code if code is not None else app.return_code or 0


def _newest_runs(ledger: Ledger) -> Snapshot | None:
    """What the first paint shows; None when it cannot be read: the screen opens, and its reader says what is wrong."""
    try:
        return SnapshotReader(ledger, SCREENFUL).snapshot()
    except (LedgerError, sqlite3.Error):
        return None


def _start_sandbox(stack: ExitStack, polling: str) -> tuple[Sandbox, ScreenSettings]:
    from console.cli.sandbox import Sandbox
    from remote.globus.errors import RemoteError

    sandbox = Sandbox(rate=SANDBOX_TRANSFER_RATE, polling=polling)
    stack.callback(sandbox.close)
    try:
        settings = sandbox.start(lambda text: print(f"console: {text}", file=sys.stderr, flush=True))
    except RemoteError as error:
        raise ProcessProblem(str(error)) from error
    sandbox.take_runs(0, segments=4, events=400, rate=2.0, pause=15.0)
    return sandbox, ScreenSettings.of(settings)
