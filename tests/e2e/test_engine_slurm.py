"""The pipeline through the unmodified globus-compute-endpoint, in blocks of a real Slurm."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.test_engine_endpoint import assert_all_is_judged, processes_of, run_home
from tests.slurm_fixture import Slurm, slurm
from tests.waiting import until

__all__ = ["slurm"]


def test_the_real_endpoint_brings_a_run_home_through_slurm(tmp_path: Path, slurm: Slurm) -> None:
    reports = run_home(tmp_path / "kept", "slurm", slurm.environment)
    assert_all_is_judged(reports)
    blocks = {report["stage"]: report["job_id"] for report in reports}
    assert len(set(blocks.values())) == 3, blocks  # a block of each endpoint
    assert all(report["job_id"] == blocks[report["stage"]] for report in reports)
    for block in blocks.values():
        slurm.ended(int(block))
    until(lambda: not processes_of(tmp_path / "kept"), told=lambda: str(processes_of(tmp_path / "kept")))
