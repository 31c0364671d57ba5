"""Settings, read once at start: environment variables over `tailrace.toml` in the data directory over defaults."""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from tailrace.logs import Level
from tailrace.model.errors import Invalid

SETTINGS_FILE = "tailrace.toml"


class IngestSettings(BaseModel, extra="forbid"):
    """What is kept of senders, and how long they may take."""

    ip: Literal["truncated", "full", "none"] = Field(
        default="truncated",
        description="What is kept of senders' addresses: `truncated` (IPv4 to /24, IPv6 to /48), `full` or `none`.",
    )
    exchange_rates: str = Field(
        default="",
        description="A file of lines such as `2026-01-02,EUR,1.0856`, US dollars per unit from that day (UTC) on, by "
        "which amounts are converted; empty: US dollars alone are known.",
    )
    ip_database: str = Field(
        default="",
        description="A file in the format MaxMind DB, in which places are looked up by address; empty: none are.",
    )
    bots: Literal["keep", "drop"] = Field(
        default="keep",
        description="Events of robots, by their user agent: `keep` them as of `device_type` robot, or `drop` them.",
    )
    body_timeout_ms: int = Field(
        default=60_000, gt=0, description="A request whose body takes longer to arrive is given up with 408."
    )
    max_inbox_bytes: int = Field(
        default=8 << 30,
        ge=0,
        description="What may wait on disk to be sealed, in bytes as it is packed. Above it senders are answered 503"
        " until seals catch up, and the log says `inbox.full`. 0: as much as the disk takes.",
    )
    remember_ms: int = Field(
        default=1_000,
        ge=0,
        description="How long a server goes on by the write keys and limits that it has looked up; a change of them"
        " takes this long to be heeded everywhere. 0: each request looks.",
    )


class SealSettings(BaseModel, extra="forbid"):
    """When sessions are closed and how much is sealed at a time."""

    inactivity_ms: int = Field(
        default=1_800_000, gt=0, description="A session is complete when nothing arrived for so long."
    )
    longest_session_ms: int = Field(
        default=86_400_000, gt=0, description="A session is complete at this length at the latest."
    )
    interval_ms: int = Field(
        default=2_000, gt=0, description="From one look of a worker for complete sessions to the next."
    )
    max_records: int = Field(default=500_000, gt=0, description="Records that one seal takes from the inbox at a time.")
    max_open_records: int = Field(
        default=1_000_000, gt=0, description="Above so many open records the oldest sessions are closed early."
    )
    max_open_bytes: int = Field(default=268_435_456, gt=0, description="The same for bytes of text in open records.")
    dedupe_horizon_ms: int = Field(
        default=2_592_000_000,
        gt=0,
        description="How long ids are remembered after they arrived: what is sent again later is stored again.",
    )
    lease_ms: int = Field(
        default=30_000, gt=0, le=3_600_000, description="How long a silent worker keeps its hold of a shard."
    )


class ExportSettings(BaseModel, extra="forbid"):
    """How exports are made."""

    running: int = Field(default=4, gt=0, le=64, description="Exports that one process runs at a time.")
    workers: int = Field(default=2, gt=0, description="Slices that are made at a time, whichever exports they are of.")
    pool: Literal["processes", "threads"] = Field(
        default="processes", description="Where slices are made: processes of their own, or threads of the server."
    )
    cache_bytes: int = Field(
        default=1 << 30, ge=0, description="What unfiltered exports wrote is kept for repeats up to this size; 0: none."
    )
    lease_ms: int = Field(
        default=60_000, gt=0, le=3_600_000, description="How long a silent worker keeps its hold of an export."
    )
    max_attempts: int = Field(
        default=3, gt=0, description="An export that failed, or whose worker died, so often is given up."
    )
    slice_attempts: int = Field(
        default=3, gt=0, description="A slice that ended its process, running alone, so often fails its export."
    )


class JobSettings(BaseModel, extra="forbid"):
    """How jobs share the server."""

    turn_ms: int = Field(
        default=30_000,
        ge=0,
        description="How long an export runs before it gives way to a space that waits and of which nothing runs.",
    )


class WatchSettings(BaseModel, extra="forbid"):
    """How clients hear of the exports that they wait for."""

    interval_ms: int = Field(
        default=250, gt=0, description="Pause between two looks at all exports that somebody waits for."
    )
    most: int = Field(
        default=1_000, gt=0, le=10_000, description="Clients that may wait at a time; those of one space, half of it."
    )


