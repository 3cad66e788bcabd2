"""`agentguide projects`, `users` and `keys`, and the first admin, straight on the database."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from api import keys, passwords
from cli import first_admin
from cli.errors import CommandError
from cli.main import app
from events.settings import Settings

Database = psycopg.Connection[Any]
PASSWORD = "correct horse"  # noqa: S105


class Commands:
    def __init__(self) -> None:
        self._runner = CliRunner()

    def run(self, *arguments: str, stdin: str = "") -> Result:
        return self._runner.invoke(app, list(arguments), input=stdin)

    def json(self, *arguments: str, stdin: str = "") -> Any:
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture
def commands(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setenv("DATABASE_URL", database_url)
    return Commands()


def password_of(database: Database, email: str) -> Any:
    row = database.execute("SELECT password_hash FROM users WHERE email = %s", [email]).fetchone()
    assert row is not None
    return row[0]


def test_keys_from_making_to_revoking(commands: Commands, database: Database) -> None:
    made = commands.run("keys", "create", "agent 1", "--scope", "ingest", "--scope", "read", "--expires-in-days", "30")
    assert made.exit_code == 0
    presented = keys.parse(made.stdout.strip())
    assert presented is not None
    stored = database.execute("SELECT prefix, secret_sha256, scopes FROM api_keys").fetchone()
    assert stored == (presented.prefix, presented.sha256, ["ingest", "read"])

    (listed,) = commands.json("keys", "list")
    assert (listed["name"], listed["revokedAt"]) == ("agent 1", None)
    assert presented.prefix in commands.run("keys", "list").stdout
    assert commands.run("keys", "revoke", presented.prefix).exit_code == 0
    assert commands.json("keys", "list")[0]["revokedAt"] is not None


def test_users_from_making_to_removing(commands: Commands, database: Database) -> None:
    made = commands.json("users", "create", "Ann@example.com", "--role", "viewer", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert made[0]["roles"] == [{"project": "default", "role": "viewer"}]
    assert passwords.is_right(PASSWORD, password_of(database, "ann@example.com"))

    assert commands.run("users", "set-password", "ann@example.com", "--password-stdin", stdin="another one").exit_code == 0
    assert passwords.is_right("another one", password_of(database, "ann@example.com"))
    commands.json("projects", "create", "second", "--retention-days", "7")
    for step in (
        ("role", "ann@example.com", "admin", "--project", "second"),
        ("remove", "ann@example.com"),
        ("disable", "ann@example.com"),
    ):
        assert commands.run("users", *step).exit_code == 0
    (ann,) = commands.json("users", "list")
    assert (ann["roles"], ann["isDisabled"]) == ([{"project": "second", "role": "admin"}], True)
    assert commands.run("users", "enable", "ann@example.com").exit_code == 0
    assert commands.json("users", "list", "--project", "second")[0]["isDisabled"] is False
    assert commands.json("users", "list", "--project", "default") == []


def test_the_last_operator_stays(commands: Commands) -> None:
    commands.json("users", "create", "a@example.com", "--operator", "--password-stdin", stdin=PASSWORD)
    for step in (("operator", "a@example.com", "--revoke"), ("disable", "a@example.com")):
        done = commands.run("users", *step)
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
        assert "another operator" in done.stderr


def test_settings_of_a_project(commands: Commands) -> None:
    commands.json("projects", "create", "second", "--events-per-second", "10", "--redaction", '{"patterns": {"email": true}}')
    (changed,) = commands.json("projects", "change", "second", "--name", "The second", "--unset", "events-per-second")
    assert (changed["name"], changed["eventsPerSecond"], changed["redaction"]) == (
        "The second",
        None,
        {"patterns": {"email": True}},
    )
    assert [project["slug"] for project in commands.json("projects", "list")] == ["default", "second"]


def test_what_cannot_be_done_is_told_in_a_sentence(commands: Commands) -> None:
    impossible: list[tuple[tuple[str, ...], str]] = [
        (("keys", "create", "x", "--scope", "everything"), "'admin' or 'metrics'"),
        (("keys", "create", "x", "--scope", "read", "--project", "nowhere"), "no project nowhere"),
        (("keys", "revoke", "nothing"), "no key nothing"),
        (("users", "create", "ann@example.com", "--role", "viewer"), "--password-stdin"),
        (("users", "create", "ann@example.com"), "--role"),
        (("users", "create", "ann", "--role", "viewer", "--no-password"), "name@domain"),
        (("users", "role", "nobody@example.com", "viewer"), "no user nobody@example.com"),
        (("projects", "create", "default"), "is a project 'default' already"),
        (("projects", "create", "x", "--redaction", "{"), "not JSON"),
        (("projects", "change", "default", "--unset", "name"), "--unset takes"),
    ]
    for arguments, told in impossible:
        done = commands.run(*arguments)
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1), done.output
        assert told in done.stderr


def test_a_short_password_is_refused_and_not_repeated(commands: Commands) -> None:
    done = commands.run("users", "create", "ann@example.com", "--role", "viewer", "--password-stdin", stdin="hunter2")
    assert done.exit_code == 1
    assert "hunter2" not in done.output


def test_the_first_admin_of_the_settings_is_made_once(settings: Settings, database_url: str, database: Database) -> None:
    named = settings.model_copy(update={"admin_email": "Root@example.com", "admin_password": SecretStr(PASSWORD)})

    first_admin.ensure(database_url, named)
    before = password_of(database, "root@example.com")
    assert passwords.is_right(PASSWORD, before)
    granted = database.execute("SELECT is_operator, role FROM users JOIN memberships ON user_id = id").fetchall()
    assert granted == [(True, "admin")]

    database.execute("UPDATE users SET is_operator = false")
    first_admin.ensure(database_url, named.model_copy(update={"admin_password": SecretStr("another password")}))
    assert password_of(database, "root@example.com") == before
    assert database.execute("SELECT is_operator FROM users").fetchall() == [(False,)]
    with pytest.raises(CommandError, match="AGENTGUIDE_ADMIN_EMAIL"):
        first_admin.ensure(database_url, named.model_copy(update={"admin_email": "root"}))


def test_where_nobody_can_sign_in_an_admin_is_made_and_told_once(
    settings: Settings, database_url: str, database: Database
) -> None:
    first_admin.ensure(database_url, settings)
    assert database.execute("SELECT count(*) FROM users").fetchone() == (0,)

    def migrate() -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {"DATABASE_URL": database_url, "AGENTGUIDE_REQUIRE_AUTH": "true"}
        command = [sys.executable, "-m", "cli.main", "migrate"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=True)

    first = migrate()
    told = re.search(r"admin@localhost with the password (\S+) ", first.stdout)
    assert told is not None
    assert told[1] not in first.stderr
    stored = password_of(database, "admin@localhost")
    assert passwords.is_right(told[1], stored)
    assert migrate().stdout == ""
    assert password_of(database, "admin@localhost") == stored
