"""job.py as a program, with the job scripts and the sandbox's tools, or with tools that misbehave."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import uproot

from tests.site_fixture import KIT, Site
from tests.synthetic_run import ordinary_events, segment
from tests.waiting import HANGS_AFTER


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def leftovers(directory: Path) -> list[str]:
    """Temporary files in a directory of outputs."""
    return [path.name for path in directory.rglob(".*")]


@pytest.mark.parametrize("run", [89, 12345])
def test_a_run_goes_through_all_three_stages(site: Site, run: int) -> None:
    """89, read with a leading zero, is what bash takes for a bad octal number. Segment 1 is waived: a gap."""
    for number in (0, 8):
        raw = site.add_raw(run, number)
        fitted = site.run("fit", run, number)
        assert (fitted["segment"], fitted["rc"]) == (number, 0)
        assert fitted["bytes"] == raw.stat().st_size + 3 * (168 + 4)
        assert (fitted["hits"], fitted["events"]) == ([6, 6], [3, 3])
        converted = site.run("convert", run, number)
        assert (converted["rc"], converted["entries"]) == (0, 3)
    analyzed = site.run("analyze", run, [0, 8])
    assert analyzed.keys() == {"rc", "bytes", "seconds", "node", "sha256", "peak", "cpu", "scratch"}

    result = site.top / "analyzed" / f"run-{run:04d}-sorted.root"
    with uproot.open(result) as file:
        assert file["energy"].member("fEntries") == 12
    log = site.log(run, "fit-08.log")
    assert [line for line in log.splitlines() if line.endswith("...") or line.startswith("...")][0:2] == [
        "Copying input...",
        "... Done",
    ]
    assert log.splitlines()[-3].startswith("Scratch ")
    assert log.splitlines()[-2:] == ["Moving output and cleaning up...", "... All done"]
    report = site.report(run, "analyze.json")
    assert report["sha256"] == analyzed["sha256"] == hashlib.sha256(result.read_bytes()).hexdigest()
    assert report["tail"][-1] == "... All done"
    assert list(site.node_local.iterdir()) == []
    assert leftovers(site.top) == []


def test_the_return_code_and_the_last_words_of_a_crash_are_told(site: Site) -> None:
    site.add_raw(7, 3)
    site.fake("EventEditor", "echo 'gsl: svd.c:148: ERROR: matrix is empty'; kill -ABRT $$\n")
    reply = site.run("fit", 7, 3)
    assert reply["segment"] == 3
    assert (reply["rc"], reply["code"], reply["parameters"]) == (134, "failed.abort", {"rc": 134})
    assert reply["cause"] == "return code 134: gsl: svd.c:148: ERROR: matrix is empty"
    assert "gsl: svd.c:148: ERROR: matrix is empty" in "\n".join(site.report(7, "fit-03.json")["tail"])
    assert not (site.top / "fitted" / "run7" / "run-0007-03-fitted.evt").exists()
    assert list(site.node_local.iterdir()) == []


@pytest.mark.parametrize("earlier", [False, True])
def test_success_without_output_is_a_failure(site: Site, earlier: bool) -> None:
    site.add_raw(7, 3)
    if earlier:
        assert site.run("fit", 7, 3)["rc"] == 0
    site.fake("EventEditor", "exit 0\n")
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.silent")
    assert "left no output run-0007-03-fitted.evt" in reply["cause"]


def test_a_reply_without_room_is_short_of_words_but_not_of_its_code(site: Site) -> None:
    site.add_raw(7, 3)
    (site.kit / "run_compute_fit_mpi.sh").write_text("printf 'x%.0s' {1..2000}; exit 9\n")
    reply = site.run("fit", 7, 3)
    assert (reply["code"], reply["parameters"]) == ("failed.abort", {"rc": 9})
    assert reply["cause"].endswith("xxx")
    assert len(json.dumps(reply)) <= 400


def test_a_request_that_cannot_be_understood_is_a_reply(site: Site) -> None:
    job = [sys.executable, str(site.kit / "job.py"), "fit"]
    done = subprocess.run(job, input=b"{}", stdout=subprocess.PIPE)
    reply = json.loads(done.stdout)
    assert (done.returncode, reply["rc"], reply["code"]) == (0, 2, "failed.function")


def test_a_program_that_had_too_little_memory_is_told_from_one_that_aborted(site: Site) -> None:
    site.add_raw(7, 3)
    (site.kit / "run_compute_fit_mpi.sh").write_text(
        "echo 'slurmstepd: error: Detected 1 oom_kill event' >&2; exit 137\n"
    )
    reply = site.run("fit", 7, 3)
    assert (reply["code"], reply["parameters"]["rc"]) == ("failed.memory", 137)


def test_what_a_failed_job_leaves_is_not_taken_by_the_next_stage(site: Site) -> None:
    """Neither its own bad output nor the good one of an earlier attempt."""
    site.add_raw(7, 3)
    good = site.top / "fitted" / "run7" / "run-0007-03-fitted.evt"
    assert site.run("fit", 7, 3)["rc"] == 0
    assert good.exists()
    for program in ("exit 134\n", LAST + 'echo hello >"$out"\n'):
        site.fake("EventEditor", program)
        assert site.run("fit", 7, 3)["rc"] != 0
        assert "is missing" in site.run("convert", 7, 3)["cause"]
    (site.fakes / "EventEditor").unlink()
    assert site.run("fit", 7, 3)["rc"] == 0
    assert [path.name for path in good.parent.iterdir()] == [good.name]


def test_even_a_job_script_that_lies_is_found_out(site: Site) -> None:
    """As the original's, which always ended with 0."""
    site.add_raw(7, 3)
    assert site.run("fit", 7, 3)["rc"] == 0
    (site.kit / "run_compute_fit_mpi.sh").write_text("exit 0\n")
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.silent")
    assert "succeeded without output" in reply["cause"]


