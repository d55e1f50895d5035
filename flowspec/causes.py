"""Does the cause of a failure pass by itself, or does somebody have to act? A table of codes.

Only what is known to pass is repeated without a person. A program that ended with a return code of its own stays: the
same data will bring it there again. What is not recognised is UNKNOWN and waits for a person too.

Text from outside (exceptions, transfer faults, causes in the flow log, replies of older kits) is given its code once,
where it comes in. Afterwards only the code counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from flowspec.conditions import Reason, reason


class Kind(str, Enum):
    """Who has to act after a failure."""

    PASSES = "passes by itself"
    STAYS = "needs somebody"
    UNKNOWN = "unknown"


class _Cause(NamedTuple):
    code: str
    kind: Kind
    pattern: re.Pattern[str]


def _stays(code: str, *patterns: str) -> _Cause:
    return _Cause(code, Kind.STAYS, _any_of(patterns))


def _passes(code: str, *patterns: str) -> _Cause:
    return _Cause(code, Kind.PASSES, _any_of(patterns))


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_STATUS = r"(?:answers?|http|status|error)\W{{0,3}}(?:{0})\b"  # of HTTP, not any number
_SLURM_ENDED_IT = r"DUE TO (?:TIME LIMIT|NODE FAIL|PREEMPT|JOB REQUEUE|DEADLINE)"
_WORKER_LOST = r"ManagerLost|WorkerLost|WorkerDied|loss of (?:manager|worker|node)|worker (?:was )?killed"
# A kernel, Slurm and a shell say no more than that it was killed.
_KILLED = (
    r"task \d+: Killed|: Killed\W*$|^\W*Killed\W*$|line \d+:\s+\d+ (?-i:Killed)\b|SIGKILL|SIGBUS|Bus error"
    r"|(?:killed by|received|due to) signal:? (?:9\b|7\b|killed)|ExitCode\W{1,2}\d+:[97]\b"
    r"|(?:return code|rc|exit code|exit status) (?:137|135|-9|-7)\b"
)

# The first that fits counts. What somebody has to repair comes first: "permission denied: the endpoint timed out" does
# not pass.
_CAUSES = (
    # Unlike the time limit of a service, that of a job is reached again by the same data.
    _stays("failed.time", r"stopped at its time limit"),
    _stays("failed.input", r"input \S+ is missing"),
    _stays("failed.empty", r"input \S+ is empty"),
    _stays("failed.garbage", r"input \S+ (?:holds|has) no ring item"),
    _stays("failed.losses", r"hits lost"),
    _stays("failed.short", r"END_RUN items|physics events|no larger than its input|bytes, less than the"),
    _stays("failed.silent", r"succeeded without output|left no output|its output is not there|bytes there, but"),
    _stays("failed.spoilt", r"(?:is|was) cut|no ring item|no ROOT file|corrupt"),
    _stays(
        "failed.memory",
        r"out[ _-]of[ _-]me(?:mory|\+)|MemoryError|(?<!\b0 )\boom[ _-]?kill|bad_alloc|memory exhausted",
        r"exceed\w* (?:\w+ ){0,3}memory limit|memory limit (?:was )?exceeded",
        r"(?:can(?:no|')t|unable to|could not|failed to) allocate (?:\S+ ){0,3}(?:memory|bytes|[KMGT]i?B)\b",
    ),
    _stays("failed.fitconf", r"insufficient data points|Error configuring FitEditor"),
    # A lost worker, and what Slurm ended for a reason of its own, ended by being killed too.
    _stays("failed.killed", rf"^(?![\s\S]*(?:{_SLURM_ENDED_IT}|{_WORKER_LOST}))[\s\S]*(?:{_KILLED})"),
    _stays(
        "failed.abort",
        r"return code -?\d+|\brc -?\d+|exit(?:ed)?(?: with)?(?: exit)? (?:code|status) [1-9]",
        r"segmentation fault|(?<!connection )(?<!job step )aborted|core dumped",
    ),
    # What Slurm refuses until the account, the partition or what is asked for is another one.
    _stays(
        "failed.account",
        r"violates accounting|QOS policy|\b(?:Assoc(?:iation)?|QOS|Partition)\w*(?:Limit|Per(?:User|Account|Job|Node))",
        r"invalid ?(?:account|qos|partition)\b|invalid (?:wckey|license|feature|reservation) specification",
        r"not permitted to use this partition|does not match any supported policy|insufficient balance",
        r"requested (?:node configuration is not available|time limit is invalid)|(?:job|user) submit limit",
    ),
    _stays(
        "failed.permission",
        r"PERMISSION_DENIED|permission denied|PermissionDenied|not permitted|forbidden|NotAuthorized|no right",
    ),
    _stays(
        "failed.login",
        r"AUTH(?:ENTICATION|ORIZATION)?[_ ](?:FAILED|ERROR)|NO_CREDENTIALS|credentials? (?:are|is|have)|consent",
        # A login that has run out is renewed by a person, though the word sounds like a time-out.
        r"(?:token|login|session|credential)\w* (?:has |have |is |was )?expired",
    ),
    _stays(
        "failed.function",
        r"FunctionNotFound|function .* not (?:found|allowed)|max(?:imum)? (?:payload|result) size",
        r"DeserializationError|ModuleNotFoundError|ImportError|SyntaxError",
    ),
    _stays(
        "failed.path",
        r"FILE_NOT_FOUND|NOT_FOUND|no such (?:file|directory|path)|does not exist|missing path",
        r"IS_A_DIRECTORY|NOT_A_(?:FILE|DIRECTORY)|INVALID_(?:PATH_NAME|SYMLINK)|AMBIGUOUS_PATH",
    ),
    _stays(
        "failed.space",
        r"QUOTA_EXCEEDED|quota|NO_SPACE_LEFT|no space left|disk (?:is )?full|LIMIT_EXCEEDED|read-only file system",
    ),
    _stays("failed.request", r"bad request|FLOW_INPUT_ERROR|States\.Runtime|is not valid"),
    _stays("failed.refused", _STATUS.format("40[01346]")),
    _stays("failed.stopped", rf"cancell?ed(?!.*{_SLURM_ENDED_IT})|task \d+: Terminated"),
    _passes(
        "failed.worker",
        rf"{_WORKER_LOST}|(?:node|worker|manager|block) (?:was )?lost|worker died",
        r"task (?:was )?lost|lost task|result (?:was )?lost",
    ),
    _passes(
        "failed.block",
        rf"{_SLURM_ENDED_IT}|node fail|NODE_FAIL|BOOT_FAIL|PREEMPT(?:ED|ION)",
        r"State\W{1,3}(?:TIMEOUT|DEADLINE|REVOKED|REQUEUED)",  # as sacct and scontrol have it
    ),
    _passes(
        "failed.site",
        r"stale file handle|maintenance|slurm temporarily unable|(?:unable to|cannot) contact slurm",
        r"slurmctld (?:is )?(?:down|not respond)|socket timed out on send/recv|zero bytes were transmitted",
        r"requested nodes are busy|nodes required for (?:the )?job are DOWN",
    ),
    _passes(
        "failed.endpoint",
        r"interchange|endpoint (?:has |was )?(?:restarted|stopped|went offline|is offline|not connected)",
        r"GC_NOT_CONNECTED|EndpointInterchangeDied",
    ),
    _passes(
        "failed.service",
        _STATUS.format("50[0234]|429|408"),
        r"service (?:is )?unavailable|temporarily unavailable|too many requests|ENDPOINT_TOO_BUSY",
        r"ServiceUnavailable|internal server error|bad gateway|gateway time-?out",
    ),
    _passes(
        "failed.network",
        r"CONNECT_FAILED|CONNECTION_(?:RESET|BROKEN)|connection (?:reset|refused|broken|aborted|closed)|line broke",
        r"no connection|broken pipe|cannot be reached|network (?:is )?unreachable",
        r"temporary failure in name resolution",
    ),
    _passes("failed.timeout", r"ActionTimeout|\bTIMEOUT\b|timed out|did not answer in time|EXPIRED|deadline"),
)
_KINDS = {cause.code: cause.kind for cause in _CAUSES} | {
    "failed.cancelled": Kind.STAYS,
    "file.missing": Kind.STAYS,
    "file.differs": Kind.STAYS,
    "file.refused": Kind.STAYS,
}

LIKE_MEMORY = ("failed.worker", "failed.memory", "failed.killed")
"""What a job that needs more memory than there is looks like: its worker is lost with it, or it is killed."""

UNKNOWN = "failed.unknown"
WORDS_LENGTH = 300
_CODE_OF_A_JOB = re.compile(r"failed\.[a-z-]{1,30}")
_RC_KILLED = (135, 137)  # by SIGBUS or SIGKILL
_RC_CANCELLED, _CANCELLED = 143, (": cancelled", ": cancelled before it was started")  # of a kit that sent no codes


def kind_of(code: str) -> Kind:
    return _KINDS.get(code, Kind.UNKNOWN)


def classify(text: str) -> Reason:
    """The reason that a text from outside gives; the text stays its words, in one line of at most WORDS_LENGTH."""
    code = next((cause.code for cause in _CAUSES if cause.pattern.search(text)), UNKNOWN)
    return reason(code, words=one_line(text))


def of_reply(reply: Mapping[str, object], otherwise: str = "") -> Reason:
    """Why the job did not go well whose reply this is; `otherwise` is the cause when it has none.

    An older kit sends no code, and what a job could not name itself (an exception) it calls unknown: its text counts.
    """
    cause = str(reply.get("cause") or otherwise or "replied without a return code")
    code, missing = str(reply.get("code") or UNKNOWN), reply.get("missing")
    if code == UNKNOWN or _CODE_OF_A_JOB.fullmatch(code) is None:
        cancelled = reply.get("rc") == _RC_CANCELLED and cause.endswith(_CANCELLED)
        code = "failed.cancelled" if cancelled else "failed.input" if missing else classify(cause).code
    if code == "failed.abort" and reply.get("rc") in _RC_KILLED:
        code = "failed.killed"
    given = reply.get("parameters")
    parameters: dict[str, object] = {
        str(name): one_line(value) if isinstance(value, str) else value
        for name, value in (given.items() if isinstance(given, Mapping) else ())
        if isinstance(value, (int, float, str))
    }
    if isinstance(missing, list):
        parameters["missing"] = missing
    return Reason(code, {**parameters, "words": one_line(cause)})


def one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WORDS_LENGTH else text[: WORDS_LENGTH - 1] + "…"
