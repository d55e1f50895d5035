"""doctor.py at a site: each thing that can be missing is a line with its cause and what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.remote.site.test_site_status import site
from tests.site_fixture import Site
from tests.waiting import HANGS_AFTER

__all__ = ["site"]

Findings = dict[str, tuple[bool | None, str, str]]
SBATCH = "echo \"$@\" >>$(dirname $0)/tried\necho 'sbatch: Job 7 to start at 2026-07-01T14:00:00 using 1 processors'\n"


def ran(site: Site, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(site.kit / "doctor.py"), *options]
    return subprocess.run(
        command, env=site.environment, cwd=site.node_local, capture_output=True, text=True, timeout=HANGS_AFTER
    )


def found(site: Site, good: bool) -> Findings:
    """What was looked at: good or not, what was said of it, what to do."""
    done = ran(site, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["good"]) == (0 if good else 1, good), done.stdout + done.stderr
    return {line["what"]: (line["good"], line["said"], line["do"]) for line in document["findings"]}


@pytest.fixture
def well(site: Site) -> Site:
    """A site at which nothing is missing."""
    (site.kit / "site.conf").write_text("FIT_WORKERS=1\n")
    site.fake("squeue", "exit 0\n")
    site.fake("sbatch", SBATCH)
    site.fake("myquota", "echo '3 of 20 TB'\n")
    site.add_raw(7, 3)
    return site


def test_a_site_that_is_well_has_nothing_bad(well: Site) -> None:
    findings = found(well, good=True)
    assert {what for what, (good, _, _) in findings.items() if good is not True} == set()
    assert "3 events, " in findings["dry fit"][1]
    tried = (well.fakes / "tried").read_text().splitlines()
    assert len(tried) == 3
    assert all(line.startswith("--test-only ") for line in tried), "nothing was submitted"


def test_nothing_is_left_of_the_dry_fit(well: Site) -> None:
    before = sorted(well.top.rglob("*"))
    found(well, good=True)
    assert [path for path in sorted(well.top.rglob("*")) if path not in before and "__pycache__" not in str(path)] == []
    assert list(well.node_local.iterdir()) == []


def test_the_lines_for_people_say_the_same(well: Site) -> None:
    well.fake("sbatch", "echo 'sbatch: error: Invalid license specification' >&2; exit 1\n")
    done = ran(well)
    bad = [line for line in done.stdout.splitlines() if line.startswith("BAD ")]
    assert len(bad) == 3
    assert "Invalid license specification; correct account, qos, licences or constraint" in bad[0]
    assert done.stdout.splitlines()[-1].startswith("3 of ")
    assert done.returncode == 1


ENDPOINTS = """[DEFAULT]
account = m4386
qos = realtime
partition =
licenses = scratch,cfs
[frib-fit-mpi]
walltime = 00:30:00
[frib-convert]
qos = nonesuch
[at-home]
provider = LocalProvider
"""


def test_what_the_endpoints_ask_of_slurm_is_tried_as_well(well: Site) -> None:
    (well.kit / "endpoints.conf").write_text(ENDPOINTS)
    well.fake("sbatch", SBATCH + "case \"$*\" in *nonesuch*) echo 'sbatch: error: Invalid qos' >&2; exit 1 ;; esac\n")
    findings = found(well, good=False)
    assert findings["frib-fit-mpi"][0] is True
    assert "Invalid qos" in findings["frib-convert"][1]
    assert findings["frib-convert"][2].endswith("[frib-convert] in endpoints.conf")
    assert "at-home" not in findings
    asked = "--test-only --account=m4386 --qos=realtime --licenses=scratch,cfs --time=00:30:00 --nodes=1 --wrap=true"
    assert asked in (well.fakes / "tried").read_text().splitlines()


def test_an_endpoints_conf_that_cannot_be_read_is_bad_and_keeps_nothing_else(well: Site) -> None:
    (well.kit / "endpoints.conf").write_text("account = m4386\n")
    findings = found(well, good=False)
    assert "endpoints.conf: File contains no section headers" in findings["slurm"][1]
    assert findings["dry fit"][0] is True


def test_a_site_without_slurm_is_not_bad_but_told(well: Site) -> None:
    for program in ("squeue", "sbatch"):
        (well.fakes / program).unlink()
    assert found(well, good=True)["queue"][:2] == (None, "no squeue here: this machine has no Slurm")


def test_a_site_without_a_segment_says_what_the_dry_fit_wants(well: Site) -> None:
    (well.top / "rawdata" / "run7" / "run-0007-03.evt").unlink()
    good, said, _ = found(well, good=True)["dry fit"]
    assert good is None
    assert "no raw segment lies in" in said


@pytest.mark.parametrize(
    ("conf", "what", "said", "do"),
    [
        ("TOP=/nowhere/e21062", "top", "/nowhere/e21062 is not there", "TOP in site.conf"),
        ("TOP='", "site.conf", "unexpected EOF", "mend this line"),
        ("PATH=/usr/bin:/bin", "analyze program", "no betasort in PATH there", "the image in site.conf"),
        ("CONTAINER=(shifter --image=frib)", "fit container", "shifter", "is the image there"),
        ("FIT_VERSION=6.0", "fit.conf", "columns", "mend fit.conf or FIT_VERSION"),
    ],
)
def test_what_is_wrong_in_the_settings_is_named_with_what_to_do(
    well: Site, conf: str, what: str, said: str, do: str
) -> None:
    (well.kit / "site.conf").write_text(conf + "\n")
    good, its_words, todo = found(well, good=False)[what]
    assert good is False
    assert said in its_words
    assert do in todo


def test_a_site_without_settings_is_bad(well: Site) -> None:
    (well.kit / "site.conf").unlink()
    assert found(well, good=False)["site.conf"][2] == "copy site.conf.example and change it"


def test_an_image_that_is_gone_is_told_in_the_words_of_the_container(well: Site) -> None:
    well.fake("shifter", "echo 'FAILED to lookup docker image frib:v9' >&2; exit 1\n")
    (well.kit / "site.conf").write_text("CONTAINER=(shifter --image=frib:v9)\n")
    findings = found(well, good=False)
    assert all("FAILED to lookup docker image" in findings[f"{stage} container"][1] for stage in ("fit", "convert"))


def test_a_fit_that_fails_is_bad_with_its_cause(well: Site) -> None:
    well.fake("EventEditor", "echo 'error: no licence for GSL'; exit 3\n")
    good, said, _ = found(well, good=False)["dry fit"]
    assert (good, "no licence for GSL" in said) == (False, True)


def test_a_directory_of_another_account_is_bad(well: Site, tmp_path: Path) -> None:
    look = well.kit / "site_status.py"  # root may write anywhere
    look.write_text(look.read_text().replace("os.access(path, os.W_OK | os.X_OK)", "False"))
    findings = found(well, good=False)
    assert findings["top"][0] is False
    assert findings["scratch"][2] == "give this account the right to"


def test_a_full_scratch_is_bad(well: Site) -> None:
    look = well.kit / "site_status.py"
    look.write_text(look.read_text().replace("room.f_bavail * room.f_frsize", "4096"))
    assert found(well, good=False)["scratch"][2].startswith("make room")


def test_a_queue_that_does_not_answer_is_bad_and_nothing_is_tried_there(well: Site) -> None:
    well.fake("squeue", "sleep 300\n")
    answers = well.kit / "answers.py"
    answers.write_text(answers.read_text().replace("SECONDS = 20.0", "SECONDS = 0.5"))
    findings = found(well, good=False)
    assert findings["queue"][:2] == (False, "squeue has not answered in 0.5 s")
    assert "fit account" not in findings


def test_the_first_events_of_a_large_segment_are_enough(well: Site) -> None:
    from tests.synthetic_run import ordinary_events, segment

    well.add_raw(7, 3, segment(ordinary_events(900), 7))
    assert found(well, good=True)["dry fit"][1].startswith("200 events, ")
