import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.ledger.presence import DriverLock
from tests.ledger_fixture import DemoLedger, demo_ledger


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoLedger]:
    """A ledger with runs in every state, and a driver that holds its lock."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    made = demo_ledger(tmp_path / "e21062.ledger")
    lock = DriverLock(made.ledger.path)
    assert lock.take("background")
    yield made
    lock.release()
    made.ledger.close()
