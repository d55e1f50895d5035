"""The codes by which Globus names a trouble: for each who acts, when it goes on, and the cause whose kind says whether
a failure of that name is retried by itself (flowspec/causes.py)."""

from __future__ import annotations

from typing import NamedTuple

from flowspec.conditions import Owner


class GlobusCode(NamedTuple):
    """`when` completes "goes on when ..."; '' where nobody has to do anything, or nobody knows. `cause` is a code of
    flowspec/catalogue/failures.py; '' for what is no trouble, or says nothing of its cause."""

    code: str
    owner: Owner
    when: str
    cause: str


_FILE = "the file is there"
_RIGHTS = "its rights allow it"
_LOGIN = "somebody has logged in again with console login"
_ROOM = "there is room at the destination"
_KIND = "the path is a file, or a directory, as it should be"
_PATH = "the path is one that the collection takes"
_RUNS_THERE = "Globus Connect runs again on its machine"
_UNPAUSED = "Globus Connect is unpaused on its machine"
_FLOW = "the flow is right, as console flows validate says"


def _operator(cause: str, when: str, *codes: str) -> list[GlobusCode]:
    return [GlobusCode(code, Owner.OPERATOR, when, cause) for code in codes]


def _site(cause: str, when: str, *codes: str) -> list[GlobusCode]:
    return [GlobusCode(code, Owner.SITE, when, cause) for code in codes]


def _globus(cause: str, *codes: str) -> list[GlobusCode]:
    return [GlobusCode(code, Owner.GLOBUS, "", cause) for code in codes]


def _nobody(*codes: str) -> list[GlobusCode]:
    return [GlobusCode(code, Owner.NOBODY, "", "") for code in codes]


_ROWS = (
    # ---- Transfer: what its tasks meet
    *_operator("failed.path", _FILE, "FILE_NOT_FOUND", "NOT_FOUND", "NotFound"),
    *_operator("failed.path", _KIND, "IS_A_DIRECTORY", "IS_A_FILE", "NOT_A_DIRECTORY", "NOT_A_FILE"),
    *_operator("failed.path", _PATH, "INVALID_PATH_NAME", "AMBIGUOUS_PATH", "INVALID_SYMLINK"),
    *_operator("failed.permission", _RIGHTS, "PERMISSION_DENIED", "PermissionDenied", "ACL_CHANGED", "FORBIDDEN"),
    *_operator("failed.space", _ROOM, "NO_SPACE_LEFT", "QUOTA_EXCEEDED"),
    *_operator("failed.spoilt", "nothing writes to the file any more", "FILE_SIZE_CHANGED"),
    *_operator("failed.spoilt", "the file is the one that its digest is of", "EXTERNAL_CHECKSUM_MISMATCH"),
    *_operator("failed.login", _LOGIN, "AUTH", "NO_CREDENTIALS", "CREDENTIALS_EXPIRED", "AuthenticationFailed"),
    *_operator("failed.stopped", "it is asked for again", "CANCELED"),
    *_site("failed.login", "the site lets this account in", "LOGIN_DENIED", "LoginFailed"),
    *_site("failed.login", "the collection's administrator renews its credential", "INVALID_SERVICE_CREDENTIAL"),
    *_site("failed.stopped", "the collection's administrator ends the pause", "PAUSED"),
    *_site("failed.stopped", _UNPAUSED, "GC_PAUSED", "GCPaused"),
    *_site("failed.endpoint", _RUNS_THERE, "GC_NOT_CONNECTED", "GCDisconnected"),
    *_site("failed.space", "the collection takes more", "LIMIT_EXCEEDED"),
    *_globus("failed.network", "CONNECT_FAILED", "CONNECTION_RESET", "CONNECTION_BROKEN"),
    *_globus("failed.service", "ENDPOINT_TOO_BUSY", "INTERNAL_ERROR"),
    *_globus("failed.timeout", "TIMEOUT", "EXPIRED"),
    *_globus("failed.spoilt", "VERIFY_CHECKSUM"),  # it copies the file again; what stays different is not right
    *_nobody("OK", "Queued", "STARTED", "PROGRESS", "SUCCEEDED", "UNPAUSED"),
    # Only the names are known of these: nothing is promised.
    *_nobody("ENDPOINT_ERROR", "MPU_NOT_FOUND", "CLOCK", "UNKNOWN", "ExternalError", "EndpointError"),
    # ---- Flows, and what its actions are refused with
    *_operator("failed.login", _LOGIN, "ConsentRequired", "AuthorizationParameters", "MISSING_SCOPE"),
    *_operator("failed.login", _LOGIN, "AUTHENTICATION_ERROR"),
    *_operator("failed.request", _FLOW, "States.Runtime", "FLOW_INPUT_ERROR", "UNPROCESSABLE_ENTITY"),
    *_operator("failed.stopped", "it is asked for again", "FlowCanceled"),
    *_globus("failed.timeout", "ActionTimeout"),
    *_nobody("ActionUnableToRun", "ActionFailedException", "States.ALL", "FlowStarting", "FlowStarted"),
    *_nobody("FlowSucceeded", "FlowFailed"),
    # ---- Compute
    *_operator("failed.request", "an attempt has fewer segments", "TASK_PAYLOAD_TOO_LARGE"),
    *_operator("failed.function", "the functions of this version are registered", "MaxResultSizeExceeded"),
    *_site("failed.request", "the endpoint's configuration takes what it is sent", "SEMANTICALLY_INVALID"),
    *_site("failed.worker", "", "ManagerLost", "WorkerLost"),
    *_globus("failed.service", "MaxRequestsExceeded"),
    *_nobody("TaskExecutionFailed"),
)

GLOBUS_CODES = {row.code: row for row in _ROWS}


def goes_when(code: str) -> str:
    """Completes "goes on when ..."; '' for a code of which that is not known."""
    return GLOBUS_CODES[code].when if code in GLOBUS_CODES else ""
