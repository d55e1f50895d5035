"""What can go wrong at the other end, in the three kinds that call for three different answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from flowspec.catalogue.globus_codes import GLOBUS_CODES, goes_when
from flowspec.causes import Kind as Passing
from flowspec.causes import kind_of
from remote.globus import proxies
from remote.globus.credentials import hidden

if TYPE_CHECKING:
    import globus_sdk

Kind = Literal["later", "operator", "bug"]
Demand = dict[str, Any]

_SENTENCE_LIMIT = 300
_READ_LIMIT = 10_000  # of a message, whatever its length
LOGIN_AGAIN = "log in to Globus again (console login)"
_TRY_LATER = "the console tries again by itself"
_TRY_IF_SO = "the console tries again by itself; if it stays so, report it"
_REPORT = "report this to the developers, with the log of the driver"
_ASK_LATER = "try it again later"

# Outside text goes into ledgers and screens: no control characters, no credentials.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


class RemoteError(Exception):
    """A call to a Globus service that did not do what it was asked.

    `kind` says who has to act: "later" (ask again later), "operator" (a person has to do `next_step`), "bug" (the
    console asked for nonsense or did not understand the answer). `cause` is one sentence, free of control characters
    and credentials. `ambiguous` is True when the call may have had its effect all the same, so that whoever repeats it
    must look first. `login`: only a login ends it; `demand` is what Globus asks of that.

    As text it is for a command, which ends with it: what the driver would try again by itself is left to who reads it.
    """

    def __init__(
        self,
        kind: Kind,
        service: str,
        call: str,
        cause: str,
        next_step: str,
        *,
        ambiguous: bool = False,
        login: bool = False,
        demand: Demand | None = None,
    ) -> None:
        self.kind = kind
        self.service = service
        self.call = call
        self.cause = clean(cause)
        self.next_step = clean(next_step)
        self.ambiguous = ambiguous
        self.login = login
        self.demand = demand
        super().__init__(f"{service} {call}: {self.cause}; {_ASK_LATER if kind == 'later' else self.next_step}")


class Nonsense(ValueError):
    """An answer that no service should send; its text is a sentence that says what is wrong with it."""


def clean(text: str) -> str:
    """`text` as one printable line of at most 300 characters without known secrets and what looks like one."""
    line = hidden(" ".join(_CONTROL.sub(" ", text[:_READ_LIMIT]).split())).rstrip(".; ")
    return line if len(line) <= _SENTENCE_LIMIT else line[: _SENTENCE_LIMIT - 3] + "..."


def classify(exc: Exception, service: str, call: str, *, repeatable: bool = True) -> RemoteError:
    """The RemoteError for any exception of a call to `service`.

    `repeatable` is True for calls that may be made twice without harm; only the others can be ambiguous.
    """
    import globus_sdk
    from globus_sdk.token_storage import TokenValidationError

    def error(kind: Kind, cause: str, next_step: str, *, happened: bool = False, login: bool = False) -> RemoteError:
        ambiguous = happened and not repeatable
        return RemoteError(kind, service, call, cause, next_step, ambiguous=ambiguous, login=login)

    if isinstance(exc, RemoteError):
        return exc
    if isinstance(exc, TokenValidationError):
        return error("operator", f"the stored login does not serve: {exc}", LOGIN_AGAIN, login=True)
    if isinstance(exc, globus_sdk.AuthAPIError):  # the token could not be renewed; the call itself was never sent
        if exc.http_status >= 500 or exc.http_status == 429:
            return error("later", f"Globus Auth answers {_api_text(exc)}", _TRY_LATER)
        return error("operator", f"Globus Auth refuses to renew the login: {_api_text(exc)}", LOGIN_AGAIN, login=True)
    if isinstance(exc, globus_sdk.GlobusAPIError):
        consent = missing_consent(exc)
        if consent is not None:
            next_step = "give it by logging in (console login)"
            return RemoteError("operator", service, call, consent, next_step, login=True, demand=demanded(exc))
        kind, next_step = _of_status(exc)
        happened, login = exc.http_status >= 500, exc.http_status == 401
        return error(kind, f"the service answers {_api_text(exc)}", next_step, happened=happened, login=login)
    if isinstance(exc, globus_sdk.NetworkError):
        return _of_network(exc, error)
    if isinstance(exc, Nonsense):
        return error("later", str(exc), _TRY_IF_SO, happened=True)
    if isinstance(exc, (LookupError, TypeError, ValueError, AttributeError, RecursionError)):
        cause = f"the answer is not what the service should send ({type(exc).__name__}: {exc})"
        return error("later", cause, _TRY_IF_SO, happened=True)
    return error("bug", f"unexpected {type(exc).__name__}: {exc}", _REPORT, happened=True)


@contextmanager
def calling(service: str, call: str, *, repeatable: bool = True) -> Iterator[None]:
    """Around a call to the SDK: nothing but RemoteError leaves."""
    import globus_sdk

    try:
        yield
    except globus_sdk.GlobusError as exc:
        # Not chained: the SDK's exception holds the request with its Authorization header.
        raise classify(exc, service, call, repeatable=repeatable) from None
    except Exception as exc:
        raise classify(exc, service, call, repeatable=repeatable) from exc


def demanded(problem: globus_sdk.GlobusAPIError | dict[str, Any]) -> Demand | None:
    """What Globus asks of a login before it does this, as parameters of an authorization; None when it asks nothing.

    Takes an API error, or the `details` of a flow run that is INACTIVE (facts: they have the same shapes).
    """
    from globus_sdk.gare import to_gare

    document = getattr(problem, "raw_json", problem)
    gare = to_gare(problem) if isinstance(document, dict) else None  # which believes that it is an object
    return None if gare is None else gare.authorization_parameters.to_dict()


def missing_consent(problem: globus_sdk.GlobusAPIError | dict[str, Any]) -> str | None:
    """A sentence naming what `demanded` finds; None when Globus asks for nothing."""
    asked = demanded(problem)
    return None if asked is None else in_words(asked)


def in_words(asked: Demand) -> str:
    if scopes := asked.get("required_scopes"):
        return "Globus asks for a consent that is missing: " + ", ".join(map(str, scopes))
    how = ["Globus asks for a fresh login"]
    if identities := asked.get("session_required_identities"):
        how.append("as " + ", ".join(map(str, identities)))
    if domains := asked.get("session_required_single_domain"):
        how.append("with an identity of " + " or ".join(domains))
    if asked.get("session_required_mfa"):
        how.append("with multi-factor authentication")
    if message := asked.get("session_message"):
        how.append(f"({message})")
    return " ".join(how)


def _of_status(exc: globus_sdk.GlobusAPIError) -> tuple[Kind, str]:
    """The kind and the next step for a status of HTTP."""
    status, code = exc.http_status, exc.code or ""
    if status == 401:
        return "operator", LOGIN_AGAIN
    if status == 407:
        return "operator", "the proxy of this machine wants a login: it belongs into HTTPS_PROXY"
    if status in (402, 403) or "PermissionDenied" in code:
        return "operator", "ask for the right at the flow, collection or endpoint, or log in as who has it"
    if status in (404, 410):
        return "operator", "check the ids and paths of the profile: it may be gone, or not shared with this login"
    if status in (408, 425, 429) or status >= 500:
        for name in code.split("."):  # ExternalError.DirListingFailed.LoginFailed, with status 502
            if goes_when(name) and kind_of(GLOBUS_CODES[name].cause) is Passing.STAYS:
                return "operator", f"it goes on when {goes_when(name)}"
        return "later", _TRY_LATER
    if status in (409, 423):
        return "operator", "look at it in the Globus web app: its state does not allow this"
    return "bug", _REPORT


def _api_text(exc: globus_sdk.GlobusAPIError) -> str:
    message = _faults(exc) or _message(exc) or exc.http_reason or "without a reason"
    code = f" {exc.code}" if exc.code and exc.code != "Error" else ""
    return f"{exc.http_status}{code}: {message}"


def _message(exc: globus_sdk.GlobusAPIError) -> str:
    """With the `reason` of Compute's errors, which the SDK leaves out."""
    reason = exc.raw_json.get("reason") if isinstance(exc.raw_json, dict) else None
    return ": ".join(dict.fromkeys(str(text) for text in (exc.message, reason) if text))