SIZE = len(segment(ordinary_events(3)))
LAST = "for out; do [[ $out == file://*fitted.evt ]] && out=${out#file://} && break; done; in=${2#file://}\n"


@pytest.mark.parametrize(
    ("fault", "code", "parameters", "cause"),
    [
        ('head -c -20 "$in" >"$out"', "failed.spoilt", {}, "cut inside a ring item"),
        ('head -c 145 "$in" >"$out"', "failed.short", {"ends": 0, "given": 1}, "0 END_RUN items, its input 1"),
        (
            '{ cat "$in"; tail -c 129 "$in"; } >"$out"',
            "failed.short",
            {"ends": 2, "given": 1},
            "2 END_RUN items, its input 1",
        ),
        (
            '{ tail -c +146 "$in"; } >"$out"',
            "failed.short",
            {"items": 0, "given": 2},
            "0 items beside physics events and END_RUN, its input 2",
        ),
        ('{ cat "$in" "$in"; } >"$out"', "failed.short", {"ends": 2, "given": 1}, "2 END_RUN items, its input 1"),
        ('echo hello >"$out"', "failed.spoilt", {}, "cut inside a ring item"),
        ('{ cat "$in"; head -c 99 /dev/zero; } >"$out"', "failed.spoilt", {"offset": SIZE}, "no ring item at offset"),
    ],
)
def test_a_bad_fit_output_is_a_failure(
    site: Site, fault: str, code: str, parameters: dict[str, int], cause: str
) -> None:
    site.add_raw(7, 3)
    site.fake("EventEditor", LAST + fault + "\n")
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"], reply.get("parameters", {})) == (1, code, parameters)
    assert cause in reply["cause"]


def test_a_fit_that_only_copied_its_input_is_a_failure(site: Site) -> None:
    size = site.add_raw(7, 3).stat().st_size
    site.fake("EventEditor", LAST + 'cp "$in" "$out"\n')
    reply = site.run("fit", 7, 3)
    assert (reply["code"], reply["parameters"]) == ("failed.short", {"bytes": size, "given": size})
    assert "no larger than its input" in reply["cause"]


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("echo not root", "no ROOT file"),
        ("printf 'root\\0\\0\\377\\377\\0\\0\\0\\144\\0\\1\\0\\0%500s'", "is cut"),
        # What eeconverter leaves on a full disk: the header as it was when the file was opened.
        ("{ printf root; head -c 5000 /dev/zero; }", "was never closed, as after a full disk"),
    ],
)
def test_a_bad_root_file_is_a_failure(site: Site, fault: str, cause: str) -> None:
    site.add_raw(7, 3)
    assert site.run("fit", 7, 3)["rc"] == 0
    site.fake("eeconverter", f'{fault} >"$4"\n')
    reply = site.run("convert", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.spoilt")
    assert cause in reply["cause"]


def test_a_cut_input_is_fitted_as_far_as_it_goes(site: Site) -> None:
    """An operator may insist on an incomplete run; the reply says that the input was cut, and what does not count."""
    site.add_raw(7, 3, segment(ordinary_events(3))[:-40])
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["events"], reply["cut"]) == (0, [3, 3], 129 - 40)
    assert site.report(7, "fit-03.json")["given"]["tail"] == 129 - 40