class LoginSettings(BaseModel, extra="forbid"):
    """How long people stay signed in."""

    idle_ms: int = Field(
        default=43_200_000, gt=0, description="A login ends when nothing was asked with it for so long."
    )
    life_ms: int = Field(default=604_800_000, gt=0, description="A login ends after so long at the latest.")


class UpkeepSettings(BaseModel, extra="forbid"):
    """How the store is cleaned up."""

    interval_ms: int = Field(
        default=3_600_000, gt=0, description="Pause between two sweeps of an app: how late files may expire and go."
    )
    grace_ms: int = Field(
        default=3_600_000,
        ge=0,
        description="How long files that are not needed any more are kept for those who still read them.",
    )
    lease_ms: int = Field(default=60_000, gt=0, le=3_600_000, description="How long a silent worker keeps a sweep.")


class DownloadSettings(BaseModel, extra="forbid"):
    """How files go out."""

    accel_prefix: str = Field(
        default="",
        pattern="^(/.*/)?$",
        description="Path of the internal location of an nginx in front that sends the files; empty: we send them.",
    )
    origin: str = Field(
        default="",
        pattern="^(https?://[^/?#]+/?)?$",
        description="Scheme and host of links to files that are known by their names alone; empty: as other links.",
    )


class S3Settings(BaseModel, extra="forbid"):
    """How the server of an S3 bucket is spoken to. Credentials come from the standard AWS environment only."""

    endpoint: str = Field(
        default="", description="URL of the server; empty: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, else AWS itself."
    )
    region: str = Field(default="", description="Region; empty: `AWS_REGION`, `AWS_DEFAULT_REGION`, else us-east-1.")
    path_style: bool | None = Field(
        default=None,
        description="Whether the bucket stands in the path, not in the host's name; unset: yes with an endpoint.",
    )
    checksums: bool = Field(
        default=True, description="Have SHA-256 checksums kept with objects; turn it off if the server refuses them."
    )
    retries: int = Field(default=8, ge=0, description="How often a request that fails for the moment is sent again.")


class LogSettings(BaseModel, extra="forbid"):
    """What the log says."""

    level: Level = Field(default="info", description="The least level of lines: `debug`, `info`, `warning`, `error`.")
    access: bool = Field(default=True, description="A line for each request; those of probes are of the level `debug`.")


class MetricsSettings(BaseModel, extra="forbid"):
    """Who reads metrics."""

    open: bool = Field(
        default=False, description="Whether `/metrics` needs no token; it then tells of all spaces and apps."
    )


class StopSettings(BaseModel, extra="forbid"):
    """How a server ends."""

    drain_ms: int = Field(
        default=0, ge=0, description="How long a server goes on after SIGTERM while `/readyz` sends new requests away."
    )


class DeliverySettings(BaseModel, extra="forbid"):
    """How copies, webhooks and mail go out."""

    running: int = Field(default=2, gt=0, le=64, description="Deliveries that one process carries out at a time.")
    lease_ms: int = Field(
        default=60_000, gt=0, le=3_600_000, description="How long a silent worker keeps its hold of a delivery."
    )
    give_up_ms: int = Field(
        default=86_400_000, gt=0, description="A delivery that has not succeeded for so long is given up."
    )
    first_pause_ms: int = Field(
        default=5_000,
        gt=0,
        description="Pause before a delivery is tried again; each further one is three times longer.",
    )
    timeout_ms: int = Field(
        default=15_000, gt=0, description="How long a webhook's receiver, or the mail server, has to answer."
    )
    allow_networks: str = Field(
        default="",
        description="Networks, by comma, that webhooks and endpoints of S3 may be in though they are private, such as"
        " `10.1.0.0/16`; others that are not of the public Internet are refused.",
    )
    s3_endpoint: str = Field(
        default="", description="URL of the S3 server of copies that name none themselves; empty: AWS."
    )
    environment_buckets: str = Field(
        default="",
        description="Buckets, by comma, into which copies may go with the server's own AWS credentials, whoever asks;"
        " empty: none.",
    )

    @field_validator("allow_networks")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for network in filter(None, map(str.strip, text.split(","))):
            ip_network(network)
        return text


class SecretSettings(BaseModel, extra="forbid"):
    """What secrets of deliveries are sealed with."""

    keys: SecretStr = Field(
        default=SecretStr(""),
        description="Fernet keys, by comma, the newest first; better from the environment than from a file. Empty:"
        " those in `key_file`.",
    )
    key_file: str = Field(
        default="",
        description="A file with such keys, a line each; it is made if it is missing. Empty: `secrets.key` in the data"
        " directory. All processes of a store need the same keys.",
    )