def _faults(exc: globus_sdk.GlobusAPIError) -> str:
    """The faults that Flows found in a document, each with the path to it, which the SDK leaves out."""
    error = exc.raw_json.get("error") if isinstance(exc.raw_json, dict) else None
    details = error.get("detail") if isinstance(error, dict) else None
    if not isinstance(details, list):
        return ""
    faults = [d for d in details if isinstance(d, dict) and d.get("msg")]
    return "; ".join(f"{'.'.join(map(str, d.get('loc') or ['document']))}: {d['msg']}" for d in faults)


def _of_network(exc: globus_sdk.NetworkError, error: Callable[..., RemoteError]) -> RemoteError:
    import globus_sdk
    import requests

    below = exc.underlying_exception
    request = getattr(below, "request", None)
    variable = proxies.variable(request.url) if request is not None else None
    if isinstance(below, requests.TooManyRedirects):
        elsewhere = below.response.headers.get("Location", "")[:100] if below.response is not None else "another place"
        cause = f"something else answers in place of the service, and sends the console to {elsewhere}"
        return error("operator", cause, "does this network want a login in a browser, or a proxy?", happened=True)
    if variable is not None and isinstance(below, proxies.refusals()):
        cause = f"the proxy of {variable} ({proxies.address(variable)}) does not serve: {proxies.why(below)}"
        return error("operator", cause, f"mend or unset {variable}, or name the service in NO_PROXY")
    through = f" through the proxy of {variable}" if variable is not None else ""
    again = f"the console tries again by itself; if it stays so, look at {variable}" if through else _TRY_LATER
    if isinstance(below, requests.exceptions.SSLError):
        return error(
            "operator",
            f"no secure line to the service{through}: {below}",
            "check the clock, the certificates, the proxy",
        )
    if isinstance(exc, globus_sdk.GlobusConnectionTimeoutError) or _never_connected(below):
        return error("later", f"the service cannot be reached{through} (no connection)", again)
    if isinstance(exc, globus_sdk.GlobusTimeoutError):
        return error("later", f"the service did not answer in time{through}", again, happened=True)
    return error("later", f"the line broke during the call{through} ({type(below).__name__})", again, happened=True)


def _never_connected(below: BaseException) -> bool:
    """Refused or unknown host: urllib3 says so in the `reason` of what requests wraps."""
    from urllib3.exceptions import NewConnectionError

    inner = below.args[0] if below.args else None
    return isinstance(getattr(inner, "reason", inner), NewConnectionError)
