"""The kit's job scripts by hand, as they are: sbatch on a real Slurm, with bubblewrap in the place of shifter.

site.conf is the example, with the places of this machine and 8 ranks.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.site_fixture import KIT, TOOLS, Site
from tests.slurm_fixture import NODES, Slurm, slurm
from tests.synthetic_run import FIT_CONFIG
from tests.waiting import until

__all__ = ["slurm"]
PROJECT = Path(__file__).parents[3]
RANKS = 8
STAND_INS = PROJECT / "tests/stand_ins"
PROGRAMS = "usr-opt/daq/12.0-013/bin"


class SlurmSite(Site):
    """A site whose jobs go through Slurm and start in the container of the example."""

    def __init__(self, root: Path, slurm: Slurm) -> None:
        super().__init__(root)
        self.slurm, self.opt = slurm, root / "usr-opt"
        self.programs = root / PROGRAMS
        self.programs.mkdir(parents=True)
        (self.opt / "ddastoys/lib").mkdir(parents=True)
        for program in ("EventEditor", "eeconverter", "betasort"):
            self.program(program, f'exec "{TOOLS / program}" "$@"\n')
        (self.kit / "fit.conf").write_text(FIT_CONFIG)
        self.configure()
        self.environment = {
            **slurm.environment,
            "PATH": f"{STAND_INS}:{os.environ['PATH']}",
            "FRIB_PYTHON": sys.executable,
            "SHIFTER_SITE": str(self.top),
            "SHIFTER_IMAGE": f"{PROJECT}:{Path(sys.prefix).resolve()}:{sys.base_prefix}",
            "SCRATCH": str(self.node_local),
        }

    def configure(self, **changed: str) -> None:
        """site.conf: the example but for what is changed."""
        text = (KIT / "site.conf.example").read_text()
        changed = {
            "TOP": shlex.quote(str(self.top)),
            "RANKS": str(RANKS),
            "FIT_CONFIGFILE": "fit.conf",
            **changed,
        }
        for name, value in changed.items():
            text, count = re.subn(rf"^{name}=.*$", lambda _, n=name, v=value: f"{n}={v}", text, flags=re.M)
            assert count == 1, name
        text = text.replace("/global/cfs/cdirs/m4386/opt-buster", str(self.opt))
        (self.kit / "site.conf").write_text(text)

    def program(self, name: str, body: str) -> None:
        """One of those inside the container. Another file each time: what runs cannot be written."""
        path = self.programs / f".{name}"
        path.write_text("#!/bin/bash\n" + body)
        path.chmod(0o755)
        path.replace(self.programs / name)

    def sbatch(self, script: str, *numbers: int, options: tuple[str, ...] = ()) -> int:
        arguments = [f"run_compute_{script}.sl", *map(str, numbers)]
        return self.slurm.submit(*options, *arguments, cwd=self.kit, env=self.environment)

    def said(self, job: int) -> str:
        """Slurm's file of the job and the logs, for who reads a test's failure."""
        files = [self.kit / f"slurm-{job}.out", *sorted(self.top.glob("logs/*/*.log"))]
        return "".join(f"--- {file.name}\n{file.read_text()}" for file in files)

    def made(self) -> list[str]:
        """Every output below the site's root, also one that is hidden because it is not finished."""
        stages = ("fitted", "converted", "analyzed")
        files = (path for stage in stages for path in (self.top / stage).rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.top)) for path in files)

    def processes(self, job: int) -> list[int]:
        """What the job has started and what still is there: by the number in its environment."""
        found = []
        for process in self.slurm.left():
            try:
                environment = Path(f"/proc/{process}/environ").read_bytes()
            except OSError:
                continue
            if f"SLURM_JOB_ID={job}".encode() in environment.split(b"\0"):
                found.append(process)
        return found


@pytest.fixture
def site(tmp_path: Path, slurm: Slurm) -> SlurmSite:
    return SlurmSite(tmp_path, slurm)


