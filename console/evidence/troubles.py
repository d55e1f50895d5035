"""Trouble with one attempt and trouble with a service: one must not stop the others, the other stops all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from console.ledger.attempts import Attempt
from remote.globus.errors import RemoteError


class Troubles:
    """What Globus could not be asked about single attempts in one poll."""

    def __init__(self) -> None:
        self.by_attempt: dict[int, RemoteError] = {}

    @contextmanager
    def of(self, attempt: Attempt) -> Iterator[None]:
        """Keeps what Globus does not answer about this attempt, so that the others are asked about.

        Raises RemoteError when it is the second one that is to be asked later: what fails for two fails for all.
        """
        try:
            yield
        except RemoteError as error:
            others = [other for key, other in self.by_attempt.items() if key != attempt.attempt]
            if error.kind == "later" and any(other.kind == "later" for other in others):
                raise
            self.by_attempt[attempt.attempt] = error

    def of_service(self, attempts: int) -> RemoteError | None:
        """The trouble of the service: none when of several `attempts` only one has trouble."""
        if len(self.by_attempt) == 1 and attempts > 1:
            return None
        return next(iter(self.by_attempt.values()), None)
