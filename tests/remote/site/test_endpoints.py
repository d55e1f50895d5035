"""The compute endpoints at the site: made, started, pinned, deleted; and what is told when something is not right."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from tests.endpoint_fixture import NAMES, LoginNode
from tests.waiting import HANGS_AFTER

FIT, CONVERT, ANALYZE, CANARY = (f"3f0d6a52-6f0e-4f5e-9a55-0f6c7f1f2f1{n}" for n in range(4))
PIN = (f"fit={FIT}", f"convert={CONVERT}", f"analyze={ANALYZE}", f"canary={CANARY}")
PYTHONS = [*map(str, sorted((Path.home() / ".pyenv/versions").glob("3.6*/bin/python3"))), sys.executable][:1]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[LoginNode]:
    node = LoginNode(tmp_path)
    yield node
    node.close()


def config(node: LoginNode, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((node.endpoints / name / "config.yaml").read_text())
    return found


def engine(node: LoginNode, name: str, **options: int) -> dict[str, Any]:
    """As the endpoint renders it for a task with these options."""
    text = (node.endpoints / name / "user_config_template.yaml.j2").read_text()
    found: dict[str, Any] = yaml.safe_load(Environment().from_string(text).render(**options))["engine"]
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# ---- what is made


def test_endpoints_are_made_and_started_with_the_resources_of_2024(node: LoginNode) -> None:
    said = node.did("create")
    shapes = {}
    for name in NAMES:
        made = engine(node, name)
        provider = made["provider"]
        assert provider["type"] == "SlurmProvider"
        assert (provider["account"], provider["qos"]) == ("m4386", "realtime")
        assert provider["scheduler_options"] == "#SBATCH -C cpu --licenses=scratch,cfs"
        assert made["address"] == {"type": "address_by_interface", "ifname": "hsn0"}
        assert "partition" not in provider, "it has no value"
        shapes[name] = (made["max_workers_per_node"], provider["cores_per_node"], provider["max_blocks"],
                        provider["walltime"], made.get("mem_per_worker"))  # fmt: skip
        assert f"{name}: started, id {json.loads((node.endpoints / name / 'endpoint.json').read_text())['endpoint_id']}"
        assert f"{name}: started" in said
    assert shapes == {
        "frib-fit-mpi": (2, 128, 20, "00:30:00", None),
        "frib-convert": (256, 256, 5, "01:00:00", None),
        "frib-analysis": (5, 128, 5, "04:00:00", 40),
    }


def test_several_that_are_made_at_once_in_a_new_home_wait_for_each_other(node: LoginNode) -> None:
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda name: node.gce("create", name), NAMES))
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * len(NAMES)
    listed = json.loads(node.did("list", "--json"))["endpoints"]
    assert [(each["name"], each["running"]) for each in listed] == [(name, True) for name in sorted(NAMES)]


def test_a_block_takes_no_task_that_would_outlive_it(node: LoginNode) -> None:
    (node.kit / "site.conf").write_text("TOP=/nowhere\nFIT_TIME_LIMIT=1200\n")
    node.did("create", "frib-fit-mpi")
    assert engine(node, "frib-fit-mpi")["drain_period"] == 1800 - 1200 - 30


def test_a_task_may_ask_for_fewer_workers_and_for_nothing_else(node: LoginNode) -> None:
    node.did("create", "frib-convert")
    assert engine(node, "frib-convert", workers_per_node=64)["max_workers_per_node"] == 64
    schema = json.loads((node.endpoints / "frib-convert/user_config_schema.json").read_text())
    assert schema["properties"] == {"workers_per_node": {"type": "integer", "minimum": 1, "maximum": 256}}
    assert schema["additionalProperties"] is False


def test_endpoints_of_a_machine_without_slurm_ask_it_for_nothing(node: LoginNode) -> None:
    node.change("endpoints.conf", "^provider = .*$", "provider = LocalProvider")
    node.did("create", "frib-analysis")
    made = engine(node, "frib-analysis")
    assert set(made["provider"]) == {
        "type", "worker_init", "launcher", "nodes_per_block", "init_blocks", "min_blocks", "max_blocks",
    }  # fmt: skip
    assert "drain_period" not in made


# ---- their life


def test_an_endpoint_is_stopped_restarted_and_deleted_and_no_other(node: LoginNode) -> None:
    node.did("create")
    node.did("stop", "frib-convert")
    listed = json.loads(node.did("list", "--json"))["endpoints"]
    assert {each["name"]: each["running"] for each in listed} == {
        "frib-analysis": True,
        "frib-convert": False,
        "frib-fit-mpi": True,
    }
    before = {each["name"]: each["id"] for each in listed}
    node.did("restart", "frib-fit-mpi")
    assert "frib-convert: does not run" in node.did("delete", "--yes", "frib-convert")
    told = json.loads(node.did("status", "--json"))["endpoints"]
    assert {each["name"]: each["id"] for each in told} == {n: i for n, i in before.items() if n != "frib-convert"}
    assert not (node.endpoints / "frib-convert").exists()


def test_one_command_reaches_all_three(node: LoginNode) -> None:
    node.did("create")
    node.did("restart")
    assert node.calls() == [
        *(f"{command} {name}" for name in NAMES for command in ("configure", "start")),
        *(f"{command} {name}" for name in NAMES for command in ("stop", "start")),
    ]
    assert "runs already" in node.did("start", "frib-fit-mpi")


def test_the_list_is_not_that_of_the_package_which_crashes(node: LoginNode) -> None:
    node.did("create", "frib-fit-mpi")
    crashed = node.run([str(node.environment / "bin/globus-compute-endpoint"), "list"])
    assert "AttributeError" in crashed.stderr
    assert node.did("list").split()[0] == "frib-fit-mpi"


def test_after_a_crash_a_start_waits_until_it_can_and_tries_once(node: LoginNode) -> None:
    node.change("endpoint_processes.py", "^HEARTBEATS_SECONDS = .*$", "HEARTBEATS_SECONDS = 15.0")  # on a busy machine
    node.variables["GCE_STALE"] = "15"
    node.did("create", "frib-fit-mpi")
    node.crash("frib-fit-mpi")
    assert "has crashed; it can be started in " in node.did("list")
    said = node.did("start", "frib-fit-mpi")
    assert "another instance was there less than three heartbeats ago" in said
    assert "started, id" in said
    assert node.calls().count("start frib-fit-mpi") == 3, "at first, in vain, and after the three heartbeats"


def test_an_endpoint_that_runs_on_another_login_node_is_not_touched_from_here(node: LoginNode) -> None:
    node.did("create", "frib-fit-mpi")
    ours = node.endpoints / "frib-endpoints.json"
    document = json.loads(ours.read_text())
    document["endpoints"]["frib-fit-mpi"]["host"] = "login99"
    ours.write_text(json.dumps(document))
    for command in (("stop",), ("restart",), ("delete", "--yes")):
        assert node.refused(*command, "frib-fit-mpi") == "frib-fit-mpi runs on login99: do it there"
    assert "runs already on login99" in node.did("start", "frib-fit-mpi")
    assert node.calls() == ["configure frib-fit-mpi", "start frib-fit-mpi"]


def test_new_settings_reach_an_endpoint_that_is_there(node: LoginNode) -> None:
    node.did("create", "frib-fit-mpi")
    node.change("endpoints.conf", "^account = .*$", "account = m9999")
    assert "gce restart frib-fit-mpi has it use them" in node.did("create", "frib-fit-mpi")
    assert engine(node, "frib-fit-mpi")["provider"]["account"] == "m9999"
    assert node.calls() == ["configure frib-fit-mpi", "start frib-fit-mpi"]


@pytest.mark.parametrize("python", PYTHONS)
def test_the_kit_works_with_the_oldest_python_that_is_here(node: LoginNode, python: str) -> None:
    program = [python, str(node.kit / "endpoints.py")]
    for words in (["create"], ["pin", *PIN], ["restart", "frib-fit-mpi"], ["status"], ["delete", "--yes"]):
        done = node.run([*program, *words])
        assert (done.returncode, done.stderr) == (0, "")


# ---- which functions they run


def test_no_function_runs_before_some_are_pinned_and_then_those_of_the_stage(node: LoginNode) -> None:
    node.did("create")
    assert config(node, "frib-fit-mpi")["allowed_functions"] == []
    assert "may run nothing: gce pin" in node.did("status", "frib-fit-mpi")
    assert "gce restart frib-convert has it use them" in node.did("pin", *PIN)
    allowed = {name: config(node, name)["allowed_functions"] for name in NAMES}
    assert allowed == {
        "frib-fit-mpi": [FIT, CANARY],
        "frib-convert": [CONVERT, CANARY],
        "frib-analysis": [ANALYZE, CANARY],
    }
    node.did("create")
    assert config(node, "frib-fit-mpi")["allowed_functions"] == [FIT, CANARY], "made anew it keeps them"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((f"fit={FIT}",), "nothing was pinned: analyze=ID is missing"),
        (("fit=oops",), "fit=oops: expected FUNCTION=ID"),
        ((f"rm={FIT}",), f"rm={FIT}: expected FUNCTION=ID"),
        ((FIT,), f"{FIT}: expected FUNCTION=ID"),
        ((), "nothing was pinned: analyze=ID is missing"),
    ],
    ids=str,
)
def test_a_pin_that_is_none_changes_nothing(node: LoginNode, arguments: tuple[str, ...], told: str) -> None:
    node.did("create")
    before = {name: config(node, name) for name in NAMES}
    assert node.refused("pin", *arguments).startswith(told)
    assert {name: config(node, name) for name in NAMES} == before


# ---- what is wrong, and nothing is done


def test_an_endpoint_of_somebody_else_is_not_touched(node: LoginNode) -> None:
    theirs = node.endpoints / "frib-convert"
    theirs.mkdir(parents=True)
    (theirs / "endpoint.json").write_text(json.dumps({"endpoint_id": FIT}))
    before = files(node.endpoints)
    assert "is there already, and not made from here" in node.refused("create")
    for words in (("start",), ("stop",), ("restart",), ("delete", "--yes")):
        assert "frib-convert is not ours" in node.refused(*words, "frib-convert")
    assert node.calls() == [], "not even the first of the three"
    assert files(node.endpoints) == before


def test_an_endpoint_whose_id_is_another_one_is_not_touched(node: LoginNode) -> None:
    node.did("create", "frib-fit-mpi")
    (node.endpoints / "frib-fit-mpi/endpoint.json").write_text(json.dumps({"endpoint_id": FIT}))
    for words in (("create",), ("stop",), ("delete", "--yes")):
        assert f"frib-fit-mpi has the id {FIT}, ours was " in node.refused(*words, "frib-fit-mpi")
    assert node.calls() == ["configure frib-fit-mpi", "start frib-fit-mpi"]


@pytest.mark.parametrize(
    ("pattern", "to", "told"),
    [
        ("^account = .*$", "acount = m4386", "[frib-fit-mpi]: acount is no key: stage, environment"),
        ("^account = .*$", 'account = m4386"; rm -rf ~', "account = 'm4386\"; rm -rf ~' cannot be used"),
        ("^licenses = .*$", "licenses = scratch\n  --uid=0", "licenses = 'scratch\\n--uid=0' cannot be used"),
        ("^environment = .*$", "environment =", "[frib-fit-mpi]: environment is missing"),
        ("^environment = .*$", "environment = ~nobody-here/gce", "is no home directory that is known here"),
        ("^environment = .*$", "environment = /nowhere", "no /nowhere/bin/globus-compute-endpoint: python3 -m venv"),
        ("^walltime = 00:30:00$", "walltime = 00:29:10", "is too short for FIT_TIME_LIMIT 1740 s (site.conf) and 30 s"),
        ("^walltime = 00:30:00$", "walltime = 30", "[frib-fit-mpi]: walltime = '30' cannot be used"),
        (r"^\[frib-fit-mpi\]$", "[../frib]", "an endpoint's name has letters, digits, - and _ only"),
        (r"^\[frib-fit-mpi\]$", "[frib-convert]", "already exists"),
        (r"^\[frib-fit-mpi\]$", "no section", "cannot be read: "),
        (r"^stage = fit$", "stage = sort", "stage = 'sort' cannot be used"),
    ],
    ids=lambda value: value[:40],
)  # fmt: skip
def test_a_site_file_with_a_fault_is_told_and_nothing_done(node: LoginNode, pattern: str, to: str, told: str) -> None:
    node.change("endpoints.conf", pattern, to)
    assert told in node.refused("create")
    assert not node.endpoints.exists()


@pytest.mark.parametrize("text", [None, "", "\n# nothing\n", "[DEFAULT]\naccount = m4386\n", "\0\xff"], ids=repr)
def test_an_empty_site_file_is_told_and_nothing_done(node: LoginNode, text: str | None) -> None:
    if text is None:
        (node.kit / "endpoints.conf").unlink()
    else:
        (node.kit / "endpoints.conf").write_bytes(text.encode("latin-1"))
    assert "endpoints.conf" in node.refused("create")
    assert not node.endpoints.exists()


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ('    account: "@acount@"', "line 14: nothing is known for @acount@"),
        ("    account: {{ account", "does not render: "),
        ('    account: "{{ account }}"', "does not render: "),
        ("  account: [", "does not render: "),
    ],
    ids=str,
)
def test_a_template_that_does_not_render_is_told_and_nothing_done(node: LoginNode, to: str, told: str) -> None:
    node.change("endpoints/user_config_template.yaml.j2", "^ +account: .*$", to)
    assert told in node.refused("create")
    assert node.calls() == []
    assert not node.endpoints.exists()


def test_a_home_that_is_read_only_is_told_and_nothing_started(node: LoginNode) -> None:
    """Read-only as a file system is: root too cannot write there."""
    inside = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(node.home), str(node.home)]
    done = node.run([*inside, str(node.kit / "gce"), "create"], env={**node.variables, "GCE_REFUSES": "start"})
    assert done.returncode == 1
    assert done.stderr == f"gce: {node.home} cannot be written, and endpoints live in {node.endpoints}\n"
    assert not node.endpoints.exists()


def test_what_the_package_says_is_told(node: LoginNode) -> None:
    node.variables["GCE_REFUSES"] = "start Please enter the Authorization Code here: Aborted!"
    done = node.refused("create", "frib-fit-mpi")
    assert "was not started: Please enter the Authorization Code here: Aborted!; log in first: " in done
    del node.variables["GCE_REFUSES"]
    assert "started, id" in node.did("create", "frib-fit-mpi")


def test_nothing_is_deleted_unless_somebody_says_yes(node: LoginNode) -> None:
    node.did("create", "frib-fit-mpi")
    assert node.refused("delete", "frib-fit-mpi") == "nothing was deleted: without a terminal to ask on, say --yes"
    assert _asked(node, b"y\n").endswith("nothing was deleted")
    assert (node.endpoints / "frib-fit-mpi").exists()
    _asked(node, b"yes\n")
    assert not (node.endpoints / "frib-fit-mpi").exists()


def _asked(node: LoginNode, answer: bytes) -> str:
    """What `gce delete` said on a terminal on which this was typed."""
    ours, its = pty.openpty()
    command = [str(node.kit / "gce"), "delete", "frib-fit-mpi"]
    process = subprocess.Popen(command, env=node.variables, stdin=its, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.write(ours, answer)
    said, _ = process.communicate(timeout=HANGS_AFTER)
    os.close(ours)
    os.close(its)
    return said.decode().strip()


def test_a_list_of_ours_that_is_damaged_is_told_and_nothing_done(node: LoginNode) -> None:
    node.did("create", "frib-fit-mpi")
    for text in ("", "[]", '{"endpoints": 7}', '{"endpoints": {"frib-fit-mpi": 7}}'):
        (node.endpoints / "frib-endpoints.json").write_text(text)
        assert "which says which endpoints are ours, cannot be read" in node.refused("delete", "--yes")
    assert (node.endpoints / "frib-fit-mpi").exists()
