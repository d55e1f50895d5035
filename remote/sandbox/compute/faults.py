"""Faults where a function runs: in the worker process, and in the programs that it starts.

Standard library only, and nothing else of this project: the worker takes it along to a site that has none of it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LARGE = 12_000_000
"""Bytes that are added to a result so that it is too large."""

VARIABLE = "FRIB_SANDBOX_FAULT"
"""Environment variable: what the stand-in programs do instead of their work (tools/bin/fault.sh), or meet at its end
(tools/disk.py)."""

Fault = dict[str, Any]


@contextmanager
def injected(fault: Fault | None) -> Iterator[None]:
    """Around a call: injects the fault {"name", its arguments} into it."""
    name = fault["name"] if fault else ""
    seconds = fault.get("seconds", 0.0) if fault else 0.0
    doing = {"function-crash": "crash", "function-hang": f"hang {seconds:g}", "silent-success": "silent"}
    doing |= {"disk-full": "full", "root-spoilt": "full"}
    end = threading.Timer(seconds, _die)
    end.daemon = True
    if name == "endpoint-slow":
        time.sleep(seconds)
    elif name == "worker-lost" and seconds == 0:
        _die()
    elif name == "worker-lost":
        end.start()
    elif name in doing:
        os.environ[VARIABLE] = doing[name]
    try:
        yield
    finally:
        end.cancel()
        os.environ.pop(VARIABLE, None)


def replacement(fault: Fault | None) -> Callable[..., Any] | None:
    """The function that is called instead of the registered one, if the fault replaces it."""
    silent = fault is not None and fault["name"] == "silent-success" and fault["who"] == "function"
    return _claim_success if silent else None


def enlarged(fault: Fault | None, result: Any) -> Any:
    """The result of a call or, with that fault, more than the service takes."""
    return [result, "x" * LARGE] if fault is not None and fault["name"] == "result-too-large" else result


def _claim_success(**arguments: Any) -> dict[str, Any]:
    segment = {"segment": arguments["segment"]} if "segment" in arguments else {}
    return {**segment, "rc": 0, "bytes": 123456, "seconds": 1.0}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
