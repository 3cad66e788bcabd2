"""A whole running stack, as a user starts it."""

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import psycopg
import redis

from tests.support.waiting import wait_until


class Stack:
    """`agentguide up` in a process of its own, on a data directory of its own."""

    def __init__(self, data_dir: Path, *options: str, **environment: str) -> None:
        self.data_dir = data_dir
        self._log_file = data_dir.with_suffix(".log")
        command = [sys.executable, "-m", "cli.main"]
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AGENTGUIDE_", "DATABASE_", "REDIS_"))
        }
        self.environment = kept | environment
        self._command = command
        self._options = options
        self.start("0")
        status = self.status()
        self.database_url: str = status["databaseUrl"]
        self.redis_url: str = status["redisUrl"]

    def start(self, port: str) -> None:
        """Starts it, for the first time or again; "0" is any free port."""
        with self._log_file.open("a") as log:
            self.process = subprocess.Popen(
                [*self._command, "up", "--data-dir", str(self.data_dir), "--port", port, *self._options],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("ready: "):
            self.process.wait(30)
            raise AssertionError("the stack did not start:\n" + "\n".join(self.log))
        self.url = line.removeprefix("ready: ").strip()

    @property
    def log(self) -> list[str]:
        return self._log_file.read_text().splitlines()

    def status(self) -> dict[str, Any]:
        done = subprocess.run(
            [*self._command, "status", "--data-dir", str(self.data_dir), "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def pid(self, part: str) -> int:
        found = self.status()["pids"][part]
        return found[0] if isinstance(found, list) else found

    def kill(self, part: str) -> None:
        os.kill(self.pid(part), signal.SIGKILL)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 30
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one request; `body` is bytes, or something to send as JSON."""
        place = urlparse(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        status, _, answer = self.request(method, path, body, headers)
        return status, json.loads(answer)

    def database(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection, once the database takes one: it may be starting again."""

        def connect() -> psycopg.Connection[tuple[Any, ...]] | None:
            try:
                return psycopg.connect(self.database_url, autocommit=True, connect_timeout=5)
            except psycopg.OperationalError:
                return None

        connection = wait_until(connect, seconds=20, what="a connection to the database")
        assert connection is not None
        return connection

    def queue(self) -> "redis.Redis":
        return redis.Redis.from_url(self.redis_url)

    def stop(self) -> int:
        """Ends the stack as Ctrl-C does and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code
