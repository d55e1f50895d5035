"""Does the cause of a failure pass by itself, or does somebody have to act? A table of codes.

Only what is known to pass is repeated without a person. A program that ended with a return code of its own stays: the
same data will bring it there again. What is not recognised is UNKNOWN and waits for a person too.

Text from outside (exceptions, transfer faults, causes in the flow log, replies of older kits) is given its code once,
where it comes in: all of it is looked at, though only a line of it is kept for people. Afterwards only the code counts.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from flowspec.catalogue.globus_codes import GLOBUS_CODES
from flowspec.conditions import Reason, reason


class Kind(str, Enum):
    """Who has to act after a failure."""

    PASSES = "passes by itself"
    STAYS = "needs somebody"
    UNKNOWN = "unknown"


class _Cause(NamedTuple):
    code: str
    kind: Kind
    pattern: str


def _stays(code: str, *patterns: str) -> _Cause:
    return _Cause(code, Kind.STAYS, _any_of(code, patterns))


def _passes(code: str, *patterns: str) -> _Cause:
    return _Cause(code, Kind.PASSES, _any_of(code, patterns))


def _any_of(code: str, patterns: tuple[str, ...]) -> str:
    globus = [rf"\b(?-i:{re.escape(name)})\b" for name in GLOBUS_CODES if GLOBUS_CODES[name].cause == code]
    return "|".join(f"(?:{pattern})" for pattern in (*globus, *patterns))


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Only when the first failure is judged: a screen that starts does without them, which is a tenth of its start."""
    return re.compile(pattern, re.IGNORECASE)


_STATUS = r"(?:answers?|http|status|error)\W{{0,3}}(?:{0})\b"  # of HTTP, not any number
_SLURM_ENDED_IT = r"DUE TO (?:TIME LIMIT|NODE FAIL|PREEMPT|JOB REQUEUE|DEADLINE)"
_WORKER_LOST = r"ManagerLost|WorkerLost|WorkerDied|loss of (?:manager|worker|node)|worker (?:was )?killed"
_RAN_OUT = r"[ _]?(?:has |have |is |was )?(?:been )?(?:expired|disabled|locked|suspended|revoked)"
# A kernel, Slurm and a shell say no more than that it was killed.
_KILLED = (
    r"task \d+: Killed|: Killed\W*$|^\W*Killed\W*$|line \d+:\s+\d+ (?-i:Killed)\b|SIGKILL|SIGBUS|Bus error"
    r"|(?:killed by|received|due to) signal:? (?:9\b|7\b|killed)|ExitCode\W{1,2}\d+:[97]\b"
    r"|(?:return code|rc|exit code|exit status)\W{1,3}(?:137|135|-9|-7)\b"
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
        r"return code -?\d+|\brc -?\d+|exit(?:ed)?(?: with)?(?: exit)? (?:code|status)\W{1,3}[1-9]",
        r"segmentation fault|(?<!connection )(?<!job step )aborted|core dumped",
    ),
    # What Slurm refuses until the account, the partition or what is asked for is another one.
    _stays(
        "failed.account",
        r"violates accounting|QOS policy|\b(?:Assoc(?:iation)?|QOS|Partition)\w*(?:Limit|Per(?:User|Account|Job|Node))",
        r"invalid ?(?:account|qos|partition)\b|invalid (?:wckey|license|feature|reservation) specification",
        r"not permitted to use this partition|does not match any supported policy|insufficient balance",
        r"requested (?:node configuration is not available|time limit is invalid)|(?:job|user) submit limit",
        rf"(?:accounts?|allocation|project|subscription|licen[cs]e|reservation)\b{_RAN_OUT}",
    ),
    _stays("failed.not-allowed", r"function \S+ not (?:permitted|allowed) on (?:this )?endpoint"),
    _stays(
        "failed.permission",
        r"permission[ _]?denied|not permitted|forbidden|NotAuthorized|no right",
    ),
    _stays(
        "failed.login",
        r"AUTH(?:ENTICATION|ORIZATION)?[_ ](?:FAILED|ERROR)|login (?:failed|incorrect|denied)|consent",
        # What has run out is renewed by a person, though the word sounds like a time-out.
        rf"credentials? (?:are|is|have)|\bkeys?{_RAN_OUT}",
        rf"(?:token|login|session|credential|password|certificate|identity|proxy)\w*{_RAN_OUT}",
    ),
    _stays(
        "failed.function",
        r"FunctionNotFound|function .* not (?:found|allowed)|max(?:imum)? (?:payload|result) size",
        r"DeserializationError|ModuleNotFoundError|ImportError|SyntaxError|registered for another kit",
    ),
    _stays(
        "failed.path",
        r"NOT_FOUND|no such (?:file|directory|path)|does not exist|missing path|(?:not|is) a directory",
    ),
    _stays(
        "failed.space",
        r"quota|no space left|disk (?:is )?full|read-only file system",
    ),
    _stays("failed.request", r"bad request|is not valid"),
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
        r"EndpointInterchangeDied",
    ),
    _passes(
        "failed.service",
        _STATUS.format("50[0234]|429|408"),
        r"service (?:is )?unavailable|temporarily unavailable|too many requests",
        r"ServiceUnavailable|internal server error|bad gateway|gateway time-?out",
    ),
    _passes(
        "failed.network",
        r"connection (?:reset|refused|broken|aborted|closed)|line broke",
        r"no connection|broken pipe|cannot be reached|network (?:is )?unreachable",
        r"temporary failure in name resolution",
    ),
    _passes(
        "failed.timeout", r"\btimeout\b|timed out|did not answer in time|deadline (?:was |has |is )?(?:exceeded|passed)"
    ),
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
# `  File "fit.py", line 7, in fit`, and the source below it, which says nothing of what went wrong.
_FRAME = re.compile(r"^ +File \".*\", line \d+.*\n(?: {4,}.*\n?)*", re.MULTILINE)
_NAME = re.compile(r"\bStates\.\w+|\w+")
_RAISED = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*: \S")
_MODULE = re.compile(r"^(?:[a-z_]\w*\.)+(?=[A-Za-z_]\w*: )")  # only takes room
# As Transfer writes it in a line of its own; quoted; or beginning with a slash that belongs to no other word.
_PATH = re.compile(
    r"^File: (/.+?)\s*$|[\"'](/[^\"'\n]+)[\"']|(?<![\w.:/%~+-])(/[^\s\"'`<>|,;:()\[\]{}\\]+)", re.MULTILINE
)
WORDS_LENGTH = 300
_CODE_OF_A_JOB = re.compile(r"failed\.[a-z-]{1,30}")
_RC_KILLED = (135, 137)  # by SIGBUS or SIGKILL
_RC_CANCELLED, _CANCELLED = 143, (": cancelled", ": cancelled before it was started")  # of a kit that sent no codes


