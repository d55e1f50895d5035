"""The settings of one experiment: a profile (TOML), under the environment, under the flags of the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from console.settings.constants import AUTO_THEME, ENVIRONMENT_PREFIX, THEME_NAMES
from console.settings.errors import SettingsError
from console.settings.paths import check_folders, state_home
from flowspec.causes import CODES
from flowspec.inputs import Places
from flowspec.retry_rules import RetryRule
from flowspec.stages import Stage

_EXPERIMENT = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PRINCIPAL = re.compile(r"urn:globus:(auth:identity|groups:id):[0-9a-f-]{36}")


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("not an id of Globus") from None


def _local(path: Path) -> Path:
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError("no such user") from None
    if not path.is_absolute() or "\0" in str(path):
        raise ValueError("not an absolute path")
    return path


def _far(path: str) -> str:
    if not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise ValueError("not an absolute path")
    return path.rstrip("/")


def _loopback(address: str) -> str:
    """The address made anew of its parts: what stands in it besides could mean another host to another library."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host not in _LOOPBACK or port is None or address.rstrip("/") != f"http://{_in_address(host)}:{port}":
        raise ValueError("not the address of a sandbox on this machine")
    return f"http://{_in_address(host)}:{port}"


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _principal(urn: str) -> str:
    if not _PRINCIPAL.fullmatch(urn):
        raise ValueError("neither a group nor an identity")
    return urn


def _web(address: SecretStr) -> SecretStr:
    if not address.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("not an address of the web")
    return address


Id = Annotated[str, AfterValidator(_id), Field(description="a UUID, as 9656eff2-8105-445c-8501-154dfe1d88e5")]
LocalPath = Annotated[Path, AfterValidator(_local), Field(description="an absolute path on this machine")]
FarPath = Annotated[str, AfterValidator(_far), Field(description="an absolute path in the site's collection")]
Principals = Annotated[
    tuple[Annotated[str, AfterValidator(_principal)], ...],
    Field(description="a list of urn:globus:groups:id:UUID or urn:globus:auth:identity:UUID"),
]
Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False, description="seconds, above 0")]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Dtn(Part):
    """FRIB's data transfer node: its collection, and the folders on it as this machine sees them."""

    collection: Id
    runs: LocalPath
    results: LocalPath
    strip_prefix: str = Field(default="", description="the head of local paths that the collection does not have")

    def collection_path(self, local: Path) -> str:
        """The path in the collection of a path on this machine."""
        text = str(local)
        prefix = self.strip_prefix.rstrip("/")
        return text[len(prefix) :] or "/" if prefix and (text + "/").startswith(prefix + "/") else text


class Site(Part):
    """Where the work is computed; rawdata, fitted, converted, analyzed and logs are folders of `top`."""

    name: str = Field(min_length=1, max_length=40, description="a name of up to 40 characters")
    collection: Id
    top: FarPath
    kit: FarPath


class ComputeStage(Part):
    endpoint: Id
    function: Id | None = None


class ComputeFunction(Part):
    function: Id | None = None


class Compute(Part):
    fit: ComputeStage
    convert: ComputeStage
    analyze: ComputeStage
    site_status: ComputeFunction = ComputeFunction()
    canary: ComputeFunction = ComputeFunction()


class DeployedFlows(Part):
    analysis: Id | None = None
    transfer: Id | None = None


class Globus(Part):
    """A person's login (client_id), a service account (and its secret), or the sandbox's token (service_url and
    token_file). `service_url` makes a sandbox of the other end for any of them."""

    client_id: Id | None = None
    token_store: LocalPath | None = None
    client_secret_file: LocalPath | None = None
    client_secret: SecretStr | None = Field(default=None, description="the secret of a service account")
    mapped_collections: tuple[Id, ...] = Field(
        default=(), description="ids of the collections that need a data_access consent"
    )
    service_url: Annotated[str, AfterValidator(_loopback)] | None = Field(
        default=None, description="the sandbox's address on this machine, http://127.0.0.1:PORT"
    )
    token_file: LocalPath | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> Globus:
        if self.token_file is not None and self.service_url is None:
            raise ValueError("token_file belongs to a service_url (sandbox)")
        if self.client_id is None and self.token_file is None:
            raise ValueError("expected client_id, or service_url and token_file (sandbox)")
        return self