def test_three_stages_of_a_run_by_sbatch(site: SlurmSite) -> None:
    for number in (0, 1):
        site.add_raw(89, number)
    for script, arguments in (("fit_mpi", [(89, 0), (89, 1)]), ("convert", [(89, 0), (89, 1)]), ("analyze", [(89, 2)])):
        for job in [site.sbatch(script, *numbers) for numbers in arguments]:
            ended = site.slurm.ended(job)
            assert (ended["JobState"], ended["ExitCode"]) == ("COMPLETED", "0:0"), site.said(job)
            assert ended["Licenses"] == "scratch,cfs"
            assert site.processes(job) == []
    assert site.made() == [
        "analyzed/run-0089-sorted.root",
        *(f"converted/run89/run-0089-0{n}-fitted.root" for n in (0, 1)),
        *(f"fitted/run89/run-0089-0{n}-fitted.evt" for n in (0, 1)),
    ]
    log = site.log(89, "fit-01.log")
    assert "mpirun --use-hwthread-cpus --oversubscribe -np 8 EventEditor" in log


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--licenses=scratch,nonesuch",), "Invalid license specification"),
        (("--constraint=gpu",), "Invalid feature specification"),
        (("--mem=900G",), "Memory specification can not be satisfied"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_slurm_refuses_a_job_that_asks_for_what_it_has_not(
    site: SlurmSite, options: tuple[str, ...], words: str
) -> None:
    refused = site.slurm.run("sbatch", *options, "run_compute_fit_mpi.sl", "89", "0", cwd=site.kit)
    assert refused.returncode == 1
    assert words in refused.stderr
    assert site.made() == []


# Half an output, then nothing more, as ranks that wait for each other.
HANGS = 'out=${4#file://}\n[[ $OMPI_COMM_WORLD_RANK != 0 ]] || head -c 100000 /dev/zero >"$out"\nsleep 5000\n'
GROWS = """[[ $OMPI_COMM_WORLD_RANK == 0 ]] || sleep 5000
exec "$FRIB_PYTHON" -c "import time; grown = b'1' * 10**9; time.sleep(5000)"
"""


def test_a_job_that_is_cancelled_at_slurm_leaves_nothing(site: SlurmSite) -> None:
    site.program("EventEditor", HANGS)
    site.add_raw(89, 0)
    job = site.sbatch("fit_mpi", 89, 0)
    until(lambda: _all_ranks_hang(site, job))
    site.slurm.run("scancel", str(job))
    assert site.slurm.ended(job)["JobState"] == "CANCELLED"
    _nothing_is_left(site, job)


def test_a_job_at_its_time_limit_leaves_nothing(site: SlurmSite) -> None:
    site.program("EventEditor", HANGS)
    site.add_raw(89, 0)
    job = site.sbatch("fit_mpi", 89, 0)
    until(lambda: _all_ranks_hang(site, job))
    site.slurm.run("scontrol", "update", f"JobId={job}", "EndTime=now")  # its 30 minutes are over
    ended = site.slurm.ended(job)
    assert (ended["JobState"], ended["Reason"]) == ("TIMEOUT", "TimeLimit")
    _nothing_is_left(site, job)
    assert "DUE TO TIME LIMIT" in (site.kit / f"slurm-{job}.out").read_text()


def test_a_job_that_takes_more_memory_than_it_has_is_killed(site: SlurmSite) -> None:
    """By the step here; where Slurm has control groups by the kernel, and then the state is OUT_OF_MEMORY."""
    site.program("EventEditor", GROWS)
    site.add_raw(89, 0)
    job = site.sbatch("fit_mpi", 89, 0, options=("--mem=500M",))
    ended = site.slurm.ended(job)
    assert (ended["JobState"], ended["ExitCode"]) == ("FAILED", "0:9")
    _nothing_is_left(site, job)
    assert "Exceeded job memory limit" in (site.kit / f"slurm-{job}.out").read_text()


def test_a_job_whose_node_is_lost_is_run_again_by_slurm(site: SlurmSite) -> None:
    good = (site.programs / "EventEditor").read_text()
    site.program("EventEditor", HANGS)
    site.add_raw(89, 0)
    job = site.sbatch("fit_mpi", 89, 0)
    until(lambda: _all_ranks_hang(site, job))
    site.program("EventEditor", good.partition("\n")[2])
    with site.slurm.lost(site.slurm.job(job)["NodeList"]):
        site.slurm.run("scontrol", "update", f"JobId={job}", "StartTime=now")  # it would wait for two minutes
        ended = site.slurm.ended(job)
        assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), site.said(job)
    assert site.made() == ["fitted/run89/run-0089-00-fitted.evt"]
    until(lambda: not site.processes(job))


def test_jobs_wait_for_nodes_that_are_drained_and_those_there_go_on(site: SlurmSite) -> None:
    site.add_raw(89, 0)
    site.add_raw(89, 1)
    site.program("EventEditor", f'until [[ -e "${{0%/*}}/go" ]]; do sleep 0.1; done\nexec "{TOOLS}/EventEditor" "$@"\n')
    first = site.sbatch("fit_mpi", 89, 0)
    until(lambda: _is_fitting(site))
    with site.slurm.node_in("DRAIN", ",".join(NODES)):
        second = site.sbatch("fit_mpi", 89, 1)
        until(lambda: site.slurm.job(second)["Reason"] == "ReqNodeNotAvail,_UnavailableNodes:n[1-4]")
        (site.programs / "go").touch()
        assert site.slurm.ended(first)["JobState"] == "COMPLETED"
        assert site.slurm.job(second)["JobState"] == "PENDING"
    assert site.slurm.ended(second)["JobState"] == "COMPLETED"


def test_a_job_under_job_py_tells_its_number_at_slurm(site: SlurmSite) -> None:
    """As a worker in a block runs it: the report is what the console has to look it up at the site."""
    site.add_raw(89, 0)
    (site.top / "request.json").write_text(json.dumps(site.request("fit", 89, 0)))
    command = 'exec python3 "$0/job.py" fit <"$0/../request.json"'
    (site.top / "block.sh").write_text(f'#!/bin/bash\nexec bash -c {shlex.quote(command)} "$1"\n')
    job = site.slurm.submit("--cpus-per-task=8", site.top / "block.sh", site.kit, cwd=site.top, env=site.environment)
    assert site.slurm.ended(job)["JobState"] == "COMPLETED"
    report = site.report(89, "fit-00.json")
    assert (report["rc"], report["job_id"]) == (0, str(job)), report


def _all_ranks_hang(site: SlurmSite, job: int) -> bool:
    commands = [Path(f"/proc/{process}/cmdline") for process in site.processes(job)]
    return sum(_is(path, b"sleep\x005000\0") for path in commands) == RANKS


def _is(path: Path, command: bytes) -> bool:
    """False also when it has ended meanwhile."""
    try:
        return path.read_bytes() == command
    except OSError:
        return False


def _is_fitting(site: SlurmSite) -> bool:
    log = site.top / "logs/run89/fit-00.log"
    return log.exists() and "Fitting traces" in log.read_text()


def _nothing_is_left(site: SlurmSite, job: int) -> None:
    until(lambda: not site.processes(job), told=lambda: str(site.processes(job)))
    assert site.made() == []
