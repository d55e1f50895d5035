"""A wrong path, a full quota and a collection that is down: nothing else goes on, and the screen says so.

With everything real but Globus, and a screen in a terminal.
"""

from __future__ import annotations

from console.ledger import runs
from flowspec.states import RunState
from tests.drills.desk import desk_in
from tests.waiting import until

POLL = 0.2  # seconds; sixty of them until what Globus tries again by itself is somebody's
CODES = {"missing-path": "FILE_NOT_FOUND", "quota-full": "QUOTA_EXCEEDED", "transfer-stuck": "CONNECT_FAILED"}


def test_three_transfers_that_cannot_go_on_are_stuck_and_what_waits_for_them_says_so(tmp_path):
    with desk_in(tmp_path, poll_interval=POLL) as desk:
        stuck = []
        for fault in CODES:
            desk.fault(fault, run=desk.next_run, stage="transfer")
            stuck.append(desk.deliver())
        seconds = desk.see(*(f"{run} STUCK" for run in stuck))
        print(f"stuck on the screen after {seconds:.1f} s")
        for run, code in zip(stuck, CODES.values(), strict=True):
            assert code in runs.run(desk.world.ledger, run).why
        desk.see("3 stuck (a)")
        waiting = desk.deliver()
        desk.wait_for(RunState.QUEUED, waiting)
        until(lambda: "3 of 3 slots are held by stuck runs" in runs.run(desk.world.ledger, waiting).why)
        desk.press("p")
        desk.see("problems only")
        until(lambda: f"{waiting} STUCK" not in desk.text())  # it needs nobody: those that hold the slots do
        shown = [line for line in desk.window.text().splitlines() if " STUCK " in line]
        assert [int(line.split("STUCK")[0].split()[-1]) for line in shown[:3]] == sorted(stuck, reverse=True)
        desk.press("a")
        until(lambda: "stuck (a)" not in desk.text())
        desk.clear()
        desk.wait_for(RunState.DONE, *stuck, waiting)
        until(lambda: "STUCK" not in desk.text())
