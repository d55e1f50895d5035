"""A real Slurm on this machine for tests: `from tests.slurm_fixture import slurm` (session scope), or `running_slurm`.

munged, slurmctld and four slurmd of their own: directory, key and ports belong to this process alone, so that several
workers of pytest each have theirs. They run in the foreground and get SIGTERM when this process dies, however it does.
Four nodes of 256 CPUs and 500 GB, in name only, with the licences and the feature that the kit's job scripts ask for.
"""

from __future__ import annotations

import getpass
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from remote.site.kit.processes import end_with_parent
from tests.waiting import HANGS_AFTER, until

NODES = ("n1", "n2", "n3", "n4")
UNDER_WAY = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED"}
TRIES = 5  # of other ports, when somebody was quicker

CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket
SlurmctldPort={port}
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/%n.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=1000
ReturnToService=2
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
MinJobAge=3600
KillWait=2
SlurmdParameters=config_overrides
Licenses=scratch:100,cfs:100
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """`environment`: what every client of it needs, sbatch and squeue as well as whatever starts them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.configuration = directory / "slurm.conf"
        self.environment = {**os.environ, "SLURM_CONF": str(self.configuration)}
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}  # those of nodes by the node's name

    def run(self, *command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        options.setdefault("env", self.environment)
        return subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER, **options)

    def submit(self, *arguments: str | Path, **options: Any) -> int:
        """The number of the job: sbatch's arguments are the script's path with its own, options before it."""
        done = self.run("sbatch", "--parsable", *arguments, **options)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def job(self, number: int) -> dict[str, str]:
        """What scontrol tells of a job: JobState, Reason, ExitCode ..."""
        return self._shown("job", str(number))

    def node(self, name: str) -> dict[str, str]:
        return self._shown("node", name)

    def _shown(self, what: str, name: str) -> dict[str, str]:
        shown = self.run("scontrol", "--oneliner", "show", what, name)
        assert shown.returncode == 0, shown.stderr
        return dict(re.findall(r"([A-Za-z:/]+)=(\S*)", shown.stdout))

    def started(self, number: int) -> dict[str, str]:
        return self._when(number, lambda job: job["JobState"] != "PENDING")

    def ended(self, number: int) -> dict[str, str]:
        return self._when(number, lambda job: job["JobState"] not in UNDER_WAY)

    def _when(self, number: int, so: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        def found() -> dict[str, str] | None:
            job = self.job(number)
            return job if so(job) else None

        return until(found, every=0.1, told=lambda: str(self.job(number)))

    @contextmanager
    def node_in(self, state: str, nodes: str) -> Iterator[None]:
        """Nodes in DRAIN or DOWN for a while: `n1` or `n1,n2`."""
        told = self.run("scontrol", "update", f"NodeName={nodes}", f"State={state}", "Reason=a test")
        assert told.returncode == 0, told.stderr
        try:
            yield
        finally:
            self.run("scontrol", "update", f"NodeName={nodes}", "State=RESUME")

    @contextmanager
    def lost(self, node: str) -> Iterator[None]:
        """A node that has lost its power, and for a while nobody mends it."""
        _end(self.daemons[node])
        mark = f"SLURMD_NODENAME={node}"
        of_jobs = self.left(mark)
        _kill([step for step in set(map(_parent, of_jobs)) - set(of_jobs) if step in self.left()])  # they would report
        while left := self.left(mark):
            _kill(left)
        with self.node_in("DOWN", node):
            yield
            self.start(node)

    def start(self, daemon: str) -> None:
        """`munged`, `slurmctld` or that of a node."""
        of_munge = {"key-file": "munge.key", "seed-file": "munge.seed", "pid-file": "munged.pid"}
        of_munge |= {"socket": "munge.socket", "log-file": "munged.log"}
        name, *options = {
            "munged": [
                "munged",
                "--foreground",
                "--force",
                *(f"--{o}={self.directory / p}" for o, p in of_munge.items()),
            ],
            "slurmctld": ["slurmctld", "-D"],
        }.get(daemon, ["slurmd", "-D", "-N", daemon])
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert path, f"{name} is not installed: apt-get install slurm-wlm munge"
        with (self.directory / "daemons.out").open("ab") as out:
            self.daemons[daemon] = subprocess.Popen(
                [path, *options],
                env=self.environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_parent,
            )

    def left(self, mark: str = "") -> list[int]:
        """Processes that belong to it: daemons, steps, what jobs have started; or those with `mark` in the environment.
        It tells them by SLURM_CONF."""
        marks = {f"SLURM_CONF={self.configuration}".encode(), *([mark.encode()] if mark else [])}
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # gone, or another account's
                if marks <= set((process / "environ").read_bytes().split(b"\0")) and process.name != str(os.getpid()):
                    found.append(int(process.name))
        return found


@contextmanager
def running_slurm() -> Iterator[Slurm]:
    """A Slurm that takes jobs; with all that it started gone again when the block is left."""
    for _ in range(TRIES):
        with ExitStack() as stack:
            slurm = _start(stack)
            if slurm is not None:
                yield slurm
                return
    raise AssertionError(f"no Slurm came up in {TRIES} tries")


def _start(stack: ExitStack) -> Slurm | None:
    """None when a daemon did not come up, because a port was taken meanwhile."""
    directory = Path(tempfile.mkdtemp(prefix="slurm-"))  # a short path: that of a socket has 107 bytes
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    slurm = Slurm(directory)
    stack.callback(_kill_all_of, slurm)
    controller, *ports = _free_ports(1 + len(NODES))
    host = socket.gethostname().partition(".")[0]
    nodes = "".join(
        f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=256 RealMemory=500000 Feature=cpu\n"
        for node, port in zip(NODES, ports, strict=True)
    )
    text = CONFIGURATION.format(host=host, user=getpass.getuser(), directory=directory, port=controller)
    slurm.configuration.write_text(text + nodes)
    key = directory / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    directory.chmod(0o755)
    (directory / "state").mkdir()
    stack.callback(lambda: [_end(daemon) for daemon in reversed(slurm.daemons.values())])
    slurm.start("munged")
    until(lambda: (directory / "munge.socket").exists() or slurm.daemons["munged"].poll() is not None)
    for daemon in ("slurmctld", *NODES):
        slurm.start(daemon)
    stack.callback(slurm.run, "scancel", f"--user={getpass.getuser()}")

    def alive() -> bool:
        return all(daemon.poll() is None for daemon in slurm.daemons.values())

    def settled() -> bool:
        idle = slurm.run("sinfo", "--noheader", "--Node", "--states=idle", "--format=%N").stdout.split()
        return sorted(idle) == sorted(NODES) or not alive()

    until(settled, every=0.1, told=lambda: slurm.run("sinfo", "-Nl").stdout)
    return slurm if alive() else None


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _kill_all_of(slurm: Slurm) -> None:
    """Steps outlive their slurmd, and a job's processes their step."""
    while left := slurm.left():
        _kill(left)


def _kill(processes: list[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    time.sleep(0.02)


def _parent(process: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the kernel gives to whoever connects."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20000, 32000)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            found.append(port)
    return found


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    with running_slurm() as running:
        yield running
