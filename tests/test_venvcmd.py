"""venvcmd itself: how it builds, and how it gets out of the way."""

from __future__ import annotations

import os
import signal
import stat
import statistics
import subprocess
import time
from pathlib import Path

import pytest

from tests.venvcmd_project import PYPROJECT, PYTHON, ROOT, UV, Project, demo_wheel
from tests.waiting import HANGS_AFTER, until


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.python()
    made.program("uv", UV)
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose environment is there already; for tests that only run commands."""
    made = Project(tmp_path_factory.mktemp("built"))
    made.python()
    made.program("uv", UV)
    assert made.run("python", "-c", "").returncode == 0
    return made


# ---- building


def test_the_first_call_builds_and_tells_on_stderr_and_the_next_is_silent(project: Project) -> None:
    first = project.run("python", "-c", "print(1)")
    assert (first.returncode, first.stdout) == (0, "1\n"), first.stderr
    lines = first.stderr.splitlines()
    assert all(line.startswith("venvcmd: ") for line in lines)
    steps = [line.removeprefix("venvcmd: ").split()[0] for line in lines if not line.endswith(" s)")]
    assert steps == ["making", "installing", "the"], lines
    second = project.run("python", "-c", "print(1)")
    assert (second.returncode, second.stdout, second.stderr) == (0, "1\n", "")
    assert project.installs() == 1


def test_pythons_that_do_not_serve_are_passed_over_and_pip_serves_without_uv(project: Project) -> None:
    (project.bin / "uv").unlink()
    project.program("python3.13", "#!/bin/sh\necho 'shim: python3.13: command not found' >&2\nexit 127\n")
    project.python("python3.12", 'case "$*" in *ensurepip*) exit 1 ;; esac')
    project.python("python3.11", 'case "$*" in "-m venv"*) exit 1 ;; esac')
    wheel, digest = demo_wheel(project)
    (project.dir / ".ci/requirements.txt").write_text(f"{wheel} --hash=sha256:{digest}\n")
    (project.dir / "pyproject.toml").unlink()
    ran = project.run("demo")
    assert (ran.returncode, ran.stdout) == (3, "hello\n"), ran.stderr
    assert "command not found" not in ran.stderr


def test_when_no_python_serves_one_line_says_what_to_install(project: Project) -> None:
    project.python(before="exit 1")
    ran = project.run("python", "-c", "")
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert "install Python 3.10 to 3.13" in ran.stderr
    assert "python3-venv" in ran.stderr


PRETEND_39 = """exec {python} -c 'import sys
sys.version_info = (3, 9, 18, "final", 0)
code, sys.argv = sys.argv[2], sys.argv[2:]
exec(code)' "$@"
"""


@pytest.mark.parametrize(
    ("before", "reason"),
    [(None, "does not run"), ("exit 127", "does not run"), (PRETEND_39.format(python=PYTHON), "it is Python 3.9")],
)
def test_a_bad_venvcmd_python_is_one_clear_line(project: Project, before: str | None, reason: str) -> None:
    chosen = project.bin / "chosen"
    if before is not None:
        project.python("chosen", before)
    ran = project.run("python", "-c", "", VENVCMD_PYTHON=str(chosen))
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert f"VENVCMD_PYTHON={chosen}" in ran.stderr
    assert reason in ran.stderr


def test_venvcmd_python_is_used_and_another_one_rebuilds(project: Project) -> None:
    project.python(before="exit 1")
    for name, installs in ("one", 1), ("one", 1), ("two", 2):
        chosen = project.python(name)
        assert project.run("python", "-c", "", VENVCMD_PYTHON=str(chosen)).returncode == 0
        assert project.installs() == installs
    assert project.run("python", "-c", "").returncode == 0  # without it, what is there is good
    assert project.installs() == 2


def test_two_first_calls_at_once_build_once(project: Project) -> None:
    held = project.hold()
    first = project.start("python", "-c", "print('first')")
    until(lambda: project.installs() == 1)
    second = project.start("python", "-c", "print('second')")
    assert second.stderr is not None
    assert "another venvcmd is building" in second.stderr.readline()
    held.unlink()
    assert first.communicate(timeout=HANGS_AFTER)[0] == "first\n"
    assert second.communicate(timeout=HANGS_AFTER) == ("second\n", "")
    assert project.installs() == 1


def test_a_build_killed_in_the_middle_is_not_mistaken_for_a_good_one(project: Project) -> None:
    held = project.hold()
    killed = project.start("python", "-c", "")
    until(lambda: (project.dir / ".venv/bin/half").exists())
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=HANGS_AFTER)
    held.unlink()
    ran = project.run("python", "-c", "print('good')")
    assert (ran.returncode, ran.stdout) == (0, "good\n"), ran.stderr
    assert project.installs() == 2
    assert not (project.dir / ".venv/bin/half").exists()


def test_when_only_venvcmd_is_killed_the_next_waits_for_its_installer(project: Project) -> None:
    held = project.hold()
    killed = project.start("python", "-c", "")
    until(lambda: project.installs() == 1)
    killed.kill()
    killed.wait(timeout=HANGS_AFTER)
    after = project.start("python", "-c", "print('good')")
    assert after.stderr is not None
    assert "waiting" in after.stderr.readline()
    held.unlink()
    assert after.communicate(timeout=HANGS_AFTER)[0] == "good\n"
    assert project.installs() == 2
    for pipe in killed.stdout, killed.stderr:
        assert pipe is not None
        pipe.close()


def test_a_failed_installation_is_told_and_tried_again(project: Project) -> None:
    fails = Path(f"{project.log}.fail")
    fails.touch()
    ran = project.run("python", "-c", "print('good')")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no network" in ran.stderr
    fails.unlink()
    assert project.run("python", "-c", "print('good')").stdout == "good\n"


def test_it_is_rebuilt_when_the_pins_change_and_when_it_cannot_run(project: Project) -> None:
    project.run("python", "-c", "")
    (project.dir / ".ci/requirements.txt").write_text("# other pins\n")
    assert project.run("python", "-c", "").returncode == 0
    assert project.installs() == 2
    moved = project.base / "moved"
    project.dir.rename(moved)
    project.dir = moved
    assert project.run("python", "-c", "").returncode == 0
    assert project.installs() == 3
    python = moved / ".venv/bin/python"
    python.unlink()
    python.symlink_to(project.base / "an interpreter that was taken away")
    assert project.run("python", "-c", "").returncode == 0
    assert project.installs() == 4


def test_changed_scripts_are_linked_without_a_new_installation(project: Project) -> None:
    assert project.run("greet").returncode == 3
    (project.dir / "pyproject.toml").write_text(PYPROJECT.replace("greet =", "salute =").replace("1.2", "1.3"))
    ran = project.run("salute")
    assert (ran.returncode, ran.stdout) == (3, "hello\n"), ran.stderr
    version = "import importlib.metadata as m; print(m.version('frib-stub'))"
    assert project.run("python", "-c", version).stdout == "1.3\n"
    assert project.installs() == 1


def test_the_environment_can_live_elsewhere_and_the_sources_stay_as_they_are(project: Project) -> None:
    before = sorted(project.dir.rglob("*"))
    ran = project.run("greet", VENVCMD_HOME=f"{project.base}/some where/", PYTHONDONTWRITEBYTECODE="1")
    assert (ran.returncode, ran.stdout) == (3, "hello\n"), ran.stderr
    assert sorted(project.dir.rglob("*")) == before


def test_a_directory_that_is_not_ours_is_left_alone(project: Project) -> None:
    precious = project.base / "precious"
    precious.mkdir()
    (precious / "data").touch()
    ran = project.run("python", "-c", "", VENVCMD_HOME=str(precious))
    assert ran.returncode == 1
    assert "was not made by venvcmd" in ran.stderr
    assert [path.name for path in precious.iterdir()] == ["data"]
    ran = project.run("python", "-c", "", VENVCMD_HOME=str(precious / "data/env"))
    assert ran.returncode == 1
    assert "cannot write to" in ran.stderr.splitlines()[0]


# ---- running


def test_arguments_exit_code_and_stdin_pass_through(built: Project) -> None:
    code = "import sys; print(sys.argv[1:], sys.stdin.read()); sys.exit(41)"
    args = ["", "two words", "it's", '"', "*", "$HOME", "--help", "new\nline"]
    ran = built.run("python", "-c", code, *args, stdin="from stdin")
    assert (ran.returncode, ran.stdout, ran.stderr) == (41, f"{args} from stdin\n", "")


def test_the_command_takes_the_place_of_venvcmd_and_gets_its_signals(built: Project) -> None:
    code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    process = built.start("python", "-c", code)
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=HANGS_AFTER)
    assert process.returncode == -signal.SIGTERM


def test_no_descriptor_of_the_build_stays_open(project: Project) -> None:
    opened = project.run("python", "-c", "import os; print(sorted(map(int, os.listdir('/dev/fd')))[:4])")
    assert opened.stdout == "[0, 1, 2, 3]\n"  # 3 is that of listdir


def test_any_directory_a_symlink_and_path_lead_to_the_same_environment(built: Project, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "absolute").symlink_to(built.dir / "venvcmd")
    (links / "relative").symlink_to("absolute")
    ways = [[str(built.dir / "venvcmd")], [str(links / "relative")], ["relative"], ["sh", "relative"]]
    for way in ways:
        cwd = links if way[0] == "sh" else tmp_path
        ran = subprocess.run(
            [*way, "python", "-c", "import sys, os; print(sys.prefix); print(os.getcwd())"],
            env=built.environ(PATH=f"{links}:{built.bin}"),
            cwd=cwd,
            capture_output=True,
            text=True,
        )
        assert ran.stdout.splitlines() == [f"{built.dir}/.venv", str(cwd)], ran.stderr
    assert built.installs() == 1


def test_a_file_runs_with_the_environments_python(built: Project, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/tell.py").write_text("import sys; print(sys.prefix, sys.argv[1:])")
    expected = f"{built.dir}/.venv ['a b']\n"
    for cwd, cmd in (tmp_path / "sub", "tell"), (tmp_path / "sub", "tell.py"), (tmp_path, "sub/tell"):
        assert built.run(cmd, "a b", cwd=cwd).stdout == expected


def test_programs_that_the_command_starts_find_the_environment(built: Project) -> None:
    code = "import subprocess; subprocess.run(['greet'])"
    assert built.run("python", "-c", code, PYTHONHOME="/nowhere").stdout == "hello\n"


def test_unknown_commands_and_usage(built: Project) -> None:
    unknown = built.run("no-such-thing")
    assert (unknown.returncode, unknown.stdout) == (127, "")
    assert len(unknown.stderr.splitlines()) == 1
    assert "no-such-thing" in unknown.stderr
    nothing = built.run(VENVCMD_HOME="/nonexistent/home")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert nothing.stderr.startswith("usage:")
    asked = built.run("--help", VENVCMD_HOME="/nonexistent/home")
    assert (asked.returncode, asked.stderr) == (0, "")
    for name in "VENVCMD_PYTHON", "VENVCMD_HOME", "VENVCMD_IMAGE", "VENVCMD_BIND":
        assert name in asked.stdout


def test_a_later_call_costs_little_beside_the_start_of_python(built: Project) -> None:
    def median(*command: str) -> float:
        seconds = []
        for _ in range(20):
            start = time.perf_counter()
            subprocess.run(command, env=built.environ(), check=True)
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds)

    nothing = ("-I", "-S", "-c", "")
    direct = median(f"{built.dir}/.venv/bin/python", *nothing)
    assert median(f"{built.dir}/venvcmd", "python", *nothing) < 5 * direct  # a build would take many times as long


# ---- in an image

APPTAINER = """#!/bin/sh
printf '%s\\n' "$@" >"$UV_LOG.args"
while [ "$1" != "an image.sif" ]; do shift; done
shift
exec "$@"
"""


@pytest.mark.parametrize("runtime", ["apptainer", "singularity"])
def test_an_image_runs_venvcmd_again_inside(project: Project, runtime: str) -> None:
    project.program(runtime, APPTAINER)
    settings = {"VENVCMD_IMAGE": "an image.sif", "VENVCMD_BIND": "/data one:/data,/scratch"}
    code = "import os, sys; print(os.environ.get('VENVCMD_IMAGE'), sys.argv[1:]); sys.exit(5)"
    ran = project.run("python", "-c", code, "two words", cwd=project.bin, **settings)
    assert (ran.returncode, ran.stdout) == (5, "None ['two words']\n"), ran.stderr
    args = Path(f"{project.log}.args").read_text().splitlines()
    assert args[: args.index("an image.sif")] == [
        "exec",
        *("--bind", str(project.dir)),
        *("--bind", f"{project.dir}/.venv"),
        *("--bind", str(project.bin)),
        *("--bind", "/data one:/data,/scratch"),
        *("--pwd", str(project.bin)),
    ]
    assert project.run("python", "-c", "").returncode == 0
    assert project.installs() == 2  # the image's environment is not taken for one of the native system


def test_an_image_without_a_runtime_is_one_clear_line(project: Project) -> None:
    ran = project.run("python", "-c", "", VENVCMD_IMAGE="an image.sif")
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert "apptainer" in ran.stderr


def test_venvcmd_is_executable() -> None:
    assert (ROOT / "venvcmd").stat().st_mode & stat.S_IXUSR
