"""What Globus Auth refuses."""

from __future__ import annotations


class Refusal(Exception):
    """A refused request: HTTP status, code as OAuth has it (`invalid_grant`), and a sentence."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description
