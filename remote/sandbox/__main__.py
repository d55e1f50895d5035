"""The sandbox process: `python -m remote.sandbox --dir DIR`.

Writes its address to DIR/sandbox.json as soon as it answers. It ends on SIGTERM, SIGINT and SIGHUP and, with
--lifeline, when its stdin ends; nothing that it started is left then, nor after a SIGKILL (see `worker.py`).
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from remote.sandbox.compute.daemons import PROVIDERS, Daemons, Site
from remote.sandbox.compute.sdk import import_by_parts
from remote.sandbox.flows.engine import POLLINGS
from remote.sandbox.ids import DTN_COLLECTION, ENDPOINTS, SITE_COLLECTION
from remote.sandbox.server import SandboxConfig, build_world, serve, worker_environment
from remote.sandbox.world import World
from remote.signals import set_on_signal

N = TypeVar("N", int, float)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    set_on_signal(stop)
    import_by_parts()
    if options.lifeline:
        threading.Thread(target=_watch_stdin, args=(stop,), daemon=True).start()
    try:
        options.dir.mkdir(parents=True, exist_ok=True)
        with _only_one(options.dir):
            _run(options, stop)
    except OSError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace, stop: threading.Event) -> None:
    config = SandboxConfig(
        root=options.dir,
        workers=options.workers,
        speed=options.speed,
        rate=options.rate,
        polling=options.flows_polling,
        hints=not options.ignore_hints,
        daemons=options.endpoint_environment is not None,
        worker_counts=options.worker_counts,
    )
    world = build_world(config)
    logging.basicConfig(filename=world.root / "log" / "sandbox.log", level=logging.WARNING)
    announcement = world.root / "sandbox.json"
    try:
        server = serve(world, options.port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with _endpoints(options, config, world, f"http://127.0.0.1:{server.port}", stop):
            _write_private(announcement, json.dumps(_describe(world, server.port), indent=2) + "\n")
            stop.wait()
    finally:
        announcement.unlink(missing_ok=True)
        world.close()


@contextlib.contextmanager
def _endpoints(
    options: argparse.Namespace, config: SandboxConfig, world: World, url: str, stop: threading.Event
) -> Iterator[None]:
    """The real endpoints, online, if these are asked for. Raises OSError."""
    if not config.daemons:
        yield
        return
    home = world.root / "home"
    shutil.rmtree(home, ignore_errors=True)  # what a killed one has left would keep the daemons from starting
    home.mkdir(mode=0o700)
    environment = worker_environment(world.root / "tmp")
    site = Site(world.root / "site" / "kit", home, options.endpoint_environment / "bin", environment, options.provider)
    daemons = Daemons(site, url, world.token, world.root / "log")
    try:
        daemons.start(config.workers_of(), lambda name: world.compute.is_online(ENDPOINTS[name]), stop)
        yield
    finally:
        daemons.close()


def _describe(world: World, port: int) -> dict[str, object]:
    """What a client must know, as sandbox.json has it."""
    return {
        "schema": 1,
        "url": f"http://127.0.0.1:{port}",
        "token": world.token,
        "pid": os.getpid(),
        "identity": world.identity,
        "collections": {
            "dtn": {"id": DTN_COLLECTION, "root": str(world.root / "dtn")},
            "site": {"id": SITE_COLLECTION, "root": str(world.root / "site")},
        },
        "endpoints": ENDPOINTS,
        "kit": str(world.root / "site" / "kit"),
    }


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, and readable by nobody else at any moment."""
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


@contextlib.contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """A second sandbox in the same directory would take the first one's files. The lock goes with the process."""
    with (directory / "sandbox.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"another sandbox is running in {directory}; end it or choose another --dir") from None
        yield


def _watch_stdin(stop: threading.Event) -> None:
    try:
        while os.read(0, 4096):
            pass
    finally:
        stop.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m remote.sandbox", description="A loopback Globus on this machine.")
    parser.add_argument("--dir", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0: any free one")
    parser.add_argument("--workers", type=_positive(int), help="worker processes of each compute endpoint")
    parser.add_argument(
        "--speed",
        type=_positive(float),
        default=1.0,
        help="divides the intervals at which services poll, retry and notice (1)",
    )
    parser.add_argument(
        "--flows-polling", choices=POLLINGS, default="quick",
        help="the intervals at which Flows polls an action: real: 1, 2, 4 ... s up to 10 min; quick: up to 2 s (quick)",
    )  # fmt: skip
    parser.add_argument("--ignore-hints", action="store_true", help="resuming an active flow run changes nothing")
    parser.add_argument("--worker-counts", action="store_true", help="endpoints tell how many workers they have")
    parser.add_argument("--rate", type=_positive(float), help="bytes per second of each transfer")
    parser.add_argument(
        "--endpoint-environment", type=Path, help="the endpoints are real: the globus-compute-endpoint of this one"
    )
    parser.add_argument("--provider", choices=PROVIDERS, default="local", help="who starts their blocks (local)")
    parser.add_argument("--lifeline", action="store_true", help="end when stdin ends")
    return parser


def _positive(kind: Callable[[str], N]) -> Callable[[str], N]:
    def positive(text: str) -> N:
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"{text} is not positive")
        return value

    positive.__name__ = kind.__name__  # argparse names it: "invalid int value"
    return positive


if __name__ == "__main__":
    sys.exit(main())