class MailSettings(BaseModel, extra="forbid"):
    """The server that mail goes out by."""

    host: str = Field(default="", description="Name of the SMTP server; empty: there is no mail.")
    port: int = Field(default=587, gt=0, le=65_535, description="The port of that server.")
    encryption: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`starttls`, `tls` from the beginning (port 465), or `none`."
    )
    user: str = Field(default="", description="User name at the server; empty: none is given.")
    password: SecretStr = Field(
        default=SecretStr(""), description="The password for it; better from the environment than from a file."
    )
    sender: str = Field(default="tailrace@localhost", description="Address that mail comes from.")
    allow_domains: str = Field(
        default="",
        description="Domains, by comma, whose addresses may get mail; else only users of the space may.",
    )


class Settings(BaseSettings):
    """Everything that an operator can set."""

    model_config = SettingsConfigDict(env_prefix="TAILRACE_", env_nested_delimiter="__", extra="forbid")

    database: str = Field(
        default="", description="SQLAlchemy URL of a PostgreSQL database; empty: SQLite in the data directory."
    )
    files: str = Field(
        default="", description="Where objects are kept: `s3://bucket/prefix`; empty: files in the data directory."
    )
    shard_bits: int = Field(default=0, ge=0, le=8, description="A new app gets 2^n shards, each sealed on its own.")
    public_url: str = Field(
        default="", description="Base of every link that the server hands out; empty: the request's own."
    )
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Addresses and networks, by comma, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
    )
    ingest: IngestSettings = Field(default=IngestSettings(), description="Taking in.")
    seal: SealSettings = Field(default=SealSettings(), description="Sealing.")
    exports: ExportSettings = Field(default=ExportSettings(), description="Exporting.")
    jobs: JobSettings = Field(default=JobSettings(), description="Jobs.")
    watch: WatchSettings = Field(default=WatchSettings(), description="Waiting for exports.")
    logins: LoginSettings = Field(default=LoginSettings(), description="Logins of people.")
    upkeep: UpkeepSettings = Field(default=UpkeepSettings(), description="Cleaning up.")
    log: LogSettings = Field(default=LogSettings(), description="The log.")
    metrics: MetricsSettings = Field(default=MetricsSettings(), description="Metrics.")
    stop: StopSettings = Field(default=StopSettings(), description="Ending.")
    downloads: DownloadSettings = Field(default=DownloadSettings(), description="Downloads.")
    s3: S3Settings = Field(default=S3Settings(), description="The object storage that `files` names.")
    delivery: DeliverySettings = Field(default=DeliverySettings(), description="Deliveries.")
    secrets: SecretSettings = Field(default=SecretSettings(), description="Secrets at rest.")
    mail: MailSettings = Field(default=MailSettings(), description="Mail.")
    test_clock: str = Field(default="", description="For tests only: a file with milliseconds to add to the clock.")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, text: str) -> str:
        """What is no address would be trusted by nobody, without a word."""
        for address in filter(None, map(str.strip, text.split(","))):
            if address != "*":
                ip_network(address)
        return text

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the caller passes all four by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the file that `load` names."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(data: Path) -> Settings:
    """The settings that hold for a data directory.

    Raises:
        Invalid: a key is unknown or a value cannot be; it is named.
    """

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=data / SETTINGS_FILE)

    try:
        settings = Located()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        why = "there is no such setting" if first["type"] == "extra_forbidden" else first["msg"]
        raise Invalid(where, f"{why}; see docs/settings.md") from None
    except SettingsError as error:
        raise Invalid("environment", f"{error}; see docs/settings.md") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise Invalid(str(data / SETTINGS_FILE), f"not TOML: {error}") from None
    if settings.files and settings.downloads.accel_prefix:
        raise Invalid("downloads.accel_prefix", "files are on S3, where nginx cannot read them; leave it empty")
    return settings


class InForce(Struct, frozen=True):
    """A setting as it holds: `value` and `default` as texts."""

    name: str
    value: str
    default: str
    what: str


def in_force(settings: BaseModel, prefix: str = "") -> list[InForce]:
    """All settings, for people to look at: of a URL without user, password and query."""
    found = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            found += in_force(value, f"{prefix}{name}.")
        else:
            found.append(InForce(f"{prefix}{name}", _shown(value), _shown(field.default), field.description or ""))
    return found


def _shown(value: object) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if "://" not in text:
        return text
    url = urlsplit(text)
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.hostname or ''}{port}{url.path}"