def test_a_missing_input_is_named(site: Site) -> None:
    reply = site.run("convert", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.input")
    assert reply["parameters"] == {"file": "run-0007-03-fitted.evt"}
    assert reply["cause"] == "input run-0007-03-fitted.evt is missing"
    assert site.report(7, "convert-03.json")["cause"] == reply["cause"]


def test_analyze_lists_the_missing_segments_as_far_as_they_fit(site: Site) -> None:
    reply = site.run("analyze", 7, [2, 0, 5])
    assert (reply["rc"], reply["code"]) == (1, "failed.input")
    assert reply["missing"] == [0, 2, 5]
    many = site.run("analyze", 7, list(range(300)))
    assert many["missing"] == list(range(len(many["missing"])))
    assert "300 of 300 converted segments missing" in many["cause"]
    assert len(site.report(7, "analyze.json")["missing"]) == 300


def test_the_container_and_the_launcher_of_site_conf_are_used(site: Site) -> None:
    site.add_raw(7, 3)
    site.fake("shifter", f'printf "%s\\n" "$1" >>{site.fakes}/containers; shift; exec "$@"\n')
    site.fake("mpirun", f'printf "%s " "$@" >{site.fakes}/launched; shift 2; OMPI_COMM_WORLD_SIZE=8 exec "$@"\n')
    conf = 'CONTAINER=(shifter "--volume=$STAGE two words")\nRANKS=8\nLAUNCHER=(mpirun -np "$RANKS")\n'
    (site.kit / "site.conf").write_text(conf)
    assert site.run("fit", 7, 3)["rc"] == 0
    assert (site.fakes / "containers").read_text() == "--volume=fit two words\n"
    started = (site.fakes / "launched").read_text()
    assert started.startswith("-np 8 EventEditor -s file://")
    assert started.endswith("-c 2000 -n 5 -p mpi ")


@pytest.mark.parametrize("request_text", ["", "[]", "{}", '{"kit": "/", "run": "x"}'])
def test_a_bad_request_is_answered(request_text: str) -> None:
    job = [sys.executable, str(KIT / "job.py"), "fit"]
    done = subprocess.run(job, input=request_text, capture_output=True, text=True, timeout=HANGS_AFTER)
    assert done.returncode == 0
    assert json.loads(done.stdout)["rc"] == 2


@pytest.mark.parametrize("script", ["run_compute_fit_mpi.sh", "run_compute_convert.sh"])
def test_the_job_scripts_have_real_return_codes(site: Site, script: str) -> None:
    arguments = ["7", "0", str(site.top / "nowhere"), str(site.top / "out"), str(site.top / "logs")]
    done = subprocess.run(["bash", str(site.kit / script), *arguments], env=site.environment, timeout=HANGS_AFTER)
    assert done.returncode == 1
    assert "No such file" in "".join(path.read_text() for path in (site.top / "logs").iterdir())
    hostile = ["7;x", *arguments[1:]]
    done = subprocess.run(["bash", str(site.kit / script), *hostile], env=site.environment, capture_output=True)
    assert done.returncode == 1
    assert b"not a number" in done.stderr


def test_the_example_settings_are_valid_shell() -> None:
    ask = 'STAGE=fit; . "$1"; printf "%s|" "$CONTAINER" "${LAUNCHER[@]}" "$FIT_TIME_LIMIT"'
    command = ["bash", "-euc", ask, "bash", str(KIT / "site.conf.example")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "shifter|mpirun|--use-hwthread-cpus|--oversubscribe|-np|64|1740|"
