"""A Postgres and a Valkey of the suite's own on loopback TCP, so that proxies, clocks and disks can be put around them."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import redis

from cli.embedded.postgres import DATABASE, USER, Postgres
from cli.embedded.valkey import Valkey
from cli.leftovers import servers_in
from cli.output import Output
from cli.process import Part
from tests.support.waiting import wait_until

START_SECONDS = 60.0
MEMORY_BYTES = 1 << 30
SMALL_DISK = {"max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "32MB", "wal_recycle": "off"}
"""For a Postgres whose disk is about to be full."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class Server:
    """A program that is started, hurt, and started again."""

    def __init__(self, part: Part, log: Path, environment: Mapping[str, str]) -> None:
        self._part = part
        self._log = log
        self._environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def launch(self) -> None:
        account = self._part.account
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._part.argv,
                env={**self._part.env, **self._environment},
                cwd=self._part.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self._part.stop[0][0])
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


class OwnPostgres(Server):
    def __init__(self, directory: Path, options: Mapping[str, str]) -> None:
        """`directory` is an empty one; a cluster is made in it."""
        postgres = Postgres(directory, lambda _: None)
        self.port = free_port()
        part = postgres.part(())
        for name, value in {"listen_addresses": "127.0.0.1", "port": str(self.port), **options}.items():
            part.argv.extend(["-c", f"{name}={value}"])
        self._postgres = postgres
        super().__init__(part, directory.with_suffix(".postgres.log"), {})
        output = Output(["postgres"], os.open(os.devnull, os.O_WRONLY))
        asyncio.run(postgres.set_up(output, ()))
        self.url = f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}?sslmode=disable"
        self.launch()
        self._make_database()
        output.close()

    def url_through(self, port: int) -> str:
        return self.url.replace(f":{self.port}/", f":{port}/")

    def start(self) -> None:
        self.launch()
        wait_until(self._answers, seconds=START_SECONDS, what="Postgres to start")

    def kill(self) -> None:
        super().kill()
        # Its children notice by themselves; a server that starts beside them is refused the shared memory.
        wait_until(lambda: not self._children(), seconds=START_SECONDS, what="the end of Postgres' children")

    def _children(self) -> list[Any]:
        return servers_in(self._postgres.cluster, "postgres")

    def _answers(self, database: str = DATABASE) -> bool:
        try:
            psycopg.connect(self.url, dbname=database, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_database(self) -> None:
        wait_until(lambda: self._answers("postgres"), seconds=START_SECONDS, what="Postgres to start")
        with psycopg.connect(self.url, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())


class OwnValkey(Server):
    def __init__(self, directory: Path, environment: Mapping[str, str], *options: str) -> None:
        """`options` as on its command line; the last one of a name counts."""
        self._valkey = Valkey(directory, MEMORY_BYTES)
        self.directory = self._valkey.directory
        self.port = free_port()
        part = self._valkey.part(())
        part.argv.extend(["--port", str(self.port), "--bind", "127.0.0.1", *options])
        super().__init__(part, directory.with_suffix(f".valkey-{self.port}.log"), environment)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        asyncio.run(self._part.before_start())
        self.launch()
        wait_until(self._answers, seconds=START_SECONDS, what="Valkey to start")

    def url_through(self, port: int) -> str:
        return self.url.replace(f":{self.port}/", f":{port}/")

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False
