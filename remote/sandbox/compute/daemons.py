"""The real compute endpoints: the unmodified globus-compute-endpoint, started against this sandbox.

They know of nothing but HOME and the proxy: the daemon's address for local services is fixed, and a proxy brings its
requests to any port. HOME is below the sandbox's directory, and whatever they start dies with the sandbox.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remote.sandbox.compute.processes import MARK
from remote.sandbox.ids import IDENTITY

PROVIDERS = ("local", "slurm")
HEARTBEAT_SECONDS = 5
START_SECONDS = 120.0
_OF_A_SITE = """\
[DEFAULT]
contact = operator@sandbox.invalid
environment = {environment}
interface = lo
provider = {provider}
constraint = cpu
licenses = scratch,cfs
max_blocks = 1
"""
_OF_AN_ENDPOINT = """
[{name}]
stage = {stage}
workers_per_node = {workers}
cores_per_node = {workers}
walltime = 05:00:00
"""
_STAGES = {"frib-fit-mpi": "fit", "frib-convert": "convert", "frib-analysis": "analyze"}
_RENDER = "import json, endpoint_files as e; print(json.dumps({n: e.rendered(w, {}) for n, w in e.wanted().items()}))"


@dataclass(frozen=True)
class Site:
    """Where the daemons run: `kit` has the templates of endpoints, `home` is theirs alone, `programs` the bin/ of their
    environment, `environment` that of the workers. `provider` is one of PROVIDERS; SLURM_CONF says of which Slurm."""

    kit: Path
    home: Path
    programs: Path
    environment: Mapping[str, str]
    provider: str


class Daemons:
    """A process for each endpoint. `url` and `secret` are the sandbox's; what they write goes to files in `log`."""

    def __init__(self, site: Site, url: str, secret: str, log: Path) -> None:
        self._site = site
        self._service = {
            "GLOBUS_COMPUTE_CLIENT_ID": IDENTITY,  # an endpoint starts a child only for its owner
            "GLOBUS_COMPUTE_CLIENT_SECRET": secret,
            "GLOBUS_SDK_SERVICE_URL_AUTH": f"{url}/",
            "http_proxy": url,
        }
        self._log = log
        self._keepers: dict[str, subprocess.Popen[bytes]] = {}
        # Not below the sandbox's directory: Parsl makes sockets there, and the name of one has 107 bytes.
        self._temporary = tempfile.mkdtemp(prefix="frib-endpoints-")

    def start(self, workers: Mapping[str, int], online: Callable[[str], bool], stop: threading.Event) -> None:
        """Start those of these names, with so many workers in a block, until each is `online` (or `stop`).

        One after the other: they share a file of tokens, which two that find none would both make. Raises OSError when
        one does not come, with the last line that it wrote.
        """
        for name, files in _templates(self._site, workers).items():
            keeper = self._keepers[name] = self._start(name, files)
            until = time.monotonic() + START_SECONDS
            while not online(name):
                if keeper.poll() is not None or time.monotonic() > until:
                    raise OSError(f"the endpoint {name} did not start: {_last_line(self._log / f'{name}.log')}")
                if stop.wait(0.05):
                    return

    def close(self) -> None:
        """No process of theirs is left when this returns, and no block waits."""
        for keeper in self._keepers.values():
            if keeper.stdin is not None:
                keeper.stdin.close()
        for keeper in self._keepers.values():
            keeper.wait()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _start(self, name: str, files: Mapping[str, str]) -> subprocess.Popen[bytes]:
        told = self._told(uuid.uuid4())
        folder = self._site.home / ".globus_compute" / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file, text in {**files, "config.yaml": _yaml(_of_manager(name))}.items():
            (folder / file).write_text(text)
        (folder / "user_environment.yaml").write_text(_yaml(told))  # an account with privileges passes nothing else on
        take_back = ["scancel", "--name", told["SBATCH_JOB_NAME"]] if self._site.provider == "slurm" else []
        command = [str(self._site.programs / "globus-compute-endpoint"), "start", name]
        with (self._log / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "remote.sandbox.compute.keeper", *take_back, "--", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self._site.home,
                env={**told, **self._service, "PYTHONPATH": str(Path(__file__).parents[3])},
                start_new_session=True,
            )

    def _told(self, mark: uuid.UUID) -> dict[str, str]:
        """The environment of a daemon and all that it starts; all of this has the mark."""
        given = self._site.environment
        home = str(self._site.home)
        return {
            **{name: given[name] for name in ("FRIB_PYTHON", "SLURM_CONF", "LANG") if name in given},
            "PATH": os.pathsep.join([str(self._site.programs), given["PATH"]]),
            "TMPDIR": self._temporary,
            "HOME": home,
            "CWD": home,
            "SBATCH_JOB_NAME": f"sandbox-{mark}",  # stronger than the name in the script that Parsl writes
            MARK: str(mark),
        }


def _of_manager(name: str) -> dict[str, Any]:
    """Not the kit's: it is for this service, beats more often, and the functions are not registered yet."""
    return {
        "display_name": name,
        "local_compute_services": True,
        "heartbeat_period": HEARTBEAT_SECONDS,
        "email": "operator@sandbox.invalid",  # demanded of an account with privileges
    }


def _templates(site: Site, workers: Mapping[str, int]) -> dict[str, dict[str, str]]:
    """What the kit makes of its own templates for each endpoint: texts by the name of their file.

    Raises OSError with what the kit complains of.
    """
    provider = {"local": "LocalProvider", "slurm": "SlurmProvider"}[site.provider]
    text = _OF_A_SITE.format(environment=site.programs.parent, provider=provider)
    for name, count in workers.items():
        text += _OF_AN_ENDPOINT.format(name=name, stage=_STAGES[name], workers=count)
    (site.kit / "endpoints.conf").write_text(text)
    ran = subprocess.run([sys.executable, "-B", "-c", _RENDER], cwd=site.kit, capture_output=True, text=True)
    if ran.returncode:
        raise OSError(f"the kit makes no endpoints: {ran.stderr.strip().splitlines()[-1:]}")
    made: dict[str, dict[str, str]] = json.loads(ran.stdout)
    return made


def _yaml(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"  # which is YAML too


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), f"nothing in {path}")
