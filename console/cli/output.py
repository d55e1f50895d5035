"""Where commands print: whoever reads may go before they have ended, and a file may not take what is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class _Output:
    """A stream into which one may go on writing when its reader has gone: that goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._nowhere_when_it_fails():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._nowhere_when_it_fails():
            self._stream.flush()

    @contextmanager
    def _nowhere_when_it_fails(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)  # also for what is still in its buffer
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            if not isinstance(error, BrokenPipeError):
                raise


@contextmanager
def readers_may_go() -> Iterator[None]:
    """Within it a command goes on to its own exit code although nobody reads any more (`console status | head`).

    Raises SystemExit(1), after a line on stderr, when the output cannot be written for another reason.
    """
    ours = sys.stdout, sys.stderr
    # Started with `>&-` there is no stream at all, and what is printed is dropped.
    sys.stdout, sys.stderr = (stream and _Output(stream) for stream in ours)
    try:
        yield
    finally:
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError as error:
            print(f"console: the output cannot be written: {error}", file=sys.stderr)
            raise SystemExit(1) from None
        finally:
            sys.stdout, sys.stderr = ours
