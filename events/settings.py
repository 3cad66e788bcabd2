"""All settings, read once at the start and passed down. `.env.example` is tested against this class."""

import re
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024

MEMORY_SHARE_MAX = 0.8
"""Ingest is shut from here on: RQ needs room to enqueue what drains the rest, whatever it is that fills the memory."""
JOB_TIMEOUT_SECONDS = 120
"""Far over a drain's budget: RQ breaks off a job that takes longer."""

_HOST = re.compile(r"[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\]")
_ORIGIN = re.compile(rf"https?://({_HOST.pattern})(:[0-9]{{1,5}})?")


class Settings(BaseSettings):
    """`DATABASE_URL` and `REDIS_URL` name the servers; every other option is `AGENTGUIDE_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="AGENTGUIDE_", env_file=".env", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    database_url: SecretStr | None = Field(
        None, validation_alias="DATABASE_URL", description="Postgres 18+. Empty: `agentguide up` runs its own."
    )
    redis_url: SecretStr | None = Field(
        None, validation_alias="REDIS_URL", description="Valkey or Redis 7+. Empty: `agentguide up` runs its own."
    )
    data_dir: Path = Field(Path(".agentguide"), description="Where the embedded servers keep everything.")
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on; 0 picks a free one.")
    api_processes: int = Field(1, ge=1, le=8, description="API processes that `agentguide up` starts on its one port.")
    workers: int = Field(2, ge=1, le=64, description="RQ worker processes that `agentguide up` starts.")
    shards: int = Field(
        2, ge=1, le=256, description="Streams that runs are spread over; at least as many as workers, on all machines."
    )
    api_key: SecretStr | None = Field(None, description="What `agentguide simulate` shows an API that wants keys.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    require_auth: bool = Field(False, description="Whether every request needs a key or a session, also from this machine.")
    secret_key: SecretStr | None = Field(
        None, min_length=32, description="What sessions are signed with. Empty: made once, kept in the database."
    )
    admin_email: str | None = Field(None, description="Who may do everything, made by `agentguide migrate`.")
    admin_password: SecretStr | None = Field(
        None, min_length=8, description="Their first password; a later change of it stays."
    )
    secure_cookies: bool = Field(False, description="Cookies for https only, whatever the request came by.")
    allowed_hosts: str = Field("", description="Names that clients may call this server by, with commas between them.")
    cors_origins: str = Field("", description="Origins whose pages may use the API, with commas between them.")
    ingest_url: str = Field("", description="Where agents send to, as the dashboard tells it. Empty: its own address.")

    body_bytes_max: int = Field(20 * MIB, ge=1024, description="Largest request body, also after decompression.")
    batch_events_max: int = Field(10_000, ge=1, description="Most events in one batch, and most spans in one export.")
    field_bytes_max: int = Field(MIB, ge=1024, description="A payload over this many bytes of JSON is cut and marked.")

    project_events_per_second: int = Field(0, ge=0, description="Events a second of a project without a limit of its own.")
    project_bytes_per_second: int = Field(0, ge=0, description="Bytes a second of a project without a limit of its own.")
    key_events_per_second: int = Field(0, ge=0, description="Events a second of a key without a limit of its own.")
    key_bytes_per_second: int = Field(0, ge=0, description="Bytes a second of a key without a limit of its own.")
    limit_burst_seconds: int = Field(
        10, ge=1, le=3600, description="A limit's burst: what it allows in this time may come at once."
    )

    connections_max: int = Field(1000, ge=1, description="Connections that one API process serves; one more gets a 503.")
    head_timeout_seconds: float = Field(10.0, gt=0, description="Time in which the head of a request has to arrive.")
    body_timeout_seconds: float = Field(60.0, gt=0, description="Time in which the body of a request has to arrive.")
    keep_alive_seconds: int = Field(75, ge=1, description="How long a connection is kept for the next request.")

    redis_timeout_seconds: float = Field(2.0, gt=0, description="How long the API waits for the queue before a 503.")
    allow_unsafe_redis: bool = Field(False, description="Start although the Redis may lose what it acknowledged.")
    redis_memory_bytes: int = Field(1024 * MIB, ge=64 * MIB, description="Memory bound of the embedded Valkey.")
    backlog_high_events: int = Field(2_000_000, ge=1, description="Backlog at which ingest answers 503.")
    backlog_low_events: int = Field(1_000_000, ge=0, description="Backlog at which ingest accepts again.")
    backlog_high_bytes: int = Field(512 * MIB, ge=1024, description="Backlog in bytes at which ingest answers 503.")
    backlog_low_bytes: int = Field(256 * MIB, ge=0, description="Backlog in bytes at which ingest accepts again.")
    idempotency_hours: int = Field(24, ge=1, description="How long an Idempotency-Key is remembered.")

    drain_batch_events: int = Field(10_000, ge=1, description="Events after which a drain takes no more into one batch.")
    drain_interval_seconds: float = Field(
        0.035,
        ge=0,
        description="Least time between two batches that are not full; longer is cheaper, shorter is fresher.",
    )
    drain_budget_seconds: float = Field(10.0, gt=0, description="How long one drain job may keep a worker.")
    drain_linger_seconds: float = Field(2.0, ge=0, description="How long a drain waits on an empty stream if no job waits.")
    stale_after_seconds: int = Field(
        3600, ge=0, le=366 * 86_400, description="Silence after which a run is stale, and closed; 0 is never."
    )
    dead_letters_max: int = Field(10_000, ge=0, description="Dead letters that are kept of each project.")
    dead_letters_bytes_max: int = Field(64 * MIB, ge=0, description="Bytes of dead letters that are kept of each project.")

    read_timeout_seconds: float = Field(10.0, gt=0, description="Longest statement of the read API.")
    partitions_ahead_days: int = Field(7, ge=1, le=366, description="Daily partitions made ahead of time.")
    retention_days: int = Field(
        0, ge=0, le=36_500, description="Days that runs are kept after the one they came on; 0 is for ever."
    )
    disk_budget_bytes: int = Field(
        0, ge=0, description="Size of the database over which the oldest days go, whoever keeps them; 0 is without bound."
    )

    stream_clients_max: int = Field(200, ge=1, description="Clients that one API process lets watch runs live.")
    stream_pending_max: int = Field(2000, ge=1, description="Changed runs that wait for a client that reads too slowly.")
    stream_heartbeat_seconds: float = Field(15.0, gt=0, description="Longest silence of a live stream.")

    @model_validator(mode="after")
    def _check_water_marks(self) -> "Settings":
        if self.backlog_low_events > self.backlog_high_events or self.backlog_low_bytes > self.backlog_high_bytes:
            raise ValueError("a low-water mark of the backlog is above its high-water mark")
        return self

    @model_validator(mode="after")
    def _check_first_admin(self) -> "Settings":
        if (self.admin_email is None) != (self.admin_password is None):
            raise ValueError("AGENTGUIDE_ADMIN_EMAIL and AGENTGUIDE_ADMIN_PASSWORD go together: set both, or neither")
        return self

    @field_validator("ingest_url")
    @classmethod
    def _check_ingest_url(cls, value: str) -> str:
        if value and not _ORIGIN.fullmatch(value.rstrip("/")):
            raise ValueError(f"{value!r} is no address of a server: write it as https://host or https://host:port")
        return value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: str) -> str:
        for origin in comma_separated(value):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is no origin: name each as https://host or https://host:port. Pages of an origin that is "
                    "named act as whoever is signed in, so `*` is never taken"
                )
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, value: str) -> str:
        for host in comma_separated(value):
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is no name of a host: leave scheme, port and wildcards away")
        return value

    def masked(self) -> dict[str, Any]:
        """The effective values for the log; passwords do not show."""
        return {name: str(value) for name, value in self.model_dump().items()}


def comma_separated(value: str) -> list[str]:
    return [part for item in value.split(",") if (part := item.strip())]