CODES = tuple(_KINDS)  # of all causes that are told apart


def kind_of(code: str) -> Kind:
    return _KINDS.get(code, Kind.UNKNOWN)


def classify(text: str, shown: str = "", *others: str) -> Reason:
    """The reason that a text from outside gives: `words` are those of `shown` or of all of it, as `in_words` has them,
    `fault` is the code of Globus's that decided. `others` count too, and may name the path that it is about.
    """
    judged = _FRAME.sub("", "\n".join((text, *others)))
    code = next((cause.code for cause in _CAUSES if _compiled(cause.pattern).search(judged)), UNKNOWN)
    named = (name for name in _NAME.findall(judged) if name in GLOBUS_CODES and GLOBUS_CODES[name].cause == code)
    return reason(code, words=naming_the_path(what_was_raised(shown or text), *others), fault=next(named, None))


def in_words(text: str) -> str:
    """A text from outside as people see it: in one line, of a traceback what was raised and what follows."""
    return naming_the_path(what_was_raised(text))


def what_was_raised(text: str) -> str:
    """Of a traceback the last line `Name: text` and all that follows it: what stands above is for the log."""
    lines = [line for line in text.splitlines() if line.strip(" -=")]
    frames = [number for number, line in enumerate(lines) if _FRAME.match(f"{line}\n")]
    if frames:
        begin = [number for number in range(frames[-1], len(lines)) if not lines[number].startswith(" ")][:1]
    else:
        begin = [number for number, line in enumerate(lines) if "Traceback" in text and _RAISED.match(line)][-1:]
    return "\n".join(lines[begin[0] if begin else 0 :])


def naming_the_path(words: str, *others: str) -> str:
    """The words in one line, in front of them the path that they (where it would be cut off) or `others` name."""
    shown = one_line(_MODULE.sub("", words))
    path = next(filter(None, map(_path_in, (words, *others))), "")
    return shown if path in shown else one_line(f"{path}: {shown}" if shown else path)


def names_a_path(text: str) -> bool:
    return bool(_path_in(text))


def _path_in(text: str) -> str:
    found = _PATH.search(text)
    return next(filter(None, found.groups())) if found else ""


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
