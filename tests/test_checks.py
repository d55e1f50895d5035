"""The hooks before a commit are the checks of CI."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
CHECKS = re.findall(r"^check (.+)$", (ROOT / ".ci/run").read_text(), re.M)


def test_hooks_are_the_checks_of_ci_without_the_tests() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    (local,) = config["repos"]
    assert local["repo"] == "local", "a repository would be downloaded, in a version of its own"
    assert len(CHECKS) >= 4
    assert [hook["entry"] for hook in local["hooks"]] == [f"./venvcmd {check}" for check in CHECKS]
    for hook in local["hooks"]:
        how = {key: hook[key] for key in ("language", "pass_filenames", "always_run")}
        assert how == {"language": "system", "pass_filenames": False, "always_run": True}, hook["id"]
