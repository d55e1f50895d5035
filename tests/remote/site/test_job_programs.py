"""How the job scripts call the programs: threads of the fit, the words and the result of the analysis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uproot

from tests.site_fixture import KIT, TOOLS, Site
from tests.synthetic_run import ordinary_events, segment
from tests.waiting import HANGS_AFTER


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize(
    ("items", "most", "clumps"),
    [(0, 4, 1), (1, 4, 1), (2, 4, 1), (3, 4, 2), (7, 4, 4), (8, 4, 4), (99, 4, 4), (9, 1, 1)],
)
def test_clumps_are_counted_as_far_as_they_matter(tmp_path: Path, items: int, most: int, clumps: int) -> None:
    file = tmp_path / "run-0007-00.evt"
    file.write_bytes(b"".join((12 + n).to_bytes(4, "little") + bytes(8 + n) for n in range(items)))
    command = [sys.executable, str(KIT / "clumps.py"), str(file), "2", str(most)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{clumps}\n"


def test_garbage_is_one_clump(tmp_path: Path) -> None:
    file = tmp_path / "run-0007-00.evt"
    file.write_bytes(bytes(1000))
    command = [sys.executable, str(KIT / "clumps.py"), str(file), "2", "64"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=HANGS_AFTER)
    assert done.stdout == "1\n"


@pytest.mark.parametrize(("workers", "started"), [(1, 1), (2, 2), (64, 3)])
def test_threads_are_no_more_than_clumps(site: Site, workers: int, started: int) -> None:
    site.add_raw(7, 3, segment(ordinary_events(4001), 7))
    (site.kit / "site.conf").write_text(f"FIT_WORKERS={workers}\n")
    site.fake("EventEditor", f'echo "$*" >{site.fakes}/words\nexit 9\n')
    site.run("fit", 7, 3)
    assert (site.fakes / "words").read_text().endswith(f"-c 2000 -n {started} -p threaded\n")


def test_threads_meet_at_endpoints_of_their_own_job(site: Site) -> None:
    """The file's form is NSCLDAQ's: a number and a URI on a line."""
    site.add_raw(7, 3)
    site.fake("EventEditor", f'pwd >{site.fakes}/told; cat "$ZMQ_SERVICES" ./zmqservices >>{site.fakes}/told\nexit 9\n')
    site.run("fit", 7, 3)
    where, *lines = (site.fakes / "told").read_text().splitlines()
    assert Path(where).parent == site.node_local
    assert lines == [f"{number} ipc://service{number}" for number in (1, 2, 3)] * 2


def analyzed(site: Site, conf: str) -> dict[str, Any]:
    for stage in ("fit", "convert"):
        for number in (0, 4):
            assert site.run(stage, 89, number)["rc"] == 0
    (site.kit / "site.conf").write_text(conf)
    return site.run("analyze", 89, [0, 4])


@pytest.fixture
def site_with_raw_data(site: Site) -> Site:
    for number in (0, 4):
        site.add_raw(89, number)
    return site


def test_a_variant_of_betasort_gets_its_own_words_and_its_result_the_usual_name(site_with_raw_data: Site) -> None:
    site = site_with_raw_data
    site.fake(
        "sort it",
        f'printf "%s\\n" "$@" >{site.fakes}/words; mv "$2" "$2.x"; mkdir "$2"\n'
        f'{TOOLS}/betasort "$1" "$2" "$3" "$4" && mv "$2"/*.root "$2/Sorted run $3 & more.root"\n'
        'echo log >"$2/notes.txt"\n',
    )
    conf = (
        "ANALYZE_COMMAND=('sort it' {input}/ {output} {run} {segments} {run4} 120 '$HOME `id` my gate.dat' '')\n"
        "ANALYZE_RESULT='Sorted run {run}*.root'\n"
    )
    reply = analyzed(site, conf)
    assert reply["rc"] == 0, reply
    first, second, *others = (site.fakes / "words").read_text().splitlines()
    assert (Path(first).name, Path(second).name, first[-1], second[-1]) == ("in", "out", "/", "t")
    assert others == ["89", "2", "0089", "120", "$HOME `id` my gate.dat", ""]
    with uproot.open(site.top / "analyzed" / "run-0089-sorted.root") as file:
        assert file["energy"].member("fEntries") == 12
    assert [path.name for path in (site.top / "analyzed").iterdir()] == ["run-0089-sorted.root"]
    assert list(site.node_local.iterdir()) == []


@pytest.mark.parametrize(
    ("makes", "code", "words"),
    [
        ("", "failed.silent", "left no output Sorted*.root"),
        ("other.root 'a b'", "failed.silent", "left no output Sorted*.root, but a b other.root"),
        (
            "Sorted1.root Sorted2.root",
            "failed.function",
            "2 files match ANALYZE_RESULT=Sorted*.root: Sorted1.root Sorted2",
        ),
    ],
)
def test_one_file_is_the_result_of_an_analysis(site_with_raw_data: Site, makes: str, code: str, words: str) -> None:
    site = site_with_raw_data
    site.fake("betasort", f'cd "$2"; for name in {makes}; do echo root >"$name"; done\n')
    reply = analyzed(site, "ANALYZE_RESULT='Sorted*.root'\n")
    assert (reply["rc"], reply["code"]) == (1, code)
    assert words in reply["cause"]
    assert not (site.top / "analyzed" / "run-0089-sorted.root").exists()
