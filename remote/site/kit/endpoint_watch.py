# ruff: noqa: UP006, UP022, UP035, UP045
"""How the monitor watches one endpoint: is it there, does Globus see it, does a canary come back, does Slurm refuse.

Standard library only, Python 3.6 or newer, as job.py.
"""

import json
import re
import subprocess
import time
from typing import Any, Callable, Dict, List, Optional

import endpoint_asked
import endpoints
from endpoint_files import Ours, Problem, Wanted, alone, endpoint_id
from endpoint_logs import Block, newest_refusal, of_manager
from endpoint_processes import state
from logs import printable
from roots import KIT

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0  # s before the second restart in a row; three times as long before each next
STEADY_SECONDS = 1800.0  # an endpoint that has run for so long has not crashed in a row
OFFLINE_SECONDS = 600.0  # that Globus does not see one that runs, until it is restarted
CANARY_SECONDS = 3600.0  # from one canary to the next: each wants a node for a minute
LATE_SECONDS = 1800.0  # that a canary may wait for its node
COMPUTE_SECONDS = 60.0  # for an answer of Globus
WORDS = 300  # characters of what somebody else said


class Watched:
    """One endpoint through the rounds of the monitor. `say(about, text)` tells once what has changed."""

    def __init__(self, endpoint: Wanted, say: Callable[[str, str], None]) -> None:
        self.endpoint, self.say = endpoint, say
        self.limit = int(endpoint.values["restarts"])
        self.takes = endpoint.values["restarts_asked"] == "yes"
        self.asked: Optional[Dict[str, Any]] = None  # the answer to who asked last that it be restarted
        self.restarts, self.next_try, self.given_up = 0, 0.0, False
        self.up_since: Optional[float] = None
        self.offline_since: Optional[float] = None
        self.online: Optional[bool] = None
        self.state = self.problem = ""
        self.canary: Dict[str, Any] = dict.fromkeys(("task", "asked_at", "answered_at", "good"))
        self.canary["said"] = ""

    def look(self, blocks: List[Block]) -> Dict[str, Any]:
        """One round; what is written down of it."""
        name, now, self.problem = self.endpoint.name, time.time(), ""
        try:
            with alone():
                ours = Ours()
                self._restart_if_asked(ours, ours.entry(name))
                entry = ours.entry(name)
                if self._is_up(ours, entry, now):
                    self._ask_globus(ours, entry, now)
        except Problem as problem:
            self.problem = str(problem)
        self.say(name, self.problem or self.state)
        return self._document(blocks)

    # ---- does somebody ask

    def _restart_if_asked(self, ours: Ours, entry: Dict[str, Any]) -> None:
        name = self.endpoint.name
        try:
            asked = endpoint_asked.take(name)
        except Problem as problem:
            return self.say(f"{name}: asked", str(problem))
        if asked is None:
            return None
        why = self._why_not(asked, entry)
        if not why:
            self.say(f"{name}: asked", f"{asked.by} asks that it be restarted: {asked.reason}")
            self.restarts, self.next_try, self.given_up = 0, time.time() + FIRST_PAUSE, False
            self.offline_since = None
            try:
                endpoints.restart(ours, self.endpoint)
            except Problem as problem:
                why = str(problem)
        self.asked = {"id": asked.id, "at": time.time(), "done": not why, "said": why}
        self.say(f"{name}: asked", why or f"was restarted for {asked.by}")

    def _why_not(self, asked: endpoint_asked.Asked, entry: Dict[str, Any]) -> str:
        if not self.takes:
            return f"the site has restarts_asked = no for {self.endpoint.name}"
        if entry.get("stopped"):
            return f"stopped by hand: gce start {self.endpoint.name}"
        return "what was asked came too late" if asked.late else ""

    # ---- is it there

    def _is_up(self, ours: Ours, entry: Dict[str, Any], now: float) -> bool:
        name, found = self.endpoint.name, state(self.endpoint.name, entry)
        if found.running:
            self.up_since = self.up_since or now
            if self.given_up or now - self.up_since >= STEADY_SECONDS:
                self.restarts, self.next_try, self.given_up = 0, 0.0, False
            self.state = f"runs on {found.host}"
            return True
        self.up_since = self.offline_since = self.online = None
        if entry.get("stopped"):
            self.state = f"stopped by hand: gce start {name}"
        elif self.given_up or self.restarts >= self.limit:
            self.given_up = True
            self.state = (
                f"given up after {self.restarts} restarts in a row: see its endpoint.log, then gce start {name}"
            )
        elif now < self.next_try:
            self.state = f"does not run: restart {self.restarts + 1} of {self.limit} at {_clock(self.next_try)}"
        elif found.crashed:
            self.state = "has crashed: it is started again when three heartbeats have passed"
        else:
            self._restart(ours, now)
        return False

    def _restart(self, ours: Ours, now: float) -> None:
        self.restarts += 1
        self.next_try = now + min(LONGEST_PAUSE, FIRST_PAUSE * 3 ** (self.restarts - 1))
        self.say(self.endpoint.name, f"does not run: restart {self.restarts} of {self.limit}")
        endpoints.start(ours, self.endpoint)
        self.state = "was started again"

    # ---- what Globus and Slurm say

    def _ask_globus(self, ours: Ours, entry: Dict[str, Any], now: float) -> None:
        given = endpoint_id(self.endpoint.name)
        if given is None:
            return
        self.online = self._asked("status", given).get("status") == "online"
        self.offline_since = None if self.online else self.offline_since or now
        if self.offline_since is None:
            self._watch_canary(given, entry, now)
        elif now - self.offline_since < OFFLINE_SECONDS:
            self.state += ", but Globus does not see it"
        elif self.restarts < self.limit and now >= self.next_try:
            endpoints.stop(ours, self.endpoint, by_hand=False)
            self.offline_since = None
            self._restart(ours, now)
        else:
            self.state += (
                f", but Globus has not seen it since {_clock(self.offline_since)}: gce restart {self.endpoint.name}"
            )

    def _watch_canary(self, given: str, entry: Dict[str, Any], now: float) -> None:
        """A task that only says that a worker is there: what Globus and Slurm promise, seen to be so."""
        function, canary = entry.get("functions", {}).get("canary"), self.canary
        if function is None:
            canary["said"] = "none is pinned: gce pin canary=ID"
        elif now - (canary["asked_at"] or 0.0) >= CANARY_SECONDS:  # also when the last one will never be answered
            canary.update(asked_at=now, task=self._asked("submit", given, function, str(KIT))["task"])
        elif canary["task"] is not None:
            said = self._asked("result", canary["task"])
            if "pending" not in said:
                reply = said.get("reply")
                good = isinstance(reply, dict) and reply.get("rc") == 0
                why = "" if good else _last_words(str(said.get("exception") or reply))
                canary.update(task=None, answered_at=now, good=good, said=why)
            elif now - canary["asked_at"] > LATE_SECONDS:
                canary.update(good=False, said=f"no answer since {_clock(canary['asked_at'])}")
        if canary["good"] is False:
            self.state += f", but its canary: {canary['said']}"

    def _asked(self, *words: str) -> Dict[str, Any]:
        python = self.endpoint.environment / "bin/python"
        try:
            done = subprocess.run(
                [str(python), str(KIT / "endpoint_compute.py"), *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=COMPUTE_SECONDS,
            )  # fmt: skip
            if done.returncode != 0:
                why = _last_words(done.stderr.decode("utf-8", "replace")) or f"return code {done.returncode}"
                raise Problem(f"Globus Compute, asked for the {words[0]}: {why}")
            answer: Dict[str, Any] = json.loads(done.stdout.decode("utf-8", "replace").splitlines()[-1])
            return answer
        except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
            raise Problem(
                f"Globus Compute could not be asked for the {words[0]}: {printable(str(error))[:WORDS]}"
            ) from error

    def _document(self, blocks: List[Block]) -> Dict[str, Any]:
        given = endpoint_id(self.endpoint.name)
        refused = newest_refusal(given)
        at = time.mktime(time.strptime(refused.at, "%Y-%m-%d %H:%M:%S")) if refused else 0.0
        # A node that has come since then, as the canary saw, takes it back.
        holds = refused is not None and not (self.canary["good"] and self.canary["answered_at"] > at)
        if refused is not None and holds:
            self.say(f"{self.endpoint.name}: Slurm", f"refused a block at {refused.at}: {refused.words}")
        return {
            "name": self.endpoint.name,
            "id": given,
            "state": self.state,
            "problem": self.problem,
            "online": self.online,
            "restarts": self.restarts,
            "given_up": self.given_up,
            "restarts_asked": self.takes,
            "asked": self.asked,
            "canary": self.canary,
            "refused": {"at": at, "words": refused.words} if refused is not None and holds else None,
            "blocks": [{"job": b.job, "state": b.state, "reason": b.reason} for b in of_manager(blocks, given)],
        }


def _last_words(text: str) -> str:
    """The end of a traceback: its last four lines that say something."""
    lines = [printable(line.strip()) for line in text.splitlines() if re.search("[A-Za-z]", line)]
    return "; ".join(lines[-4:])[-WORDS:]


def _clock(at: float) -> str:
    return time.strftime("%H:%M", time.localtime(at))
