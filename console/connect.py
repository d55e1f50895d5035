"""From settings to working parts: the clients and places of the driver, the watcher of the run directory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from console.context import Context
from console.ledger.store import Ledger
from console.settings.errors import SettingsError
from console.settings.model import Globus, Settings
from flowspec.conditions import Reason
from flowspec.stages import Stage
from remote.globus import secret_file
from remote.globus.connection import Remote, connect

COMPUTE_STAGES = (Stage.FIT, Stage.CONVERT, Stage.ANALYZE)


def remote(settings: Settings) -> Remote:
    """The clients of the other end; no request is made. Raises RemoteError when the sandbox's token cannot be used."""
    globus = settings.globus
    if globus.token_file is not None:
        return connect(token_file=globus.token_file, service_url=globus.service_url)
    return connect(
        client_id=globus.client_id,
        token_store=settings.token_store,
        client_secret=_secret(globus),
        service_url=globus.service_url,
        flow_ids=[flow for flow in (settings.flows.analysis, settings.flows.transfer) if flow],
        mapped_collections=globus.mapped_collections,
    )


def _secret(globus: Globus) -> Callable[[], str] | None:
    """How the secret of a service account is found; None where a person logs in."""
    if globus.client_secret is not None:
        return globus.client_secret.get_secret_value
    if globus.client_secret_file is not None:
        return partial(secret_file.read, globus.client_secret_file, "secret file", "write the client's secret there")
    return None


def make_context(settings: Settings, ledger: Ledger, elsewhere: Callable[[], Reason | None] = lambda: None) -> Context:
    """What actions and pollers work with; `elsewhere` as in Context.

    Raises SettingsError when flow or functions are not deployed yet.
    """
    if settings.flows.analysis is None:
        raise SettingsError("flows.analysis is not set: deploy the flows (console flows deploy)")
    return Context(
        ledger=ledger,
        remote=remote(settings),
        places=settings.places(),
        experiment=settings.experiment,
        results=settings.dtn.results,
        flow_id=settings.flows.analysis,
        endpoints={stage: getattr(settings.compute, stage.value).endpoint for stage in COMPUTE_STAGES},
        policy=settings.policy,
        retry_rules=settings.retry_rules(),
        run_managers=settings.run_managers,
        run_monitors=settings.run_monitors,
        canary=settings.compute.canary.function,
        elsewhere=elsewhere,
    )
