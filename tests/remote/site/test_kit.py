"""The kit as the site gets it: files that an old Python can run."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import remote.site

PROGRAMS = sorted((Path(remote.site.__file__).parent / "kit").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_the_kit_is_python_3_6_of_the_standard_library(program: Path) -> None:
    tree = ast.parse(program.read_text(), feature_version=(3, 6))
    ours = {path.stem for path in PROGRAMS}
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    # This one alone is run by the Python of the endpoints, which has the SDK.
    sdk = {"globus_compute_sdk"} if program.name == "endpoint_compute.py" else set()
    assert {name.partition(".")[0] for name in imported} <= ours | sdk | sys.stdlib_module_names
    assert "__future__" not in imported, "annotations came with 3.7"
