"""Does the cause of a failure pass by itself, or does somebody have to act? Judged by the words of the cause.

Only what is known to pass is repeated without a person. A program that ended with a return code of its own stays:
the same data will bring it there again. What is not recognised is UNKNOWN and waits for a person too.
"""

from __future__ import annotations

import re
from enum import Enum


class Kind(str, Enum):
    """Who has to act after a failure."""

    PASSES = "passes by itself"
    STAYS = "needs somebody"
    UNKNOWN = "unknown"


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_STATUS = r"(?:answers?|http|status|error)\W{{0,3}}(?:{0})\b"  # of HTTP, not any number

# What somebody has to repair. Looked for first: "permission denied: the endpoint timed out" does not pass.
_STAYS = _words(
    _STATUS.format("40[01346]"),
    r"PERMISSION_DENIED|permission denied|PermissionDenied|not permitted|forbidden|NotAuthorized|no right",
    r"AUTH(?:ENTICATION|ORIZATION)?[_ ](?:FAILED|ERROR)|NO_CREDENTIALS|credentials? (?:are|is|have)|consent",
    r"FILE_NOT_FOUND|NOT_FOUND|no such (?:file|directory|path)|does not exist|missing path",
    r"QUOTA_EXCEEDED|quota|NO_SPACE_LEFT|no space left|disk (?:is )?full|LIMIT_EXCEEDED|read-only file system",
    r"IS_A_DIRECTORY|NOT_A_(?:FILE|DIRECTORY)|INVALID_(?:PATH_NAME|SYMLINK)|AMBIGUOUS_PATH",
    r"input \S+ is missing|(?:is|was) cut|no ring item|no ROOT file|corrupt|END_RUN items|physics events"
    r"|no larger than its input|succeeded without output|its output is not there|bytes there, but",
    r"return code -?\d+|\brc -?\d+|segmentation fault|aborted|core dumped|out of memory|MemoryError|oom.kill",
    r"bad request|FLOW_INPUT_ERROR|States\.Runtime|is not valid|FunctionNotFound|function .* not (?:found|allowed)",
    r"DeserializationError|ModuleNotFoundError|ImportError|SyntaxError|max(?:imum)? (?:payload|result) size",
    r"cancell?ed(?!.*DUE TO (?:TIME LIMIT|NODE FAIL|PREEMPT))",
)

_PASSES = _words(
    _STATUS.format("50[0234]|429|408"),
    r"ManagerLost|WorkerLost|WorkerDied|loss of (?:manager|worker|node)|(?:node|worker|manager|block) (?:was )?lost",
    r"worker died|worker (?:was )?killed|node (?:failure|fail)|NODE_FAIL|PREEMPT(?:ED|ION)|preempt(?:ed|ion)",
    r"interchange|endpoint (?:has |was )?(?:restarted|stopped|went offline|is offline|not connected)|GC_NOT_CONNECTED",
    r"EndpointInterchangeDied|task (?:was )?lost|lost task|result (?:was )?lost",
    r"service (?:is )?unavailable|temporarily unavailable|too many requests|ENDPOINT_TOO_BUSY"
    r"|ServiceUnavailable|internal server error|bad gateway|gateway time-?out",
    r"CONNECT_FAILED|CONNECTION_(?:RESET|BROKEN)|connection (?:reset|refused|broken|aborted|closed)|line broke",
    r"no connection|broken pipe|cannot be reached|network (?:is )?unreachable|temporary failure in name resolution",
    r"ActionTimeout|\bTIMEOUT\b|timed out|did not answer in time|EXPIRED|deadline",
    r"DUE TO (?:TIME LIMIT|NODE FAIL|PREEMPT)|stale file handle|maintenance",
)

# Unlike the time limit of a service, that of a job is reached again by the same data.
_TIME_LIMIT_OF_A_JOB = _words(r"stopped at its time limit")
# A login that has run out is renewed by a person, though the word sounds like a time-out.
_LOGIN = _words(r"(?:token|login|session|credential)\w* (?:has |have |is |was )?expired")


def kind_of(cause: str) -> Kind:
    """The kind of a cause, which may be any text: of a witness, a flow log, a service."""
    if _STAYS.search(cause) or _TIME_LIMIT_OF_A_JOB.search(cause) or _LOGIN.search(cause):
        return Kind.STAYS
    return Kind.PASSES if _PASSES.search(cause) else Kind.UNKNOWN
