"""How Compute refuses a request."""

from __future__ import annotations


class ComputeError(Exception):
    """A request that Compute refuses: HTTP status, error code, reason."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.status = status
        self.code = code
        self.reason = reason
