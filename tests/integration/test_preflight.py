"""Servers that would lose or refuse events are refused, in a sentence that tells the next step; absent ones are waited for."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from pydantic import SecretStr

from cli import preflight
from cli.contradictions import REFUSED_CODE, Refused
from db import server
from events.settings import MIB, Settings
from tests.chaos.servers import OwnPostgres, OwnValkey, free_port

FIRST_SCHEMA = "20261123_initial"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnValkey]:
    """One as it should be; tests change what they look at, and `queue_settings` puts it back."""
    running = OwnValkey(tmp_path_factory.mktemp("preflight"), {})
    yield running
    running.stop()


@pytest.fixture
def connection(valkey: OwnValkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url) as connection:
        yield connection
        connection.replicaof("NO", "ONE")
        for name, value in {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "always"}.items():
            connection.config_set(name, value)
        connection.config_set("maxmemory", 0)


@pytest.fixture
def queue_settings(valkey: OwnValkey) -> Settings:
    return Settings(REDIS_URL=SecretStr(valkey.url), _env_file=None)


def refusal(check: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(Refused) as caught:
        check(*arguments, **options)
    assert caught.value.exit_code == REFUSED_CODE
    assert caught.value.message.count("\n") == 0
    return caught.value.message


@pytest.mark.usefixtures("connection")
def test_a_durable_queue_passes(queue_settings: Settings) -> None:
    preflight.check_queue(queue_settings, accepts=True)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("maxmemory-policy", "allkeys-lru", "set its maxmemory-policy to noeviction"),
        ("appendonly", "no", "set its appendonly to yes"),
        ("appendfsync", "everysec", "set its appendfsync to always"),
        ("maxmemory", 600 * MIB, "AGENTGUIDE_BACKLOG_HIGH_BYTES"),
    ],
)
def test_a_queue_that_may_lose_events_is_refused(
    connection: "redis.Redis", queue_settings: Settings, name: str, value: Any, said: str
) -> None:
    connection.config_set(name, value)
    assert said in refusal(preflight.check_queue, queue_settings, accepts=True)


@pytest.mark.parametrize(("name", "value"), [("appendonly", "no"), ("appendfsync", "everysec")])
def test_what_is_durable_enough_is_the_operators_choice(
    connection: "redis.Redis", queue_settings: Settings, name: str, value: str
) -> None:
    connection.config_set(name, value)
    preflight.check_queue(queue_settings.model_copy(update={"allow_unsafe_redis": True}), accepts=True)


def test_eviction_is_nobodys_choice(connection: "redis.Redis", queue_settings: Settings) -> None:
    connection.config_set("maxmemory-policy", "volatile-lru")
    assert "evict" in refusal(
        preflight.check_queue, queue_settings.model_copy(update={"allow_unsafe_redis": True}), accepts=True
    )


def test_a_replica_is_refused(connection: "redis.Redis", queue_settings: Settings) -> None:
    connection.replicaof("127.0.0.1", free_port())
    assert "name its primary" in refusal(preflight.check_queue, queue_settings, accepts=True)


def test_an_old_redis_is_refused(queue_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "REDIS_VERSION_MIN", 99)
    assert "99" not in refusal(preflight.check_queue, queue_settings, accepts=True)


def test_a_server_that_keeps_its_configuration_to_itself_passes(
    connection: "redis.Redis", valkey: OwnValkey, queue_settings: Settings
) -> None:
    """Hosted ones often do; INFO tells the rest."""
    connection.execute_command("ACL", "SETUSER", "guest", "on", ">word", "~*", "&*", "+@all", "-config")
    url = valkey.url.replace("redis://", "redis://guest:word@")
    preflight.check_queue(queue_settings.model_copy(update={"redis_url": SecretStr(url)}), accepts=True)
    connection.config_set("appendonly", "no")
    assert "appendonly" in refusal(
        preflight.check_queue, queue_settings.model_copy(update={"redis_url": SecretStr(url)}), accepts=True
    )


def test_a_migrated_database_passes(settings: Settings) -> None:
    preflight.check_database(settings, writes=True)


@pytest.mark.parametrize(
    ("statement", "said", "migrates_too"),
    [
        (f"UPDATE alembic_version SET version_num = '{FIRST_SCHEMA}'", "`agentguide migrate`", False),
        ("DELETE FROM alembic_version", "`agentguide migrate`", False),
        ("DROP TABLE alembic_version", "`agentguide migrate`", False),
        ("UPDATE alembic_version SET version_num = '99991231_newer'", "install the newer AgentGuide", True),
        ("ALTER DATABASE {database} SET default_transaction_read_only = on", "default_transaction_read_only to off", True),
    ],
)
def test_a_database_that_does_not_fit_is_refused(
    settings: Settings, database: psycopg.Connection[Any], statement: str, said: str, migrates_too: bool
) -> None:
    database.execute(statement.format(database=database.info.dbname).encode())
    assert said in refusal(preflight.check_database, settings, writes=True)
    if migrates_too:
        assert said in refusal(preflight.check_database, settings, writes=True, migrates=True)
    else:
        preflight.check_database(settings, writes=True, migrates=True)


def test_who_only_reads_may_read_what_is_read_only(settings: Settings, database: psycopg.Connection[Any]) -> None:
    database.execute(f"ALTER DATABASE {database.info.dbname} SET default_transaction_read_only = on".encode())
    preflight.check_database(settings, writes=False)


def test_an_old_postgres_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "VERSION_MIN", 990000)
    assert "18 or newer" in refusal(preflight.check_database, settings, writes=False)


def test_a_standby_is_refused(tmp_path: Path) -> None:
    (tmp_path / "standby").mkdir()
    postgres = OwnPostgres(tmp_path / "standby", {"wal_level": "replica"})
    try:
        postgres.stop()
        (tmp_path / "standby" / "postgres" / "standby.signal").touch()
        postgres.start()
        settings = Settings(DATABASE_URL=SecretStr(postgres.url), _env_file=None)
        assert "is a standby" in refusal(preflight.check_database, settings, writes=True)
    finally:
        postgres.stop()


def test_an_absent_server_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    late = OwnValkey(tmp_path, {})
    late.kill()
    starting = threading.Timer(0.3, late.start)
    starting.start()
    try:
        preflight.wait_for(
            lambda: preflight.check_queue(Settings(REDIS_URL=SecretStr(late.url), _env_file=None), accepts=True), 20
        )
    finally:
        starting.join()
        late.stop()
    assert [record.message.partition(":")[0] for record in caplog.records] == ["waiting for a server"]


def test_a_command_that_ends_by_itself_waits_for_some_time_only() -> None:
    url = SecretStr(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    settings = Settings(DATABASE_URL=url, _env_file=None)

    def look() -> None:
        preflight.check_database(settings, writes=True)

    assert "start it, or correct its URL" in refusal(preflight.wait_for, look, 0.1)
