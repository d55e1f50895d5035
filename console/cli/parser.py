"""The command line. Exit codes: 0 good, 1 it failed, 2 bad use. What is heavy is imported only by who needs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from console import VERSION
from console.cli.output import readers_may_go
from console.settings.constants import NO_PROFILE, PROFILE_VARIABLE, THEME_NAMES

FLOWS_POLLING: dict[str, Any] = {
    "choices": ("quick", "real"),
    "help": "how the sandbox's Flows spaces its looks at an action: up to 2 s, or up to 10 min as Globus (quick)",
}
OpenScreen = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None, open_screen: OpenScreen | None = None) -> int:
    """Run a command; `open_screen` is called when none is given. Returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    options = _screen_options(arguments)
    if options is not None:
        return _screen(options, open_screen)
    with readers_may_go():
        options = _parser().parse_args(arguments)
        if options.command is not None:
            from console.cli import commands

            return commands.run(options)
    return _screen(options, open_screen)


def _screen(options: argparse.Namespace, open_screen: OpenScreen | None) -> int:
    # Textual reads the keys from stdin and draws on stderr.
    if open_screen is None or not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        print(
            "console: the screen needs a terminal. Without one: console status, launch, retry, cancel, watch, sandbox "
            "(console --help)",
            file=sys.stderr,
        )
        return 2
    if options.profile is None and not options.sandbox:
        print(f"console: {NO_PROFILE}", file=sys.stderr)
        return 2
    return open_screen(options)


