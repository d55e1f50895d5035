"""`console site ...` at the site runs the kit that the profile names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endpoint_fixture import LoginNode

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[LoginNode]:
    node = LoginNode(tmp_path)
    yield node
    node.close()


def console(node: LoginNode, *words: str) -> subprocess.CompletedProcess[str]:
    profile = node.home / "profile.toml"
    text = (PROJECT / "docs/profiles/e21062.toml").read_text()
    profile.write_text(text.replace('"/global/cfs/cdirs/m4386/e21062_flows/kit"', f'"{node.kit}"'))
    command = [sys.executable, "-m", "console", "--profile", str(profile), *words]
    return node.run(command, env=node.variables | {"PYTHONPATH": str(PROJECT)}, cwd=node.home)


def test_endpoints_are_made_listed_and_deleted_by_the_console_at_the_site(node: LoginNode) -> None:
    assert "frib-convert: started, id" in console(node, "site", "endpoints", "create").stdout
    assert len(console(node, "site", "endpoints", "list").stdout.splitlines()) == 3
    assert console(node, "site", "endpoints", "delete", "frib-convert").returncode == 1
    assert "frib-convert: deleted" in console(node, "site", "endpoints", "delete", "frib-convert", "--yes").stdout
    assert len(console(node, "site", "endpoints", "list").stdout.splitlines()) == 2


def test_elsewhere_the_console_says_where_and_how_endpoints_are_made(node: LoginNode) -> None:
    node.kit.rename(node.kit.with_name("elsewhere"))
    told = console(node, "site", "endpoints", "restart", "frib-fit-mpi")
    assert told.returncode == 2
    assert f"at the site: python3 {node.kit}/endpoints.py restart frib-fit-mpi" in told.stderr


def test_a_kit_of_an_older_console_has_no_endpoints(node: LoginNode) -> None:
    (node.kit / "endpoints.py").unlink()
    told = console(node, "site", "endpoints", "list")
    assert told.returncode == 1
    assert "has no endpoints.py: it is the kit of an older console; copy the new one" in told.stderr
