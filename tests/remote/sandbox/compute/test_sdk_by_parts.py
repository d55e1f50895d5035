"""Parts of globus_compute_sdk without the rest of it, which is there for whoever asks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.waiting import HANGS_AFTER

PARTS = """
import sys
from remote.sandbox.compute.sdk import import_by_parts
import_by_parts()
from globus_compute_sdk.serialize import ComputeSerializer
from globus_compute_sdk.version import __version__
packer = ComputeSerializer()
assert packer.deserialize(packer.serialize([1, "two"])) == [1, "two"]
assert "globus_compute_sdk.sdk" not in sys.modules
"""
REST = {
    "a name": "from globus_compute_sdk import Client; assert Client.register_function",
    "all": "import globus_compute_sdk; assert globus_compute_sdk.__version__ == __version__",
    "a module": "import globus_compute_sdk.sdk.shell_function as m; assert m.ShellFunction('true').cmd == 'true'",
    "the same packer": "import globus_compute_sdk as s; s.Client; assert s.serialize.ComputeSerializer == type(packer)",
    "what is not there": """
import globus_compute_sdk
for _ in range(2):
    try:
        globus_compute_sdk.nothing
    except AttributeError as error:
        assert "no attribute 'nothing'" in str(error)
    else:
        raise AssertionError
""",
    "twice": "import_by_parts(); import_by_parts(); from globus_compute_sdk import Executor",
}


@pytest.mark.parametrize("rest", REST)
def test_whoever_asks_for_the_rest_gets_it(rest: str) -> None:
    command = [sys.executable, "-c", PARTS + REST[rest]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER)
    assert done.returncode == 0, done.stderr


def test_a_package_that_is_whole_stays_so() -> None:
    import globus_compute_sdk

    from remote.sandbox.compute.sdk import import_by_parts

    import_by_parts()
    assert sys.modules["globus_compute_sdk"] is globus_compute_sdk


def test_the_loopback_does_not_import_the_sdk_before_it_has_said_that_parts_will_do() -> None:
    check = "import sys, remote.sandbox.__main__; assert 'globus_compute_sdk' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=HANGS_AFTER)
    assert done.returncode == 0, done.stderr
