"""Codes of Globus's: for each who acts, what has to happen, and whether a failure of that name is retried by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec import catalogue
from flowspec.catalogue.globus_codes import GLOBUS_CODES, goes_when
from flowspec.causes import Kind, classify, in_words, kind_of
from flowspec.conditions import Owner, reason


def words(text: str) -> list[str]:
    return text.split()


# The events of Transfer's tasks, as its staff listed them (archive of developer-discuss at groups.google, NR2guXS-9SI).
EVENTS = words("""
    STARTED PROGRESS SUCCEEDED CANCELED EXPIRED TIMEOUT PAUSED UNPAUSED GC_NOT_CONNECTED GC_PAUSED CONNECT_FAILED
    CONNECTION_RESET CONNECTION_BROKEN ENDPOINT_ERROR ENDPOINT_TOO_BUSY AUTH NO_CREDENTIALS INVALID_SERVICE_CREDENTIAL
    PERMISSION_DENIED FILE_NOT_FOUND FILE_SIZE_CHANGED IS_A_DIRECTORY IS_A_FILE NOT_A_DIRECTORY NOT_A_FILE
    INVALID_PATH_NAME AMBIGUOUS_PATH NO_SPACE_LEFT QUOTA_EXCEEDED LIMIT_EXCEEDED VERIFY_CHECKSUM
    EXTERNAL_CHECKSUM_MISMATCH INVALID_SYMLINK MPU_NOT_FOUND ACL_CHANGED CLOCK INTERNAL_ERROR UNKNOWN
""")
# Statuses of its tasks, and errors of its API, from globus_sdk's registered fixtures and the documentation.
TRANSFER = words("""
    OK Queued NotFound PermissionDenied ExternalError EndpointError ConsentRequired AuthenticationFailed LoginFailed
""")
# Flows: globus_sdk's fixtures, its documentation of authoring, threads of globus-cli.
FLOWS = words("""
    ActionUnableToRun ActionFailedException ActionTimeout States.Runtime States.ALL FlowStarting FlowStarted
    FlowSucceeded FlowFailed FlowCanceled ConsentRequired AuthorizationParameters FLOW_INPUT_ERROR MISSING_SCOPE
    FORBIDDEN UNPROCESSABLE_ENTITY AUTHENTICATION_ERROR
""")
# Compute: docs/limits.rst, changelog and exceptions of globus-compute.
COMPUTE = words("""
    MaxRequestsExceeded TASK_PAYLOAD_TOO_LARGE MaxResultSizeExceeded SEMANTICALLY_INVALID TaskExecutionFailed
    ManagerLost WorkerLost
