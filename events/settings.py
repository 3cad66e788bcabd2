"""All settings, read once at the start and passed down. `.env.example` is tested against this class."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


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
    workers: int = Field(2, ge=1, le=64, description="RQ worker processes that `agentguide up` starts.")
    shards: int = Field(
        2, ge=1, le=256, description="Streams that runs are spread over; at least as many as workers, on all machines."
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    body_bytes_max: int = Field(20 * MIB, ge=1024, description="Largest request body, also after decompression.")
    batch_events_max: int = Field(10_000, ge=1, description="Most events in one batch, and most spans in one export.")
    field_bytes_max: int = Field(MIB, ge=1024, description="A payload over this many bytes of JSON is cut and marked.")

    redis_timeout_seconds: float = Field(2.0, gt=0, description="How long the API waits for the queue before a 503.")
    redis_memory_bytes: int = Field(1024 * MIB, ge=64 * MIB, description="Memory bound of the embedded Valkey.")
    backlog_high_events: int = Field(2_000_000, ge=1, description="Backlog at which ingest answers 503.")
    backlog_low_events: int = Field(1_000_000, ge=0, description="Backlog at which ingest accepts again.")
    backlog_high_bytes: int = Field(512 * MIB, ge=1024, description="Backlog in bytes at which ingest answers 503.")
    backlog_low_bytes: int = Field(256 * MIB, ge=0, description="Backlog in bytes at which ingest accepts again.")
    idempotency_hours: int = Field(24, ge=1, description="How long an Idempotency-Key is remembered.")

    drain_batch_events: int = Field(10_000, ge=1, description="Events after which a drain takes no more into one batch.")
    drain_interval_seconds: float = Field(
        0.05,
        ge=0,
        description="Least time between two batches that are not full; longer is cheaper, shorter is fresher.",
    )
    drain_budget_seconds: float = Field(10.0, gt=0, description="How long one drain job may keep a worker.")
    drain_linger_seconds: float = Field(2.0, ge=0, description="How long a drain waits on an empty stream if no job waits.")

    read_timeout_seconds: float = Field(10.0, gt=0, description="Longest statement of the read API.")
    partitions_ahead_days: int = Field(7, ge=1, le=366, description="Daily partitions made ahead of time.")

    stream_clients_max: int = Field(200, ge=1, description="Clients that one API process lets watch runs live.")
    stream_pending_max: int = Field(2000, ge=1, description="Changed runs that wait for a client that reads too slowly.")
    stream_heartbeat_seconds: float = Field(15.0, gt=0, description="Longest silence of a live stream.")

    @model_validator(mode="after")
    def _check_water_marks(self) -> "Settings":
        if self.backlog_low_events > self.backlog_high_events or self.backlog_low_bytes > self.backlog_high_bytes:
            raise ValueError("a low-water mark of the backlog is above its high-water mark")
        return self

    def masked(self) -> dict[str, Any]:
        """The effective values for the log; passwords do not show."""
        return {name: str(value) for name, value in self.model_dump().items()}
