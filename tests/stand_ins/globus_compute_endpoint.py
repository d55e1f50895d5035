"""Stands in for the package's globus-compute-endpoint, as docs and source have it and as it was seen to behave (4.19).

`start --detach` returns before endpoint.json and daemon.pid are there; the endpoint then renews daemon.pid. While that
is young another start ends with 73; `list` crashes. GCE_STALE: the seconds that are young (90 there). GCE_REFUSES: a
command that fails, with the words of why.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

HOME = Path(os.environ.get("GLOBUS_COMPUTE_USER_DIR") or Path.home() / ".globus_compute")
STALE = float(os.environ.get("GCE_STALE", "90"))
FILES = ("config.yaml", "user_config_template.yaml.j2", "user_config_schema.json")


def configure(arguments: list[str]) -> None:
    assert arguments[:2] == ["--multi-user", "false"]
    assert arguments[2:8:2] == ["--core-config", "--template-config", "--schema-config"]
    folder = HOME / arguments[8]
    folder.mkdir(parents=True)
    for name, given in zip(FILES, arguments[3:8:2], strict=True):
        shutil.copy(given, folder / name)
    print(f"Created profile for endpoint named <{folder.name}>")


def render(arguments: list[str]) -> None:
    import jinja2
    import yaml

    text = Path(arguments[arguments.index("-t") + 1]).read_text()
    json.loads(Path(arguments[arguments.index("-s") + 1]).read_text())
    try:
        engine = yaml.safe_load(jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text).render())
        assert engine["engine"]["type"] == "GlobusComputeEngine"
    except (jinja2.TemplateError, yaml.YAMLError, KeyError) as error:
        sys.exit(f"Traceback (most recent call last):\n{type(error).__name__}: {' '.join(str(error).split())}")


def start(arguments: list[str]) -> None:
    detach, name = arguments
    assert detach == "--detach"
    pid = HOME / name / "daemon.pid"
    if pid.exists() and time.time() - pid.stat().st_mtime <= STALE:
        print("Another instance of this endpoint is running.  (Perhaps on another login node?)", file=sys.stderr)
        sys.exit(73)
    pid.unlink(missing_ok=True)
    login = HOME / "storage.db"
    if not login.exists():
        time.sleep(0.3)  # Globus answers
        login.touch(exist_ok=False)  # another that found none has made it
    print(f"> Endpoint <{name}> starting in detached mode.")
    subprocess.Popen(
        [sys.executable, __file__, "run", name], start_new_session=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def run(arguments: list[str]) -> None:
    folder = HOME / arguments[0]
    time.sleep(0.1)  # Globus answers
    registered = folder / "endpoint.json"
    if not registered.exists():
        registered.write_text(json.dumps({"endpoint_id": str(uuid.uuid4())}))
    with (HOME / "stand-in.pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    pid = folder / "daemon.pid"
    signal.signal(signal.SIGTERM, lambda *_: (pid.unlink(missing_ok=True), os._exit(0)))
    pid.write_text(f"{os.getpid()}\n")
    while pid.exists():
        pid.touch()
        time.sleep(0.1)


def stop(arguments: list[str]) -> None:
    pid = HOME / arguments[0] / "daemon.pid"
    os.kill(int(pid.read_text()), signal.SIGTERM)
    while pid.exists():
        time.sleep(0.02)


def delete(arguments: list[str]) -> None:
    name, yes = arguments
    assert yes == "--yes"
    if (HOME / name / "daemon.pid").exists():
        sys.exit(f"Endpoint {name} is currently running.")
    shutil.rmtree(HOME / name)


def list_all(arguments: list[str]) -> None:
    sys.exit("AttributeError: 'Texttable' object has no attribute '_width'")


if __name__ == "__main__":
    command, *others = sys.argv[1:]
    refused, _, why = os.environ.get("GCE_REFUSES", "").partition(" ")
    if command == refused:
        sys.exit(why)
    with (HOME.parent / "calls").open("a") as calls:
        calls.write(" ".join([command, *others[-1:]]) + "\n")
    {"configure": configure, "render-user-config": render, "start": start, "run": run, "stop": stop, "delete": delete,
     "list": list_all}[command](others)  # fmt: skip
