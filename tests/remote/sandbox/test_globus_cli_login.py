"""People log in with globus-cli at the sandbox, and give the consents and logins that services ask for, as it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess

import pytest

from flowspec import definition
from remote.sandbox.ids import DTN_COLLECTION, IDENTITY, OTHER_IDENTITIES, POLICY, SITE_COLLECTION
from tests.auth_fixture import authorize
from tests.globus_cli_fixture import Globus, installed, service_addresses
from tests.sandbox_fixture import start_sandbox
from tests.sandbox_records import clear_faults, set_fault
from tests.waiting import HANGS_AFTER, until


class Person(Globus):
    """Somebody at a keyboard, with no client's credentials in the environment."""

    def variables(self, secret):
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], **service_addresses(self.sandbox)}

    def logs_in(self, *words, identity=None):
        """Follows the address that the command prints, and gives it the code that stands there."""
        command = [str(self.program), *map(str, words), "--no-local-server"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, **pipes, text=True, env=self.variables(None)) as process:
            assert process.stdin
            assert process.stdout
            address = next(line for line in process.stdout if line.startswith("http"))
            said, _ = process.communicate(f"{authorize(address.strip(), identity)}\n", timeout=HANGS_AFTER)
        assert process.returncode == 0, said
        return said

    def does_what_it_is_told(self, *words, identity=None):
        """The command is refused and names the one that helps, which is run."""
        done = self.run(*words)
        assert done.returncode == 4, f"{done.stdout}{done.stderr}"
        told = re.search(r"^ *globus ((?:session|login) .+)$", f"{done.stdout}{done.stderr}", re.MULTILINE)
        assert told, f"{done.stdout}{done.stderr}"
        assert "successfully" in self.logs_in(*shlex.split(told[1]), identity=identity)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), "--speed", "20") as sandbox:
        yield sandbox


@pytest.fixture
def person(running, tmp_path):
    yield Person(installed(), running, tmp_path)
    clear_faults(running.dir)


def test_somebody_logs_in_looks_at_the_session_and_logs_out(person):
    assert "globus login" in person.run("whoami").stderr
    assert "You have successfully logged in" in person.logs_in("login", identity="anna@msu.example")
    assert person("whoami").strip() == "anna@msu.example"
    assert f"anna@msu.example | {OTHER_IDENTITIES[0]} |" in " ".join(person("session", "show").split())
    assert list(person.json("session", "show")["authentications"]) == [OTHER_IDENTITIES[0]]
    assert "already logged in" in person("login")
    assert person("endpoint", "search", "DTN")
    assert "successfully logged out" in person("logout", "--yes", "--delete-client")
    assert person.run("whoami").returncode == 4


def test_consents_are_given_as_it_says(person):
    person.logs_in("login", identity="manager@sandbox")
    ls = ("ls", f"{DTN_COLLECTION}:/")
    refused = person.run(*ls)
    assert f"https://auth.globus.org/scopes/{DTN_COLLECTION}/data_access" in refused.stdout
    person.does_what_it_is_told(*ls, identity="manager@sandbox")
    assert "runs/" in person(*ls)
    assert person.run("ls", f"{SITE_COLLECTION}:/").returncode == 4


@pytest.mark.parametrize("demand", ["policy", "domain", "identity"])
def test_a_login_that_a_service_demands_is_given_as_it_says(person, demand):
    identity = "anna@msu.example" if demand == "domain" else None
    person.logs_in("login", identity=identity)
    value = {"policy": POLICY, "domain": "msu.example", "identity": IDENTITY}[demand]
    person.logs_in("session", "update", *(["--policy", value] if demand == "policy" else [value]))
    set_fault(person.sandbox.dir, "session-required", demand=demand, service="transfer", value=value)
    assert "Task ID" in person("task", "list")
    set_fault(person.sandbox.dir, "session-required", demand="policy", service="flows")
    if demand != "policy":
        person.does_what_it_is_told("flows", "list", identity=identity)
    assert "Flow ID" in person("flows", "list")


def test_a_flow_run_that_waits_for_a_consent_is_resumed_when_it_was_given(person, tmp_path):
    person.logs_in("login")
    paths = {"definition": definition.transfer().definition, "schema": definition.transfer().schema}
    for name, document in paths.items():
        (tmp_path / name).write_text(json.dumps(document))
    words = ("flows", "create", "of a person", tmp_path / "definition", "--input-schema", tmp_path / "schema")
    flow = person.json(*words)["id"]
    (person.sandbox.dir / "dtn/runs/waits").write_text("data")
    source = {"collection": DTN_COLLECTION, "path": "/runs/"}
    target = {"collection": SITE_COLLECTION, "path": f"{person.sandbox.site_root}/rawdata/"}
    (tmp_path / "body").write_text(
        json.dumps({"label": "x", "source": source, "destination": target, "include": ["waits"]})
    )
    start = ("flows", "start", flow, "--input", f"file:{tmp_path / 'body'}")
    person.does_what_it_is_told(*start)
    run = person.json(*start)["run_id"]
    until(lambda: person.json("flows", "run", "show", run)["status"] == "INACTIVE")
    person.does_what_it_is_told("flows", "run", "resume", run)
    assert person.json("flows", "run", "resume", run)["run_id"] == run
    until(lambda: person.json("flows", "run", "show", run)["status"] == "SUCCEEDED")
    assert (person.sandbox.site_root / "rawdata/waits").read_text() == "data"
