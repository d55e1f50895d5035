"""A process that looks at runs at rest: `python -m tests.benchmarks.idle RUNS LEDGER polling|inotify`.

Does what `Discovery.run` does for each look, without the waiting in between: the clock of the looks is moved on by the
look interval. Prints the milliseconds of each look; names that are asked for before and after show in a trace of the
system calls where the looks begin and end.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from console.disk.discovery import Discovery
from console.disk.events import DirectoryEvents
from console.disk.listener import LedgerListener
from console.disk.listing import identity_of
from console.disk.pace import PACE
from console.ledger.store import Ledger
from console.settings.model import Policy

BEGIN, END = "/the-idle-looks-begin", "/the-idle-looks-end"
LOOKS = 120


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def main(arguments: Sequence[str]) -> None:
    runs, clock, policy = Path(arguments[0]), Clock(), Policy()
    events = DirectoryEvents(runs, lambda _: arguments[2] == "inotify")
    discovery = Discovery(runs, LedgerListener(Ledger(Path(arguments[1])), lambda: None), policy, clock=clock)
    events.follow(identity_of(runs))
    discovery.look()
    while discovery.next_due < math.inf:
        clock.now = max(clock.now, discovery.next_due)
        discovery.look_at(())
    clock.now += PACE.active
    discovery.look()
    times = []
    Path(BEGIN).exists()
    for _ in range(LOOKS):
        clock.now += policy.look_interval
        start = time.perf_counter()
        events.follow(identity_of(runs))
        discovery.look()
        assert not events.wait(0)
        times.append(1000 * (time.perf_counter() - start))
    Path(END).exists()
    print(json.dumps(times))
    events.close()


if __name__ == "__main__":
    main(sys.argv[1:])
