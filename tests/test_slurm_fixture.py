"""The Slurm of the tests: several do not meet, and nothing of them is left, however a test ends."""

from __future__ import annotations

import pytest

from tests.slurm_fixture import NODES, Slurm, running_slurm
from tests.waiting import until


class SomethingFails(Exception):
    pass


def _jobs(slurm: Slurm) -> list[str]:
    return slurm.run("squeue", "--noheader", "--format=%A").stdout.split()


def test_two_slurms_do_not_meet_and_leave_nothing_when_a_test_fails() -> None:
    seen: list[Slurm] = []

    def fail_while_jobs_run() -> None:
        with running_slurm() as one, running_slurm() as other:
            seen.extend([one, other])
            assert one.node(NODES[-1])["RealMemory"] == "500000"
            # A child with a session of its own, which the step does not know.
            job = one.submit("--wrap=setsid sleep 5000 & sleep 5000", cwd=one.directory)
            until(lambda: one.job(job)["JobState"] == "RUNNING")
            assert (_jobs(one), _jobs(other)) == ([str(job)], [])
            raise SomethingFails

    with pytest.raises(SomethingFails):
        fail_while_jobs_run()
    assert len(seen) == 2
    for slurm in seen:
        assert slurm.left() == []
        assert not slurm.directory.exists()


def test_a_slurm_whose_ports_are_taken_comes_up_on_others(monkeypatch: pytest.MonkeyPatch) -> None:
    import tests.slurm_fixture as fixture

    with running_slurm() as first:
        taken = [int(line.partition("=")[2]) for line in first.configuration.read_text().splitlines()
                 if line.startswith("SlurmctldPort=")]  # fmt: skip
        choices = iter([taken + fixture._free_ports(4), fixture._free_ports(5)])
        monkeypatch.setattr(fixture, "_free_ports", lambda _: next(choices))
        with running_slurm() as second:
            assert next(choices, None) is None
            assert second.run("scontrol", "ping").stdout.count("UP") == 1
