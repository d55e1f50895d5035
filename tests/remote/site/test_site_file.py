"""The experiment is in site.conf: its container, environment and programs. Each word stays one, whatever is in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.site_fixture import TOOLS, Site

KEPT = 'printf "%s\\n" "$@" >{fakes}/{name}; '  # the words that a program got
CONTAINERS = {
    "shifter": ["--image=frib/image:v1", "--volume=/opt/a b:/usr/opt"],
    "podman-hpc": ["run", "--rm", "--volume=/opt/a b:/usr/opt", "frib/image:v1"],
    "apptainer": ["exec", "--bind=/opt/a b:/usr/opt", "frib/image:v1"],
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.add_raw(7, 3)
    return site


def configure(site: Site, conf: str) -> None:
    (site.kit / "site.conf").write_text(conf)


def words(site: Site, name: str) -> list[str]:
    return (site.fakes / name).read_text().splitlines()


def recording(site: Site, name: str, then: str) -> None:
    site.fake(name, KEPT.format(fakes=site.fakes, name=f"words-{name.replace(' ', '')}") + then + "\n")


# ---- the programs


def test_another_experiments_programs_need_no_code_of_ours(site: Site) -> None:
    """Its fitter copies what it does not fit, its tree has another name, and its sorter other arguments."""
    hostile = site.node_local / "{output} $(touch pwned) `id` 'q' \"d\" {run} *"
    hostile.mkdir()
    site.environment["TMPDIR"] = str(hostile)
    recording(site, "my fit", 'cp "$2" "$3"')
    recording(site, "my convert", f'exec {TOOLS}/eeconverter -s "file://$1" -f "$2"')
    recording(site, "my sort", f'exec {TOOLS}/betasort "$1/" "$2/" "$3" "$4"')
    configure(
        site,
        "FIT_COMMAND=('my fit' '--of={run}/{segment2}' '{input}' '{output}' '{workers}{workers}'\n"
        "    '{a,b} {input' '$HOME')\n"
        "FIT_GROWS=no\nCONVERT_TREE=\n"
        "CONVERT_COMMAND=('my convert' '{input}' '{output}' '{run4}-{segment}' '')\n"
        "ANALYZE_COMMAND=('my sort' '{input}' '{output}' '{run}' '{segments}' 'my gate.dat')\n",
    )
    fitted = site.run("fit", 7, 3)
    assert (fitted["rc"], fitted["hits"]) == (0, [6, 6]), fitted
    converted = site.run("convert", 7, 3)
    assert (converted["rc"], "entries" in converted) == (0, False), converted
    assert site.run("analyze", 7, [3])["rc"] == 0
    of, given, made, workers, *others = words(site, "words-myfit")
    assert (of, workers, others) == ("--of=7/03", "11", ["{a,b} {input", "$HOME"])
    for path, name in ((given, "in/run-0007-03.evt"), (made, "out/run-0007-03-fitted.evt")):
        assert path.startswith(f"{hostile}/frib-fit.")
        assert path.endswith(f"/{name}")
    assert words(site, "words-myconvert")[2:] == ["0007-3", ""]
    assert words(site, "words-mysort")[2:] == ["7", "1", "my gate.dat"]
    assert list(hostile.iterdir()) == []
    assert not list(site.top.parent.rglob("pwned"))


@pytest.mark.parametrize(
    ("stage", "conf"), [("fit", "FIT_GROWS=no\n"), ("convert", "CONVERT_TREE=\n")], ids=["fit", "convert"]
)
def test_what_an_output_is_judged_by_is_a_setting(site: Site, stage: str, conf: str) -> None:
    if stage == "convert":
        assert site.run("fit", 7, 3)["rc"] == 0
    site.fake("EventEditor", 'cp "${2#file://}" "${4#file://}"\n')
    site.fake("eeconverter", f'exec {TOOLS}/eeconverter "$@" -c 2\n')  # fewer entries than events
    assert site.run(stage, 7, 3)["code"] == "failed.short"
    configure(site, conf)
    assert site.run(stage, 7, 3)["rc"] == 0


def test_a_fit_of_another_library_is_not_asked_for_the_columns_of_fit_conf(site: Site) -> None:
    (site.kit / "fit.conf").write_text("no columns at all\n")
    assert site.run("fit", 7, 3)["code"] == "failed.fitconf"
    configure(site, "FIT_COMMAND=(cp '{input}' '{output}')\nFIT_GROWS=no\n")
    assert site.run("fit", 7, 3)["rc"] == 0


@pytest.mark.parametrize("stage", ["fit", "convert", "analyze"])
def test_a_program_that_is_not_there_is_named_with_its_setting(site: Site, stage: str) -> None:
    for before in ("fit", "convert")[: ("fit", "convert", "analyze").index(stage)]:
        assert site.run(before, 7, 3)["rc"] == 0
    configure(site, f"{stage.upper()}_COMMAND=(no-such-program '{{input}}')\n")
    reply = site.run(stage, 7, [3] if stage == "analyze" else 3)
    assert reply["code"] == "failed.function"
    assert f"there is no program no-such-program ({stage.upper()}_COMMAND in site.conf)" in reply["cause"]


def test_the_launcher_that_is_not_there_is_named(site: Site) -> None:
    configure(site, "LAUNCHER=(no-mpirun -np 4)\nRANKS=4\n")
    assert "there is no program no-mpirun (LAUNCHER in site.conf)" in site.run("fit", 7, 3)["cause"]


# ---- the container


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_job_runs_in_the_container_that_is_named(site: Site, container: str) -> None:
    recording(site, container, 'until [[ $1 == bash ]]; do shift; done; exec "$@"')
    site.fake("EventEditor", f'echo "$SECRET_OF_FIT" >{site.fakes}/environment; exec {TOOLS}/EventEditor "$@"\n')
    configure(
        site,
        f"CONTAINER={container}\nIMAGE=frib/image:v1\nVOLUMES=('/opt/a b:/usr/opt')\n"
        "CONTAINER_OPTIONS=(--module=none)\nENVIRONMENT=('SECRET_OF_FIT=$(id) two')\n",
    )
    reply = site.run("fit", 7, 3)
    assert reply["rc"] == 0, reply
    started = words(site, f"words-{container}")
    assert [word for word in started if word in CONTAINERS[container]] == CONTAINERS[container]
    assert "--module=none" in started
    assert started[started.index("bash") + 1 :][:3] == [str(site.kit / "run_compute_fit_mpi.sh"), "7", "3"]
    assert ("--env=SLURM_JOB_ID" in started) is (container == "podman-hpc")
    has_site = any(word.endswith(f"={site.top}:{site.top}") for word in started)
    assert has_site is (container != "shifter")
    assert any(word.endswith(f"={site.kit}:{site.kit}") for word in started) is has_site
    assert words(site, "environment") == ["$(id) two"]
    assert f"Container {container}, image frib/image:v1" in site.log(7, "fit-03.log")


@pytest.mark.parametrize(
    ("conf", "cause"),
    [
        ("CONTAINER=shifter\n", "no image for shifter (IMAGE in site.conf)"),
        (
            "CONTAINER=shifter\nIMAGE=x\nVOLUMES=(opt:/usr/opt)\n",
            "no volume FROM:TO: 'opt:/usr/opt' (VOLUMES in site.conf)",
        ),
        ("CONTAINER=no-shifter\n", "there is no program no-shifter (CONTAINER in site.conf)"),
        ("CONTAINER=apptainer\nIMAGE=x.sif\n", "there is no program apptainer (CONTAINER in site.conf; image x.sif)"),
        ("ENVIRONMENT=('two words')\n", "no NAME=VALUE: 'two words' (ENVIRONMENT in site.conf)"),
    ],
)
def test_what_is_wrong_with_the_settings_of_a_container_is_a_line(site: Site, conf: str, cause: str) -> None:
    configure(site, conf)
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.function")
    assert reply["cause"].endswith(cause)


def test_an_image_that_is_not_there_is_told_in_the_words_of_the_container(site: Site) -> None:
    site.fake("shifter", "echo 'ERROR: Failed to lookup image frib/none' >&2; exit 1\n")
    configure(site, "CONTAINER=shifter\nIMAGE=frib/none\n")
    reply = site.run("fit", 7, 3)
    assert reply["code"] == "failed.function"
    assert reply["cause"].endswith(
        "nothing ran in the container (shifter, image frib/none): ERROR: Failed to lookup image frib/none"
    )


def test_a_program_that_fails_in_its_container_is_not_blamed_on_that(site: Site) -> None:
    site.fake("shifter", 'until [[ $1 == bash ]]; do shift; done; exec "$@"\n')
    site.fake("EventEditor", "echo out of luck; exit 3\n")
    configure(site, "CONTAINER=shifter\nIMAGE=frib/image\n")
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (3, "failed.abort")
    assert reply["cause"].endswith("return code 3: out of luck")


def test_a_container_that_meets_a_full_disk_is_about_the_disk(site: Site) -> None:
    site.fake("shifter", "echo 'cannot unpack: No space left on device' >&2; exit 1\n")
    configure(site, "CONTAINER=shifter\nIMAGE=frib/image\n")
    assert site.run("fit", 7, 3)["code"] == "failed.space"


def test_no_directory_for_temporary_files_is_told_with_its_variable(site: Site) -> None:
    site.environment["TMPDIR"] = str(site.node_local / "gone")
    reply = site.run("fit", 7, 3)
    assert reply["code"] == "failed.function"
    assert reply["cause"].endswith(f"no directory for temporary files can be made in {site.node_local}/gone (TMPDIR)")
    assert len(json.dumps(reply)) <= 400
