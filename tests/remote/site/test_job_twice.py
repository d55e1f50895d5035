"""A task whose block is lost is executed again, late: beside itself, or when another attempt does its work already."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.site_fixture import TOOLS, Site
from tests.waiting import HANGS_AFTER, until


class HeldSite(Site):
    """Each fit waits until it is let go; `begun` counts them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (self.fakes / "begun").mkdir()
        wait = f"touch {self.fakes}/begun/$$\nwhile [[ ! -e {self.fakes}/go ]]; do sleep 0.05; done\n"
        self.fake("EventEditor", f'{wait}exec {TOOLS}/EventEditor "$@"\n')

    def begun(self) -> int:
        return len(list((self.fakes / "begun").iterdir()))

    def let_go(self) -> None:
        (self.fakes / "go").touch()

    def files(self) -> dict[str, tuple[bytes, int]]:
        """What lies at the site, but for the markers: content and time."""
        there = [path for path in self.top.rglob("*") if path.is_file() and "cancelled" not in path.parts]
        return {str(path.relative_to(self.top)): (path.read_bytes(), path.stat().st_mtime_ns) for path in there}


@pytest.fixture
def site(tmp_path: Path) -> HeldSite:
    site = HeldSite(tmp_path)
    site.add_raw(7, 3)
    return site


def test_two_executions_at_once_leave_one_whole_output(site: HeldSite) -> None:
    jobs = [site.start("fit", 7, 3), site.start("fit", 7, 3)]
    until(lambda: site.begun() == 2)
    site.let_go()
    replies = [json.loads(job.communicate(timeout=HANGS_AFTER)[0]) for job in jobs]
    assert [reply["rc"] for reply in replies] == [0, 0]
    fitted = site.top / "fitted" / "run7"
    assert [path.name for path in fitted.iterdir()] == ["run-0007-03-fitted.evt"]
    both = next(fitted.iterdir()).read_bytes()
    assert {reply["bytes"] for reply in replies} == {len(both)}
    assert list(site.node_local.iterdir()) == []
    assert site.run("fit", 7, 3)["rc"] == 0
    assert next(fitted.iterdir()).read_bytes() == both, "as one alone makes it"


def test_the_second_execution_of_a_cancelled_attempt_touches_nothing_of_the_next_one(site: HeldSite) -> None:
    site.let_go()
    assert site.run("fit", 7, 3, without="marker")["rc"] == 0  # of the next attempt, whose marker is not there
    made = site.files()
    site.marker(7).mkdir(parents=True)
    assert site.run("fit", 7, 3)["code"] == "failed.cancelled"
    assert site.files() == made


def test_a_job_that_a_cancel_ends_leaves_what_the_next_attempt_has_delivered(site: HeldSite) -> None:
    ended = site.start("fit", 7, 3)
    until(lambda: site.begun() == 1)
    (site.fakes / "EventEditor").unlink()
    assert site.run("fit", 7, 3, without="marker")["rc"] == 0
    output = site.top / "fitted" / "run7" / "run-0007-03-fitted.evt"
    made = output.read_bytes()
    site.marker(7).mkdir(parents=True)
    assert json.loads(ended.communicate(timeout=HANGS_AFTER)[0])["code"] == "failed.cancelled"
    assert output.read_bytes() == made
    assert [path.name for path in output.parent.iterdir()] == [output.name]
