"""Two collections on disk and a Transfer service between them, without HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remote.sandbox.transfer.collection import Collection
from remote.sandbox.transfer.service import TransferService
from tests.waiting import until

OWNER = "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d01"


class Side:
    """Two collections on disk, and services on them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dtn, self.site = root / "dtn", root / "site"
        self.dtn.mkdir()
        self.site.mkdir()
        self.services: list[TransferService] = []

    def service(self, **options: Any) -> TransferService:
        collections = {"dtn": Collection(self.dtn, self.dtn, "DTN"), "site": Collection(Path("/"), self.site, "Site")}
        options = {"retry_seconds": 0.05, "now": time.time, **options}
        self.services.append(TransferService(collections, owner_id=OWNER, **options))
        return self.services[-1]

    def transfer(self, service: TransferService, *items: tuple[str, str], **options: Any) -> str:
        """Submit DTN -> site; destinations are given below the site's directory."""
        data = [{"source_path": s, "destination_path": f"{self.site}/{d}"} for s, d in items]
        document = {"source_endpoint": "dtn", "destination_endpoint": "site", "DATA": data, **options}
        return service.submit({"DATA_TYPE": "transfer", "submission_id": service.submission_id(), **document})[
            "task_id"
        ]

    def files(self) -> dict[str, str]:
        return {str(p.relative_to(self.site)): p.read_text() for p in self.site.rglob("*") if p.is_file()}


@pytest.fixture
def side(tmp_path: Path) -> Iterator[Side]:
    side = Side(tmp_path)
    yield side
    for service in side.services:
        service.close()


def ended(service: TransferService, task_id: str) -> dict[str, Any]:
    until(lambda: service.task(task_id)["status"] != "ACTIVE")
    return service.task(task_id)


def codes(service: TransferService, task_id: str) -> list[str]:
    return [event["code"] for event in service.events(task_id)][::-1]
