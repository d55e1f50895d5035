"""Whoever may run a registered function runs the kit of the site, on what lies below its root, with numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from globus_compute_sdk.serialize import PureSourceTextInspect

from flowspec.causes import of_reply
from remote.site import functions
from tests.site_fixture import Site
from tests.waiting import HANGS_AFTER

STAGES = ("fit", "convert", "analyze")
PATHS = ("input_dir", "output_dir", "log_dir", "marker")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.add_raw(7, 0)
    return site


def number(stage: str) -> int | list[int]:
    return [0] if stage == "analyze" else 0


# ---- the kit


@pytest.mark.parametrize("stage", STAGES)
def test_a_registered_function_runs_no_other_kit(site: Site, tmp_path: Path, stage: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "job.py").write_text(f"open({str(tmp_path / 'pwned')!r}, 'w')")
    sent = PureSourceTextInspect().serialize(functions.for_kit(str(site.kit))[stage])
    function = PureSourceTextInspect().deserialize(sent)
    for kit in (str(other), f"{site.kit}/../../other", f"{site.kit}/", "", None):
        reply = function(**site.request(stage, 7, number(stage)) | {"kit": kit})
        assert (reply["rc"], of_reply(reply).code) == (1, "failed.function")
        assert "registered for another kit: console functions register" in reply["cause"]
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("kit", ["/x", "/a 'q' \"d\" \\n ü $(x)", '/x"\nimport os  # ', "/x{y}%s"])
@pytest.mark.parametrize("stage", STAGES)
def test_the_kit_stands_in_the_text_as_what_it_is(kit: str, stage: str) -> None:
    function = functions.for_kit(kit)[stage]
    assert kit in function.__code__.co_consts
    assert function.__name__ == stage
    assert function.__doc__ == functions.of_stage.__doc__


def test_a_function_that_was_not_registered_runs_nothing(site: Site) -> None:
    assert functions.of_stage(**site.request("fit", 7, 0))["rc"] == 1


@pytest.mark.parametrize("stage", STAGES)
def test_a_job_runs_the_scripts_beside_it_whatever_kit_it_is_told(site: Site, stage: str) -> None:
    """Functions that were registered before tell it one."""
    if stage != "fit":
        assert site.run("fit", 7, 0)["rc"] == 0
    if stage == "analyze":
        assert site.run("convert", 7, 0)["rc"] == 0
    assert asked(site, stage, kit="/nowhere")["rc"] == 0


# ---- the paths


def asked(site: Site, stage: str, **instead: Any) -> dict[str, Any]:
    request = json.dumps(site.request(stage, 7, number(stage)) | instead)
    job = subprocess.run(
        [sys.executable, str(site.kit / "job.py"), stage], input=request, env=site.environment, cwd=site.node_local,
        capture_output=True, text=True, timeout=HANGS_AFTER,
    )  # fmt: skip
    reply: dict[str, Any] = json.loads(job.stdout)
    return reply


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize(
    "where", ["{root}/else", "{top}/../else", "{top}else", "else", "", "{root}", "{top}", "{top}/a/../.."]
)
def test_a_job_reads_and_writes_below_the_root_of_its_site_only(
    site: Site, tmp_path: Path, name: str, where: str
) -> None:
    (tmp_path / "else").mkdir()
    Path(f"{site.top}else").mkdir()
    before = sorted(tmp_path.rglob("*"))
    reply = asked(site, "fit", **{name: where.format(root=tmp_path, top=site.top)})
    assert (reply["rc"], reply["code"]) == (2, "failed.function")
    assert f"{name} " in reply["cause"]
    assert "is not below" in reply["cause"]
    assert [path for path in sorted(tmp_path.rglob("*")) if "__pycache__" not in path.parts] == before


@pytest.mark.parametrize("value", [7, None, ["/x"], "/x\0y"])
def test_what_is_no_path_is_a_bad_request(site: Site, value: Any) -> None:
    reply = asked(site, "fit", output_dir=value)
    assert (reply["rc"], reply["code"]) == (2, "failed.function")


def test_the_root_is_the_one_of_site_conf(site: Site, tmp_path: Path) -> None:
    (site.kit / "site.conf").write_text(f"TOP={tmp_path}/elsewhere\n")
    assert asked(site, "fit")["rc"] == 2
    (site.kit / "site.conf").write_text("TOP=$kit/..\n")
    assert asked(site, "fit")["rc"] == 0


def test_the_root_may_have_another_name_and_links_to_other_disks(site: Site, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(site.top)
    (tmp_path / "scratch").mkdir()
    (site.top / "fitted").symlink_to(tmp_path / "scratch")
    assert asked(site, "fit", log_dir=f"{tmp_path}/alias/logs/run7")["rc"] == 0
    assert list((tmp_path / "scratch").rglob("run-0007-00-fitted.evt"))


# ---- the numbers


@pytest.mark.parametrize(
    "hostile", ["a[$(touch pwned)]", "x[`touch pwned`0]", "1;touch pwned", "-1", "1e3", "", "12345678901"]
)
@pytest.mark.parametrize("name", ["fit_mpi", "convert", "analyze"])
@pytest.mark.parametrize("place", [0, 1])
def test_the_batch_scripts_compute_with_numbers_only(site: Site, name: str, hostile: str, place: int) -> None:
    (site.kit / "site.conf").write_text("TOP=$kit/..\n")
    arguments = ["7", "0"]
    arguments[place] = hostile
    environment = {**site.environment, "SLURM_SUBMIT_DIR": str(site.kit)}
    done = subprocess.run(
        ["bash", str(site.kit / f"run_compute_{name}.sl"), *arguments], env=environment, cwd=site.node_local,
        capture_output=True, text=True, timeout=HANGS_AFTER,
    )  # fmt: skip
    assert done.returncode == 2
    assert "number" in done.stderr
    assert not (site.node_local / "pwned").exists()