""")
WAITING = words("PAUSED AUTH NO_CREDENTIALS LOGIN_DENIED IS_A_DIRECTORY INVALID_PATH_NAME GC_PAUSED LoginFailed")
TROUBLES = sorted(code for code, row in GLOBUS_CODES.items() if row.cause)


@pytest.mark.parametrize("code", sorted({*EVENTS, *TRANSFER, *FLOWS, *COMPUTE, *WAITING}))
def test_no_code_of_globus_is_missing(code):
    assert GLOBUS_CODES[code].code == code


@pytest.mark.parametrize("code", WAITING)
def test_what_waits_for_a_person_says_so_and_is_not_retried(code):
    assert GLOBUS_CODES[code].owner in (Owner.OPERATOR, Owner.SITE)
    assert goes_when(code)
    assert kind_of(classify(f"the service answers 502 {code}: so it is").code) is Kind.STAYS


@pytest.mark.parametrize("code", TROUBLES)
def test_a_text_with_a_code_has_its_cause(code):
    found = classify(f"{code}: so it is")
    assert (found.code, found.parameters["fault"]) == (GLOBUS_CODES[code].cause, code)
    assert found.code in catalogue.ENTRIES
    sentence = catalogue.sentence(found)
    assert sentence == f"{code}: so it is" + (f" (goes well when {goes_when(code)})" if goes_when(code) else "")


@pytest.mark.parametrize("code", sorted(set(GLOBUS_CODES) - set(TROUBLES)))
def test_of_a_code_that_says_nothing_of_its_cause_nothing_is_promised(code):
    assert kind_of(classify(f"{code}: so it is").code) is not Kind.PASSES
    assert GLOBUS_CODES[code].owner is Owner.NOBODY
    assert "look at the task" in fault(code)


def fault(code: str) -> str:
    return catalogue.sentence(reason("transfer.fault", done=1, total=2, fault=code, words="/x"))


@pytest.mark.parametrize("code", sorted(GLOBUS_CODES))
def test_somebody_is_told_what_has_to_happen_or_globus_acts(code):
    row = GLOBUS_CODES[code]
    if row.owner is Owner.GLOBUS:
        assert kind_of(row.cause) is Kind.PASSES or code == "VERIFY_CHECKSUM"  # the same bytes differ again
    elif row.when:
        assert fault(code) == f"{code}: goes on when {row.when}, c gives it up; /x; 1/2 files"


@given(st.from_regex(r"[A-Z]{3,12}(_[A-Z]{3,12}){0,3}", fullmatch=True).filter(lambda code: code not in GLOBUS_CODES))
def test_of_an_unknown_code_nothing_is_promised(code):
    assert fault(code) == f"{code}: look at the task in the Globus web app, c gives it up; /x; 1/2 files"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Your account has expired; please contact your system administrator", "failed.account"),
        ("the user's account is locked", "failed.account"),
        ("the allocation expired on 2026-09-30", "failed.account"),
        ("your subscription has expired", "failed.account"),
        ("the reservation has expired", "failed.account"),
        ("the password has expired", "failed.login"),
        ("certificate has expired", "failed.login"),
        ("CREDENTIAL_EXPIRED: log in", "failed.login"),
        ("the token has been revoked", "failed.login"),
        ("Login incorrect", "failed.login"),
        ("the grace period has expired", "failed.unknown"),
        ("the deadline for applications is in May", "failed.unknown"),
        ("no clock is right, the cause is unknown", "failed.unknown"),
    ],
)
def test_what_has_run_out_is_no_time_out(text, code):
    assert classify(text).code == code


FRAMES = """Traceback (most recent call last):
  File "/opt/parsl/executors/high_throughput/process_worker_pool.py", line 7, in quota
    raise PermissionDenied("permission denied: no right")
"""
LOST = "parsl.executors.high_throughput.errors.WorkerLost: Task failure due to loss of worker 17 on host n1\n"


@pytest.mark.parametrize(
    ("text", "code", "shown"),
    [
        (
            FRAMES + "RuntimeError: mpirun failed\n=====\n=   BAD TERMINATION\n=   EXIT CODE: 1\n=====\n",
            "failed.abort", "RuntimeError: mpirun failed = BAD TERMINATION = EXIT CODE: 1",
        ),
        (FRAMES + LOST, "failed.worker", "WorkerLost: Task failure due to loss of worker 17 on host n1"),
        (FRAMES + "KeyboardInterrupt\n", "failed.unknown", "KeyboardInterrupt"),
        (LOST + "host: n1\n", "failed.worker", "WorkerLost: Task failure due to loss of worker 17 on host n1 host: n1"),
        # What came first counts too: it is what has to be repaired.
        (
            FRAMES + "OSError: [Errno 122] Disk quota exceeded: '/cfs/x'\n\nDuring handling of the above exception, "
            "another exception occurred:\n\n" + FRAMES + "TimeoutError: timed out\n",
            "failed.space", "TimeoutError: timed out",
        ),
        ("\n  \n", "failed.unknown", ""),
    ],
)  # fmt: skip
def test_all_of_a_traceback_is_judged_and_its_last_line_is_shown_with_its_tail(text, code, shown):
    assert (classify(text).code, in_words(text)) == (code, shown)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("PERMISSION_DENIED: " + "so it is, " * 40 + "open '/cfs/run 7/x.evt'", "/cfs/run 7/x.evt"),
        ("Error (transfer)\nServer: dtn:2811\n" + "x " * 200 + "\nFile: /cfs/x y.evt \nCommand: STOR", "/cfs/x y.evt"),
        ("see https://app.globus.org/activity/1 " + "x " * 200 + "/cfs/a.evt", "/cfs/a.evt"),
    ],
)  # fmt: skip
def test_the_path_is_named_where_it_would_be_cut_off(text, path):
    shown = in_words(text)
    assert shown.startswith(f"{path}: ")
    assert len(shown) <= 300


@given(st.text())
def test_what_is_shown_is_one_line_of_any_text(text):
    shown = in_words(text)
    assert len(shown) <= 300
    assert shown == " ".join(shown.split())
