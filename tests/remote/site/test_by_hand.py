"""The .sl scripts, as sbatch starts them: a copy of the file, somewhere, in the directory where sbatch was called."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.site_fixture import Site
from tests.waiting import HANGS_AFTER, until


class ByHand(Site):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.elsewhere = root / "home"
        self.elsewhere.mkdir()
        (self.kit / "site.conf").write_text("TOP=$kit/..\n")
        self.environment |= {"SLURM_JOB_ID": "4711", "SLURM_SUBMIT_DIR": str(self.elsewhere)}

    def sbatch(self, name: str, *arguments: str, slurm_knows: bool = True) -> subprocess.Popen[str]:
        script = self.kit / f"run_compute_{name}.sl"
        spooled = self.elsewhere / "slurm_script"
        spooled.write_bytes(script.read_bytes())
        command = shlex.quote(f"   Command={script} {' '.join(arguments)}")
        self.fake("scontrol", f"echo 'JobId=4711'; echo {command}\n" if slurm_knows else "exit 1\n")
        return subprocess.Popen(
            ["bash", str(spooled), *arguments],
            env=self.environment,
            cwd=self.elsewhere,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ends(self, name: str, *arguments: str, slurm_knows: bool = True) -> tuple[int, str, str]:
        """Return code, and what would stand in slurm-4711.out."""
        job = self.sbatch(name, *arguments, slurm_knows=slurm_knows)
        said, complaint = job.communicate(timeout=HANGS_AFTER)
        return job.returncode, said, complaint


@pytest.fixture
def site(tmp_path: Path) -> ByHand:
    return ByHand(tmp_path)


def test_a_run_goes_through_all_stages_by_hand_from_any_directory_and_says_so(site: ByHand) -> None:
    site.add_raw(89, 0)
    for name, arguments in (("fit_mpi", ("0089", "00")), ("convert", ("89", "0")), ("analyze", ("89", "0"))):
        rc, said, complaint = site.ends(name, *arguments)
        assert (rc, complaint) == (0, "")
        assert "of run 89" in said
        assert ": good, " in said
    assert (site.top / "analyzed" / "run-0089-sorted.root").exists()
    assert site.log(89, "convert-00.log").startswith("JobID 4711  Time ")


def test_the_report_of_a_job_is_the_same_for_both_ways(site: ByHand) -> None:
    site.add_raw(7, 3)
    by_globus = site.run("fit", 7, 3)
    reported = site.report(7, "fit-03.json")
    assert site.ends("fit_mpi", "7", "3")[0] == 0
    by_hand = site.report(7, "fit-03.json")
    assert by_hand.keys() == reported.keys()
    assert by_hand["started"] > reported["started"]
    same = ("segment", "rc", "bytes", "hits", "events", "stage", "sha256")
    assert [by_hand[name] for name in same] == [reported[name] for name in same]
    assert by_globus["bytes"] == by_hand["bytes"]


def test_a_job_that_lost_too_much_fails_by_hand_too(site: ByHand) -> None:
    site.add_raw(7, 3)
    site.fake("EventEditor", 'head -c 145 "${2#file://}" >"${4#file://}"\n')
    rc, said, _ = site.ends("fit_mpi", "7", "3")
    assert rc == 1
    assert said.startswith(
        "fit of run 7 segment 03: output run-0007-03-fitted.evt has 0 END_RUN items, its input 1\nlog "
    )
    assert site.report(7, "fit-03.json")["code"] == "failed.short"


def test_the_return_code_of_a_program_is_that_of_the_job(site: ByHand) -> None:
    site.add_raw(7, 3)
    site.fake("EventEditor", "echo out of luck; exit 7\n")
    rc, said, _ = site.ends("fit_mpi", "7", "3")
    assert (rc, said.splitlines()[0]) == (7, "fit of run 7 segment 03: return code 7: out of luck")


@pytest.mark.parametrize(("at_its_end", "code"), [(False, "failed.stopped"), (True, "failed.block")])
def test_what_slurm_ends_is_reported_before_it_is_killed(site: ByHand, at_its_end: bool, code: str) -> None:
    site.add_raw(7, 3)
    if at_its_end:
        site.environment["SLURM_JOB_END_TIME"] = "1790000000"
    running = site.fakes / "running"
    site.fake("EventEditor", f"touch {running}; sleep 600\n")
    job = site.sbatch("fit_mpi", "7", "3")
    until(running.exists)
    os.kill(job.pid, signal.SIGTERM)
    said, _ = job.communicate(timeout=HANGS_AFTER)
    assert job.returncode == 143
    assert "stopped by SIGTERM" in said
    assert site.report(7, "fit-03.json")["code"] == code
    assert list(site.node_local.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        (
            "fit_mpi",
            (),
            "usage: sbatch run_compute_fit_mpi.sl RUN SEGMENT, as in: sbatch run_compute_fit_mpi.sl 1217 1",
        ),
        ("analyze", ("7",), "usage: sbatch run_compute_analyze.sl RUN SEGMENTS"),
        ("convert", ("7", "0", "1"), "usage: sbatch run_compute_convert.sl RUN SEGMENT"),
        ("fit_mpi", ("7", "0;touch pwned"), "not a number: '0;touch pwned'"),
        ("fit_mpi", ("7", "x[$(touch pwned)]"), "not a number: 'x[$(touch pwned)]'"),
    ],
)
def test_bad_use_by_hand_is_told_in_one_line(site: ByHand, name: str, arguments: tuple[str, ...], words: str) -> None:
    rc, said, complaint = site.ends(name, *arguments)
    assert (rc, said) == (2, "")
    assert complaint.startswith(words)
    assert complaint.count("\n") == 1
    assert not list(site.top.parent.rglob("pwned"))


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        (None, "there is no site.conf in "),
        ("TOP=/x\nfalse\n", "site.conf cannot be read: it ends with an error"),
        ("TOP=/x\nCONTAINER=(\n", "site.conf cannot be read: "),
        ("cd /nowhere/at/all\n", "site.conf cannot be read: "),
    ],
)
def test_settings_that_are_missing_or_broken_are_told_and_not_by_bash(
    site: ByHand, conf: str | None, words: str
) -> None:
    (site.kit / "site.conf").unlink()
    if conf is not None:
        (site.kit / "site.conf").write_text(conf)
    rc, said, complaint = site.ends("fit_mpi", "7", "0")
    assert (rc, said) == (2, "")
    assert complaint.startswith(words)


def test_a_kit_that_slurm_does_not_know_of_is_looked_for_where_sbatch_was_called(site: ByHand) -> None:
    site.add_raw(7, 3)
    rc, said, complaint = site.ends("fit_mpi", "7", "3", slurm_knows=False)
    assert (rc, said) == (1, "")
    assert complaint == "the kit is not found: submit this file where it lies, beside byhand.py, or from there\n"
    site.environment["SLURM_SUBMIT_DIR"] = str(site.kit)
    assert site.ends("fit_mpi", "7", "3", slurm_knows=False)[0] == 0


def test_a_node_without_python_is_told(site: ByHand) -> None:
    for program in ("bash", "sed", "dirname", "timeout"):
        (site.fakes / program).symlink_to(f"/usr/bin/{program}")
    site.environment["PATH"] = str(site.fakes)
    rc, said, complaint = site.ends("convert", "7", "3")
    assert (rc, said) == (1, "")
    assert complaint.startswith("there is no python3 on ")


def test_an_input_that_is_missing_is_named_by_hand(site: ByHand) -> None:
    rc, said, complaint = site.ends("convert", "7", "3")
    assert (rc, complaint) == (1, "")
    assert said.startswith("convert of run 7 segment 03: input run-0007-03-fitted.evt is missing\n")