class _PrintVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        print(f"console {VERSION}")
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """Tells bad use in one line, and where to read how it is used."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help)\n")


class _NotTheScreen(Exception):
    """The arguments are not those of the screen."""


class _ScreenParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _NotTheScreen


def _screen_options(arguments: Sequence[str]) -> argparse.Namespace | None:
    """The options when they are all options of the screen: it need not wait until all commands have their parsers.

    None otherwise, also when they are wrong: the parser of everything says what is wrong.
    """
    parser = _ScreenParser(add_help=False)
    _add_options_of_the_screen(parser)
    try:
        options, others = parser.parse_known_args(arguments)
    except _NotTheScreen:
        return None
    return None if others else options


def _add_options_of_the_screen(parser: argparse.ArgumentParser) -> None:
    profile = os.environ.get(PROFILE_VARIABLE)
    parser.set_defaults(command=None, json=False)
    parser.add_argument(
        "--profile", type=Path, metavar="FILE", default=Path(profile) if profile else None, help="profile (TOML)"
    )
    parser.add_argument("--sandbox", action="store_true", help="the screen on a complete sandbox, nothing else needed")
    parser.add_argument("--read-only", action="store_true", help="look only: no key changes anything")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument("--theme", choices=THEME_NAMES, help="the colours (auto: those that suit the terminal)")
    parser.add_argument("--flows-polling", **FLOWS_POLLING, default="quick")


def _parser() -> argparse.ArgumentParser:
    from console.cli import faults, flow_arguments, looking_arguments, site_kit
    from console.cli.completion import SHELLS

    parser = _Parser(
        prog="console",
        description="Operations console for automated experiment analysis at FRIB. Without a command: the screen.",
    )
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="show program's version number and exit")
    _add_options_of_the_screen(parser)
    common = _Parser(add_help=False)  # the profile may also stand after the command
    common.add_argument("--profile", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="profile (TOML)")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")

    def add(name: str, text: str, *, to: argparse._SubParsersAction[_Parser] = commands,
            json: bool = False) -> _Parser:  # fmt: skip
        command = to.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", parents=[common])
        if json:
            command.add_argument("--json", action="store_true", help="print one JSON object")
        return command

    def group(name: str, text: str) -> argparse._SubParsersAction[_Parser]:
        return add(name, text).add_subparsers(metavar="ACTION", dest="action", required=True)

    status = add("status", "what the ledger knows of all runs, or of one", json=True)
    status.add_argument("run", nargs="?", type=_run, metavar="RUN")

    looking_arguments.add_events(add("events", "what happened, and what happens", json=True), _run)
    looking_arguments.add_report(add("report", "what happened in a shift, and what to hand over"))
    looking_arguments.add_dossier(
        add("dossier", "all that is known of a run in one file, without secrets", json=True), _run
    )
    looking_arguments.add_preview(
        add("preview", "draw the spectra of a run's result against those of the run before it", json=True), _run
    )

    init = add("init", "ask for what a profile needs, and write it")
    init.add_argument("--from", dest="source", type=Path, metavar="PROFILE", help="offer what stands in this profile")
    add("doctor", "is everything there that a shift needs: GO or NO-GO, a line for each", json=True)
    preflight = add("preflight", "send one segment through the whole pipeline, and clean up", json=True)
    preflight.add_argument(
        "segment", nargs="?", type=Path, metavar="SEGMENT", help="a file (the smallest that is known)"
    )

    looking_arguments.add_note(add("note", "write a note on a run", json=True), _run)
    looking_arguments.add_claim(add("claim", "say that you see to a run", json=True), _run)

    launch = add("launch", "queue a run that is ready", json=True)
    launch.add_argument("run", type=_run_or_directory, metavar="RUN|DIR", help="a run number or a run directory")
    launch.add_argument("--dry-run", action="store_true", help="only validate: here, and at Flows when it answers")
    launch.add_argument("--anyway", action="store_true", help="although the run is incomplete or ended abnormally")

    add("cancel", "cancel the attempt under way", json=True).add_argument("run", type=_run, metavar="RUN")

    pause = add("pause", "launch nothing more in the whole experiment until it is resumed", json=True)
    pause.add_argument("--reason", metavar="TEXT", help="why; all others read it")
    add("resume", "launch again after a pause", json=True)
    of_runs = {
        "hold": "keep queued runs from being launched",
        "release": "launch held runs in their turn",
        "stream": "work on runs while they are recorded",
        "unstream": "work on runs after their end only",
    }
    for name, text in of_runs.items():
        add(name, text, json=True).add_argument("runs", type=_run, metavar="RUN", nargs="+")
    auto = add("auto", "launch runs by themselves when they are complete, or not", json=True)
    auto.add_argument("switch", choices=("on", "off"))

    retry = add("retry", "start a new attempt of what is missing", json=True)
    retry.add_argument("run", type=_run, metavar="RUN")
    retry.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    retry.add_argument("--from", dest="from_stage", metavar="STAGE", help="this stage and those after it once more")
    retry.add_argument("--segments", metavar="LIST", help="only these, such as 3,7-9; also from quarantine")
    retry.add_argument("--all", action="store_true", help="every stage once more")

    waive = add("waive", "make the next result without a segment", json=True)
    waive.add_argument("run", type=_run, metavar="RUN")
    waive.add_argument("segment", type=_run, metavar="SEG", help="number of the segment")
    waive.add_argument("--reason", metavar="TEXT", help="why; it stands beside the result")
    waive.add_argument("--undo", action="store_true", help="make it with the segment after all")

    accept = add("accept", "use the fit of a segment although hits were lost in it", json=True)
    accept.add_argument("run", type=_run, metavar="RUN")
    accept.add_argument("segment", type=_run, metavar="SEG", help="number of the segment")
    accept.add_argument("--reason", metavar="TEXT", help="why; it stands beside the result")
    accept.add_argument("--undo", action="store_true", help="do not use it after all")

    reprocess = add("reprocess", "do runs that have ended once more, behind live data", json=True)
    reprocess.add_argument("runs", metavar="RUNS", help="run numbers, such as 1200-1250,1300")
    reprocess.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    reprocess.add_argument("--from", dest="from_stage", metavar="STAGE", help="from this stage on, not from transfer")

    flow_arguments.add_bring_back(add("bring-back", "bring ROOT files from the site to the DTN", json=True), _run)

    watch = add("watch", "be the driver, in the foreground")
    watch.add_argument("--print-unit", action="store_true", help="only print a unit for systemd that does it")
    watch.add_argument("--background", action="store_true", help=argparse.SUPPRESS)
    watch.add_argument("--lifeline", action="store_true", help=argparse.SUPPRESS)

    alerts = group("alerts", "what somebody is called for")
    add("list", "the newest alerts", to=alerts, json=True)
    add("test", "send a test to all whom the profile names", to=alerts, json=True)

    driver = group("driver", "the background process that watches and launches")
    add("status", "who drives", to=driver, json=True)
    add("start", "start the driver if there is none", to=driver, json=True)
    take_over = add("take-over", "launch in place of another console that drives this experiment", to=driver, json=True)
    take_over.add_argument("--yes", action="store_true", help="do not ask")
    add("stop", "end the driver; what it launched goes on at Globus", to=driver, json=True)

    add("login", "log in to Globus in this terminal", json=True)
    add("logout", "revoke the login and forget it", json=True)
    add("whoami", "who the console is for Globus, until when, and what is missing", json=True)
    flow_arguments.add_flows(add, group("flows", "flow definitions: ours, and anybody's"))
    functions = group("functions", "the compute functions")
    add("register", "register them with Globus Compute", to=functions, json=True)
    add("check", "compare what is registered with what this console would register", to=functions, json=True)
    add("list", "what is registered", to=functions, json=True)
    endpoints = group("endpoints", "the compute endpoints")
    add("status", "ask Globus Compute how they are", to=endpoints, json=True)

    site = group("site", "the compute site: its state, a test fit, its endpoints, what is wrong, the kit in one file")
    site_status = add("status", "ask an endpoint how the site is", to=site, json=True)
    site_status.add_argument("--stage", choices=("fit", "convert", "analyze"), default="fit",
                             help="the stage whose endpoint is asked (fit)")  # fmt: skip
    test_fit = add("test-fit", "fit segments that are at the site already, outside of any flow", to=site, json=True)
    test_fit.add_argument("--run", type=_run, required=True, metavar="RUN", help="a run number")
    test_fit.add_argument("--segments", type=_run, required=True, nargs="+", metavar="SEG", help="segment numbers")
    add("doctor", "at the site: what is wrong with it, and what to do", to=site, json=True)
    bundle = add("bundle", "pack the kit and its installer into one file", to=site, json=True)
    bundle.add_argument("--output", type=Path, default=Path("kit.tar.gz"), metavar="FILE", help="the file (kit.tar.gz)")
    site_kit.add_endpoints(add("endpoints", "at the site: make, start, stop, delete its endpoints", to=site, json=True))
    site_kit.add_monitor(add("monitor", "at the site: keep its endpoints alive, and say how they are", to=site))

    completion = add("completion", "print what a shell needs to complete commands and options")
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")
    completion.set_defaults(parser=parser)

    sandbox = add("sandbox", "a sandbox without the screen: loopback Globus, DAQ and driver", json=True)
    sandbox.add_argument("--runs", type=_count, default=3, metavar="N", help="runs to take (3)")
    sandbox.add_argument("--segments", type=_count, default=4, metavar="M", help="segments of each run (4)")
    sandbox.add_argument("--events", type=_count, default=200, metavar="K", help="events of each segment (200)")
    sandbox.add_argument("--until-done", action="store_true", help="end when every run has its result")
    sandbox.add_argument("--keep", type=Path, metavar="DIR", help="work in this directory and leave it there")
    sandbox.add_argument("--port", type=int, default=0, metavar="P", help="port of the loopback Globus (any)")
    sandbox.add_argument("--scenario", type=Path, metavar="FILE", help="set the faults of this file (TOML) in time")
    engines, providers = ("workers", "endpoint"), ("local", "slurm")
    sandbox.add_argument(
        "--engine", choices=engines, default="workers", help="endpoint: the real one of Globus (workers)"
    )
    sandbox.add_argument("--provider", choices=providers, help="who starts a real one's blocks (local)")
    fault = add("fault", "make something go wrong in a running sandbox",
                to=sandbox.add_subparsers(metavar="ACTION", dest="action"), json=True)  # fmt: skip
    faults.add_arguments(fault)
    sandbox.add_argument("--flows-polling", **FLOWS_POLLING, default=argparse.SUPPRESS)
    sandbox.add_argument("--worker-counts", action="store_true", help="its endpoints tell how many workers they have")
    sandbox.add_argument("--speed", type=_factor, default=1.0, metavar="X", help="divides these intervals (1)")
    return parser


def _run(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a run number")
    return int(text)


def _run_or_directory(text: str) -> int | Path:
    return int(text) if text.isascii() and text.isdigit() else Path(text)


def _factor(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("expected a number above 0")
    return number


def _count(text: str) -> int:
    number = _run(text)
    if number == 0:
        raise argparse.ArgumentTypeError("expected a number above 0")
    return number
