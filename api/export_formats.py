"""Rows of an export as bytes: JSON lines, CSV and Parquet."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, ClassVar, LiteralString, Self

from api import parquet
from db import export
from db.export import FLAT_COLUMNS
from db.run_list import RunFilter

Row = Sequence[Any]
Statement = tuple[LiteralString, dict[str, Any]]

TEXTS = frozenset(("agentName", "agentVersion", "sessionId", "name"))
"""Columns that hold any text a client sent. The others are our own, or JSON, which no spreadsheet takes for a formula."""

_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_QUOTED = re.compile(r'[",\r\n]')
OUTPUT_CHUNK_BYTES = 1 << 16


class Format:
    """Made anew for each export, and entered before its first row."""

    suffix: ClassVar[str]
    media_type: ClassVar[str]

    def statement(self, project_id: int, wanted: RunFilter) -> Statement:
        """What gives the rows that `write` takes."""
        raise NotImplementedError

    async def write(self, rows: Sequence[Row]) -> bytes:
        """What goes out for these rows, or for some of those before."""
        raise NotImplementedError

    async def end(self) -> bytes:
        """What is left when all rows are written."""
        return b""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class JsonLines(Format):
    """One run a line, as Postgres built it."""

    suffix = "jsonl"
    media_type = "application/x-ndjson"

    def statement(self, project_id: int, wanted: RunFilter) -> Statement:
        return export.as_json(project_id, wanted)

    async def write(self, rows: Sequence[Row]) -> bytes:
        return "".join(f"{line}\n" for (line,) in rows).encode()


class Csv(Format):
    """RFC 4180, with a header."""

    suffix = "csv"
    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self) -> None:
        self._header = _csv_line(FLAT_COLUMNS)
        self._texts = [place for place, name in enumerate(FLAT_COLUMNS) if name in TEXTS]

    def statement(self, project_id: int, wanted: RunFilter) -> Statement:
        return export.as_text(project_id, wanted)

    async def write(self, rows: Sequence[Row]) -> bytes:
        header, self._header = self._header, ""
        return (header + "".join(_csv_line(self._guarded(row)) for row in rows)).encode()

    def _guarded(self, row: Row) -> list[Any]:
        """Whoever opens the file in a spreadsheet did not ask for what an agent's name may compute there."""
        cells = list(row)
        for place in self._texts:
            if cells[place] is not None and _FORMULA.match(cells[place]):
                cells[place] = f"'{cells[place]}"
        return cells


def _csv_line(cells: Iterable[Any]) -> str:
    # The library's writer goes character by character: five times as long for JSON, which is full of quotes.
    return ",".join(map(_csv_cell, cells)) + "\r\n"


def _csv_cell(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"' if _QUOTED.search(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


class Parquet(Format):
    """Typed columns, by `api.parquet` in a process of its own."""

    suffix = "parquet"
    media_type = "application/vnd.apache.parquet"

    def __init__(self) -> None:
        self._process: Process
        self._reading: asyncio.Task[None]
        self._parts: list[bytes] = []

    def statement(self, project_id: int, wanted: RunFilter) -> Statement:
        return export.as_values(project_id, wanted)

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(sys.executable, "-m", parquet.__name__, stdin=PIPE, stdout=PIPE)
        self._reading = asyncio.create_task(self._read())
        return self

    async def write(self, rows: Sequence[Row]) -> bytes:
        if rows:
            await self._send(rows)
        return self._take()

    async def end(self) -> bytes:
        await self._send([])
        await self._reading
        if await self._process.wait() != 0:
            raise RuntimeError("the Parquet writer failed; its reason stands above")
        return self._take()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _send(self, rows: Sequence[Row]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(parquet.frame(rows))
        await self._process.stdin.drain()

    async def _read(self) -> None:
        """Reads on while rows are sent, or each would wait for the other to take something."""
        assert self._process.stdout is not None  # noqa: S101
        while part := await self._process.stdout.read(OUTPUT_CHUNK_BYTES):
            self._parts.append(part)

    def _take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


FORMATS: dict[str, type[Format]] = {kind.suffix: kind for kind in (JsonLines, Csv, Parquet)}
