"""Settings, read once at start: environment variables over `tailrace.toml` in the data directory over defaults."""

from pathlib import Path

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

SETTINGS_FILE = "tailrace.toml"


class SealSettings(BaseModel):
    """When sessions are closed and how much is sealed at a time."""

    inactivity_ms: int = Field(
        default=1_800_000, gt=0, description="A session is complete when nothing arrived for so long."
    )
    longest_session_ms: int = Field(
        default=86_400_000, gt=0, description="A session is complete at this length at the latest."
    )
    interval_ms: int = Field(
        default=2_000, gt=0, description="Pause between two looks of a worker for complete sessions."
    )
    max_records: int = Field(default=500_000, gt=0, description="Records that one seal takes from the inbox at a time.")
    max_open_records: int = Field(
        default=1_000_000, gt=0, description="Above so many open records the oldest sessions are closed early."
    )
    lease_ms: int = Field(default=30_000, gt=0, description="How long a silent worker keeps its hold of a shard.")


class ExportSettings(BaseModel):
    """How exports are made."""

    threads: int = Field(default=2, gt=0, description="Slices of one export that are made at a time.")
    lease_ms: int = Field(default=60_000, gt=0, description="How long a silent worker keeps its hold of an export.")
    max_attempts: int = Field(default=3, gt=0, description="Attempts before an export whose worker died is given up.")


class Settings(BaseSettings):
    """Everything that an operator can set."""

    model_config = SettingsConfigDict(env_prefix="TAILRACE_", env_nested_delimiter="__", extra="forbid")

    database: str = Field(
        default="", description="SQLAlchemy URL of a PostgreSQL database; empty: SQLite in the data directory."
    )
    shard_bits: int = Field(default=0, ge=0, le=8, description="A new app gets 2^n shards, each sealed on its own.")
    public_url: str = Field(
        default="", description="Base of every link that the server hands out; empty: the request's own."
    )
    seal: SealSettings = Field(default=SealSettings(), description="Sealing.")
    exports: ExportSettings = Field(default=ExportSettings(), description="Exporting.")
    test_clock: str = Field(default="", description="For tests only: a file with milliseconds to add to the clock.")

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
        pydantic.ValidationError: a key is unknown or a value cannot be.
    """

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=data / SETTINGS_FILE)

    return Located()
