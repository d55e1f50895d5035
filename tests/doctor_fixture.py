"""A sandbox for `console doctor`, and set-ups that a test may spoil: what is changed is changed back at the end."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.cli.faults import RunningSandbox
from console.connect import remote
from console.doctor import examine
from console.doctor.examine import OF_GLOBUS
from console.doctor.finding import Finding, Verdict
from console.ledger import presence
from console.ledger.presence import Presence
from console.settings.paths import deployed_file
from console.settings.profiles import load
from remote.globus.auth import StoredLogin
from remote.globus.login_flow import LoginFlow
from remote.sandbox.ids import DTN_COLLECTION, SITE_COLLECTION
from tests.auth_fixture import CLIENT, authorize
from tests.pipeline_fixture import Pipeline, running_pipeline

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with pytest.MonkeyPatch.context() as patch:
        slurm = tmp_path_factory.mktemp("slurm")
        (slurm / "squeue").write_text("#!/bin/sh\nexit 0\n")
        (slurm / "squeue").chmod(0o755)
        patch.setenv("PATH", str(slurm), prepend=":")
        with running_pipeline(tmp_path_factory.mktemp("doctor") / "sandbox", auto_launch=False, speed=20.0) as pipeline:
            yield pipeline


class Setup:
    """A profile of its own for the sandbox, to be spoilt; what else is changed is changed back at the end."""

    def __init__(self, pipeline: Pipeline, directory: Path, patch: pytest.MonkeyPatch) -> None:
        self.pipeline, self.directory, self.patch = pipeline, directory, patch
        patch.setattr(examine, "REQUESTS", 16)  # no driver asks as well
        self.profile = directory / "profile.toml"
        self.settings = pipeline.settings
        self.ledger = directory / "state" / "ledger.db"
        self.ledger.parent.mkdir(mode=0o700)
        shutil.copy(deployed_file(pipeline.settings.ledger), deployed_file(self.ledger))
        self.token, self.store = directory / "token", directory / "tokens.json"
        self.token.write_text(pipeline.profile.with_name("token").read_text())
        self.token.chmod(0o600)
        self.profile.write_text(pipeline.profile.read_text())
        self.set("ledger", self.ledger)
        self.set("token_file", self.token)
        self.sandbox = RunningSandbox.at(pipeline.sandbox.directory)
        self._restored: list[tuple[Path, bytes]] = []

    def set(self, key: str, value: object) -> None:
        text = self.profile.read_text()
        self.profile.write_text(re.sub(rf'^{key} = ".*"$', f'{key} = "{value}"', text, flags=re.M))

    def deployed(self, change: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(deployed_file(self.ledger).read_text())
        change(document)
        deployed_file(self.ledger).write_text(json.dumps(document))

    def spoil(self, path: Path, text: str | None) -> None:
        """Write over a file of the site, or take it away."""
        self._restored.append((path, path.read_bytes()))
        path.unlink() if text is None else path.write_text(text)

    def as_person(self, collections: tuple[str, ...] = (DTN_COLLECTION, SITE_COLLECTION)) -> None:
        """From now on the profile is that of a person who logs in, and not of who has the sandbox's token."""
        person = f'client_id = "{CLIENT}"\ntoken_store = "{self.store}"'
        text = re.sub(
            r"^(token_file|client_id|token_store|mapped_collections) = .*\n", "", self.profile.read_text(), flags=re.M
        )
        mapped = f"mapped_collections = {json.dumps(collections)}"
        self.profile.write_text(re.sub(r"^service_url = .*$", rf"\g<0>\n{person}\n{mapped}", text, flags=re.M))

    def log_in(self, identity: str | None = None) -> None:
        known = remote(load(self.profile)).login
        assert isinstance(known, StoredLogin)
        flow = LoginFlow(known, {})
        flow.exchange(authorize(flow.address, identity))
        flow.keep()

    def findings(self, out: str) -> list[Finding]:
        """Of what `console doctor --json` printed."""
        document = json.loads(out)
        return [Finding(**{**each, "verdict": Verdict(each["verdict"])}) for each in document["findings"]]

    def only(self, check: str) -> None:
        """Of what is asked of Compute, which limits requests, only what the case is about."""
        dear = {"functions": {"functions"}, "endpoints": {"endpoints", "kit", "fit.conf"}}
        for name, whose in dear.items():
            if check not in whose:
                self.patch.delitem(OF_GLOBUS, name)
        if check in ("functions", "endpoints", "flows", "start"):
            for name in {"functions", "endpoints", "flows", "start"} - {check}:
                self.patch.delitem(OF_GLOBUS, name, raising=False)

    def driver(self, **known: Any) -> None:
        there = Presence(4711, "daq1", "anna", 0.0, "background", version="0.1.0", **known)
        self.patch.setattr(presence, "driver", lambda _: there)

    def close(self) -> None:
        self.sandbox.clear()
        for path, content in self._restored:
            path.write_bytes(content)


@pytest.fixture
def setup(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setup]:
    made = Setup(pipeline, tmp_path, monkeypatch)
    yield made
    made.close()