class Policy(Part):
    """What the driver does by itself, and how patient it is."""

    auto_launch: bool = Field(default=False, description="true or false")
    settle: Seconds = 1.0
    stalled_after: Seconds = 900.0
    look_interval: Seconds = 5.0
    poll_interval: Seconds = 5.0
    order: Literal["newest", "oldest"] = Field(default="oldest", description="newest or oldest")
    max_in_flight: int = Field(default=3, ge=1, le=100, description="a number of flow runs, 1 to 100")
    stuck_gives_slot_back: Seconds = 1800.0
    auto_retries: int = Field(default=3, ge=0, le=20, description="a number of retries, 0 to 20")
    retry_pause: Seconds = 60.0
    streaming: bool = Field(default=False, description="true or false")
    streaming_segments: int = Field(default=4, ge=1, le=100, description="a number of segments, 1 to 100")
    streaming_seconds: Seconds = 60.0
    sources: int | None = Field(default=None, ge=1, le=1000, description="the number of sources of the event builder")


class Rule(Part):
    """A failure that is done again without a person, or (0 times) is not."""

    code: Literal[CODES] = Field(description="a code as failed.abort")  # type: ignore[valid-type]
    stage: Literal["transfer", "fit", "convert", "analyze", "return"] | None = Field(
        default=None, description="transfer, fit, convert, analyze or return"
    )
    times: int = Field(ge=0, le=20, description="a number of retries, 0 to 20")
    pause: Seconds = 60.0


class Retry(Part):
    rule: tuple[Rule, ...] = Field(default=(), description="tables [[retry.rule]] with code, stage, times, pause")


class Screen(Part):
    """How the screen looks."""

    theme: str = Field(default=AUTO_THEME, pattern=f"^({'|'.join(THEME_NAMES)})$", description=", ".join(THEME_NAMES))
    keys: dict[str, tuple[str, ...]] = Field(
        default={}, description="for each action a list of further keys, as launch = ['f5']"
    )
    columns: dict[Literal["runs", "flow_runs", "segments", "endpoints"], tuple[str, ...]] = Field(
        default={}, description="for runs, flow_runs, segments, endpoints a list of columns, as runs = ['state']"
    )


class Alerts(Part):
    """Whom the driver calls, and when. Addresses hold passwords: FRIB_CONSOLE__ALERTS__URLS can have them as well."""

    urls: tuple[SecretStr, ...] = Field(default=(), description="a list of addresses as Apprise takes them")
    apprise: LocalPath | None = None
    hook: tuple[str, ...] = Field(default=(), description="a command as a list, as ['/usr/local/bin/page', 'shift']")
    ping: Annotated[SecretStr, AfterValidator(_web)] | None = Field(
        default=None, description="an address that begins with http:// or https://"
    )
    ping_interval: Seconds = 60.0
    per_hour: int = Field(default=6, ge=1, le=60, description="a number of messages, 1 to 60")
    beam: bool = Field(default=True, description="true or false: whether runs are to come")


class Settings(BaseSettings):
    """Everything about one experiment. Made by `load`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__"
    )

    experiment: str = Field(pattern=_EXPERIMENT, description="a name of letters, digits, dot, dash, underscore")
    dtn: Dtn
    site: Site
    compute: Compute
    globus: Globus
    flows: DeployedFlows = DeployedFlows()
    policy: Policy = Policy()
    retry: Retry = Retry()
    screen: Screen = Screen()
    alerts: Alerts = Alerts()
    run_managers: Principals = ()
    run_monitors: Principals = ()
    ledger: LocalPath

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # console.settings.profiles reads the sources, to be able to say which one is at fault

    @property
    def token_store(self) -> Path:
        """Where a person's login is kept; one file per client, shared by experiments."""
        return self.globus.token_store or state_home() / f"{self.globus.client_id}-tokens.json"

    def places(self) -> Places:
        """What input documents are made of. Raises SettingsError when a compute function is not registered yet."""
        compute = {
            stage: (getattr(self.compute, stage.value).endpoint, self.function(stage.value))
            for stage in (Stage.FIT, Stage.CONVERT, Stage.ANALYZE)
        }
        return Places(
            dtn_collection=self.dtn.collection,
            runs=self.dtn.collection_path(self.dtn.runs),
            results=self.dtn.collection_path(self.dtn.results),
            site_collection=self.site.collection,
            top=self.site.top,
            kit=self.site.kit,
            compute=compute,
        )

    def retry_rules(self) -> tuple[RetryRule, ...]:
        """In the order of the profile: the first that fits counts."""
        return tuple(RetryRule(rule.code, rule.times, rule.pause, rule.stage) for rule in self.retry.rule)

    def function(self, name: str) -> str:
        """The id of a compute function. Raises SettingsError when it is not registered yet."""
        part: ComputeStage | ComputeFunction = getattr(self.compute, name)
        if part.function is None:
            raise SettingsError(
                f"compute.{name}.function is not set: register the functions (console functions register)"
            )
        return part.function

    def check_paths(self) -> None:
        """Raises SettingsError when a folder on this machine is not there (or its file system is not mounted)."""
        check_folders(self.dtn.runs, self.dtn.results)
