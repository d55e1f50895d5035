"""Takes flow runs from state to state, runs and polls their actions, and writes their logs.

The engine has no thread and never waits: `advance` does what is due and says when it wants to be called again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from flowspec import polling
from flowspec.grammar import action_url
from remote.sandbox.flows import documents, expressions, interpreter
from remote.sandbox.flows.action_bodies import ProviderError
from remote.sandbox.flows.errors import StateError, runtime
from remote.sandbox.flows.paths import visible
from remote.sandbox.flows.providers import Providers
from remote.sandbox.flows.runs import ACTIVE, FAILED, INACTIVE, SUCCEEDED, FlowRun, Running, iso
from remote.sandbox.flows.web_inputs import WebInputs

POLLINGS: dict[str, Callable[[int], float]] = {  # name -> seconds to the next poll after so many
    "quick": lambda polls: min(2.0, polling.interval(polls)),
    "real": polling.interval,
}
DEFAULT_WAIT_TIME = 300  # s
STATES_PER_TURN = 50  # so that a loop of Pass states leaves time for the other flow runs
LOG_LIMIT = 10_000  # entries; such a loop must end somewhere
# What an inactive action says about how to go on; a run document has it where globus_sdk.gare looks for it.
_CONSENT = ("code", "description", "required_scope", "resolution_url", "authorization_parameters")

_log = logging.getLogger(__name__)


class Engine:
    """`speed` divides poll intervals and Wait.Seconds, but not WaitTime: the work behind an action takes its time.

    `interval(polls)` is the seconds to the next poll of an action that was polled so often. Without `hints`, resuming
    an active flow run changes nothing.
    """

    def __init__(
        self,
        providers: Providers,
        now: Callable[[], float],
        speed: float,
        interval: Callable[[int], float],
        hints: bool = True,
    ) -> None:
        self._providers = providers
        self.web_inputs = WebInputs()
        self._now = now
        self._speed = speed
        self._interval = interval
        self._hints = hints

    def start(self, run: FlowRun) -> None:
        with run.lock:
            run.data = run.body
            details = {"input": visible(run.body)}
            run.details = {"code": "FlowStarting", "description": "The Flow is starting execution", "details": details}
            self._record(run, "FlowStarted", "The Flow Instance started execution", details)

    def advance(self, run: FlowRun) -> float | None:
        """Does what is due; returns when to call again (seconds since 1970), or None if nothing more is to come."""
        with run.lock:
            try:
                return self._advance(run)
            except StateError as error:
                self._fail(run, error)
            except Exception as error:
                # A defect in the sandbox must show as a failed flow run, not as one that is active for ever.
                _log.exception("flow run %s, state %s", run.id, run.state)
                self._fail(run, runtime(f"The sandbox failed: {type(error).__name__}: {error}"))
            return None

    def cancel(self, run: FlowRun) -> None:
        """Ends the flow run as FAILED with code FlowCanceled, and cancels its action; nothing if it has ended."""
        with run.lock:
            if run.ended:
                return
            self._cancel_action(run)
            entry = self._record(run, "FlowCanceled", "The Flow Instance was canceled by the user", {})
            self._end(run, FAILED, entry)

    def resume(self, run: FlowRun) -> None:
        """An INACTIVE flow run becomes ACTIVE again; for an ACTIVE one this only means to be polled now: a hint."""
        with run.lock:
            resumed = run.status == INACTIVE
            if resumed:
                run.status = ACTIVE
                self._record(run, "ActionActive", f"State {run.state} of type Action resumed", self._where(run))
            if run.action is not None and (resumed or self._hints):
                run.action.due = self._now()

    def _advance(self, run: FlowRun) -> float | None:
        if not run.state:
            interpreter.limited(run.data, "its input document")
            run.state = run.definition["StartAt"]
        for _ in range(STATES_PER_TURN):
            if run.status != ACTIVE:
                return None
            if run.action is not None:
                if self._now() < run.action.due:
                    return run.action.due
                self._poll(run, run.action)
            elif run.wake is not None:
                if self._now() < run.wake:
                    return run.wake
                run.wake = None
                self._leave(
                    run, interpreter.finish(run.state, {**self._spec(run), "ResultPath": "$"}, run.data, run.data)
                )
            elif run.web_input is not None:
                response = self.web_inputs.response(run.web_input)
                if response is None:
                    return None  # whoever answers it calls
                run.web_input = None
                self._leave(run, interpreter.finish(run.state, self._spec(run), run.data, response))
            else:
                self._execute(run)
        return self._now()

    def _execute(self, run: FlowRun) -> None:
        """Does the state that the flow run has just entered, as far as that goes without waiting."""
        spec, context = self._spec(run), self._context(run)
        if spec["Type"] == "Action":
            body = interpreter.action_input(spec, run.data, context)
            self._started(run, expressions.public(spec.get("Parameters"), body))
            self._run_action(run, spec, body)
            return
        self._started(run, visible(run.data))
        if spec["Type"] == "Wait":
            run.wake = interpreter.wait_until(spec, run.data, context, self._now(), self._speed)
        elif spec["Type"] == "CreateWebInput":
            made = self.web_inputs.create(run, interpreter.action_input(spec, run.data, context), self._now())
            self._leave(run, interpreter.finish(run.state, spec, run.data, {"web_input_id": made}))
        elif spec["Type"] == "AwaitWebInput":
            run.web_input = str(interpreter.action_input(spec, run.data, context)["web_input_id"])
        else:
            self._leave(run, interpreter.step(run.state, spec, run.data, context))

    def _run_action(self, run: FlowRun, spec: dict[str, Any], body: Any) -> None:
        url = str(action_url(spec))
        try:
            status = self._providers.find(url).run(body, run.owner)
        except ProviderError as error:
            self._caught(run, StateError("ActionUnableToRun", json.dumps(error.document())))
            return
        now = self._now()
        deadline = now + spec.get("WaitTime", DEFAULT_WAIT_TIME)
        run.action = Running(url, self._shown(run, status), deadline, due=now)
        run.details = {**run.details, "action_statuses": [run.action.status]}
        self._judge(run, run.action)

    def _poll(self, run: FlowRun, action: Running) -> None:
        """Asks the provider how the action is, and ends the state if it has ended or its WaitTime is over."""
        try:
            status = self._providers.find(action.url).status(action.status["action_id"])
        except ProviderError as error:  # the service asks again at the next poll, until WaitTime is over
            status = {**action.status, "details": error.document()}
        action.status = self._shown(run, status)
        action.polls += 1
        details = self._where(run, output=action.status)
        self._record(run, "ActionPolled", f"State {run.state} of type Action polled", details)
        self._judge(run, action)
        if run.action is action and self._now() >= action.deadline:
            self._cancel_action(run)
            run.action = None
            self._caught(run, StateError("ActionTimeout", json.dumps(action.status)))

    def _judge(self, run: FlowRun, action: Running) -> None:
        """Leaves the state if the action has ended; else says when to poll next, or that it needs its owner."""
        status, spec = action.status["status"], self._spec(run)
        if status == SUCCEEDED or (status == FAILED and not spec.get("ExceptionOnActionFailure", False)):
            run.action = None
            self._leave(run, interpreter.finish(run.state, spec, run.data, action.status))
        elif status == FAILED:
            run.action = None
            self._caught(run, StateError("ActionFailedException", json.dumps(action.status)))
        elif status == INACTIVE:
            self._record(run, "ActionInactive", f"State {run.state} of type Action is inactive", self._where(run))
            run.status = INACTIVE
            given = {key: action.status["details"][key] for key in _CONSENT if key in action.status["details"]}
            if "required_scope" in given:  # it is to be allowed to the flow
                given["required_scope"] = f"{documents.scope(run.flow_id)}[{given['required_scope']}]"
            run.details = run.details | given | {"state_name": run.state, "action_statuses": [action.status]}
        else:
            interval = self._interval(action.polls) / self._speed
            action.due = min(self._now() + interval, max(action.deadline, self._now()))

    def _leave(self, run: FlowRun, to: interpreter.Transition) -> None:
        kind = self._spec(run)["Type"]
        details = self._where(run, output=visible(to.output))
        self._record(run, f"{kind}Completed", f"State {run.state} of type {kind} completed", details)
        self._go(run, to)

    def _caught(self, run: FlowRun, error: StateError) -> None:
        """Logs that an action failed and takes the matching Catch; raises the error if there is none."""
        details = self._where(run, exception=error.name, cause=error.cause)
        self._record(run, "ActionFailed", f"State {run.state} of type Action failed", details)
        to = interpreter.caught(run.state, self._spec(run), run.data, error)
        if to is None:
            raise error
        self._go(run, to)

    def _go(self, run: FlowRun, to: interpreter.Transition) -> None:
        run.data = to.data
        if to.next is not None:
            if len(run.log) > LOG_LIMIT:
                raise runtime(f"The flow run has made more than {LOG_LIMIT} log entries.")
            run.state = to.next
            return
        output = visible(run.data)
        self._record(run, "FlowSucceeded", "The Flow Instance completed successfully", {"output": output})
        description = "The Flow run reached a successful completion state"
        self._end(run, SUCCEEDED, {"code": "FlowSucceeded", "description": description, "output": output})

    def _fail(self, run: FlowRun, error: StateError) -> None:
        self._cancel_action(run)
        details = {"state_name": run.state, "exception": error.name, "cause": error.cause}
        self._end(run, FAILED, self._record(run, "FlowFailed", "The Flow Instance failed", details))

    def _end(self, run: FlowRun, status: str, details: dict[str, Any]) -> None:
        run.status, run.details, run.completed = status, details, self._now()
        run.action = run.wake = run.web_input = None
        self.web_inputs.close(run, self._now())

    def _cancel_action(self, run: FlowRun) -> None:
        if run.action is not None:
            try:
                self._providers.find(run.action.url).cancel(run.action.status["action_id"])
            except ProviderError as error:
                _log.warning("flow run %s, state %s: its action was not cancelled: %s", run.id, run.state, error)

    def _shown(self, run: FlowRun, status: dict[str, Any]) -> dict[str, Any]:
        """The status of an action as the flow run keeps it: an action has the label and the roles of its flow run."""
        of_run = {"label": run.label or None, "manage_by": run.run_managers, "monitor_by": run.run_monitors}
        return {**status, **of_run, "state_name": run.state}

    def _started(self, run: FlowRun, given: Any) -> None:
        kind = self._spec(run)["Type"]
        self._record(run, f"{kind}Started", f"State {run.state} of type {kind} started", self._where(run, input=given))

    def _where(self, run: FlowRun, **more: Any) -> dict[str, Any]:
        return {"state_name": run.state, "state_type": self._spec(run)["Type"], **more}

    def _spec(self, run: FlowRun) -> dict[str, Any]:
        spec: dict[str, Any] = run.definition["States"][run.state]
        return spec

    def _context(self, run: FlowRun) -> dict[str, Any]:
        user = run.owner.rpartition(":")[2]
        return {
            "flow_id": run.flow_id,
            "run_id": run.id,
            "username": f"{user}@sandbox.invalid",
            "email": f"{user}@sandbox.invalid",
            "user_id": run.owner,
            "identities": [run.owner],
            "token_info": {"exp": int(run.started) + 172_800, "iat": int(run.started), "nbf": int(run.started)},
        }

    def _record(self, run: FlowRun, code: str, description: str, details: dict[str, Any]) -> dict[str, Any]:
        """Writes a log entry (in milliseconds, as the service does); an active flow run shows it as its details."""
        entry = {"time": iso(round(self._now(), 3)), "code": code, "description": description, "details": details}
        run.log.append(entry)
        if run.status == ACTIVE and code != "FlowStarted":
            statuses = {"action_statuses": [run.action.status]} if run.action else {"details": details}
            run.details = {"code": code, "description": description, **statuses}
        return entry
