"""Action providers of Globus that have nothing to do with files or computing.

Hello World does what the real one does. Of the others only the effect is written down (`/sandbox/records`): nothing is
indexed, no mail is sent, and nobody selects an option.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from remote.sandbox.flows.action_bodies import Document, as_object, number
from remote.sandbox.flows.provider import Tasks
from remote.sandbox.flows.runs import ACTIVE, SUCCEEDED, iso

ACTIONS_HOST = "https://actions.globus.org"
# Path below the host -> whether the action has then ended; a selection waits for somebody until its WaitTime is over.
RECORDED = {
    "search/ingest": True,
    "search/delete": True,
    "notification/notify": True,
    "weboption/wait_for_option": False,
}
_SCOPES = "https://auth.globus.org/scopes/actions.globus.org"


class HelloWorld(Tasks):
    """{"echo_string"?, "sleep_time"?: seconds}"""

    scope = f"{_SCOPES}/hello_world"

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._said: dict[str, tuple[Document, float]] = {}  # by action id: the details, and when it ends

    def run(self, body: Any, creator: str) -> Document:
        given = as_object(body)
        details = {"Hello": "World", **({"hello": given["echo_string"]} if "echo_string" in given else {})}
        action_id = secrets.token_urlsafe(9)
        self._said[action_id] = (details, self._now() + number(given, "sleep_time", 0))
        return self._begin(action_id, creator, [action_id])

    def _poll(self, task_ids: list[str]) -> tuple[str, Document]:
        details, end = self._said[task_ids[0]]
        return (SUCCEEDED if self._now() >= end else ACTIVE), details


class Recorded(Tasks):
    """Writes down what it was asked for: {"url", "action", "time", "body"}."""

    def __init__(self, now: Callable[[], float], url: str, effects: list[Document], ends: bool) -> None:
        super().__init__(now)
        self.scope = f"{_SCOPES}/{url.removeprefix(ACTIONS_HOST + '/').replace('/', '_')}"
        self._url, self._effects, self._ends = url, effects, ends

    def run(self, body: Any, creator: str) -> Document:
        given = as_object(body)
        if self._ends:
            status = self._done(creator, SUCCEEDED, {"task_id": secrets.token_urlsafe(9)})
        else:
            status = self._begin(secrets.token_urlsafe(9), creator, [])
        effect = {"url": self._url, "action": status["action_id"], "time": iso(self._now()), "body": given}
        self._effects.append(effect)
        return status

    def _poll(self, task_ids: list[str]) -> tuple[str, Document]:
        return ACTIVE, {}
