"""Rows into CSV and Parquet, and how many rows are fetched at once."""

import asyncio
import csv
import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as arrow_parquet

from api import export, parquet
from api.export_formats import FORMATS, Csv
from db.export import FLAT_COLUMNS
from db.export import TIMES as TIME_COLUMNS


def _row(**values: Any) -> list[Any]:
    return [values.get(name) for name in FLAT_COLUMNS]


def _written(rows: list[list[Any]]) -> str:
    async def write() -> bytes:
        async with Csv() as kind:
            return await kind.write(rows) + await kind.end()

    return asyncio.run(write()).decode()


def _read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=5))
def test_csv_is_read_back(texts: list[str]) -> None:
    rows = [_row(id="i", input=text, durationMs=1.5, stepCount=3) for text in texts]
    read = _read(_written(rows))
    assert [row["input"] for row in read] == texts
    assert all((row["durationMs"], row["stepCount"], row["error"]) == ("1.5", "3", "") for row in read)


def test_csv_is_of_rfc_4180() -> None:
    lines = _written([_row(id="i", input='{"a": "b, c"}')]).split("\r\n")
    assert lines[0] == ",".join(FLAT_COLUMNS)
    assert '"{""a"": ""b, c""}"' in lines[1]
    assert lines[2:] == [""]
    assert _written([]) == lines[0] + "\r\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_csv_gives_spreadsheets_nothing_to_compute(text: str) -> None:
    (read,) = _read(_written([_row(name=text, agentName="a=b", sessionId="s", input="-5")]))
    assert (read["name"], read["agentName"], read["sessionId"], read["input"]) == (f"'{text}", "a=b", "s", "-5")


def test_formats_have_the_same_columns() -> None:
    assert list(parquet.KINDS) == list(FLAT_COLUMNS)
    assert parquet.TIMES == TIME_COLUMNS
    assert list(FORMATS) == [name.value for name in export.Name]


def _parquet(batches: list[list[list[Any]]]) -> arrow_parquet.ParquetFile:
    sink = io.BytesIO()
    parquet.write_file(io.BytesIO(b"".join(parquet.frame(rows) for rows in [*batches, []])), sink)
    return arrow_parquet.ParquetFile(io.BytesIO(sink.getvalue()))


def test_parquet_has_types() -> None:
    moment = 1_795_447_235_123_456
    row = _row(
        id="i", agentId=7, status="SUCCESS", startedAt=moment, durationMs=0.5, stepCount=2**40, costUsd=0.1, input='{"a":1}'
    )
    table = _parquet([[row]]).read()
    assert table.schema.field("startedAt").type == pa.timestamp("us", tz="UTC")
    (read,) = table.to_pylist()
    assert read.pop("startedAt").timestamp() * 1_000_000 == moment
    assert read == {name: value for name, value in zip(FLAT_COLUMNS, row, strict=True) if name != "startedAt"}


def test_parquet_comes_in_groups_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 10_000)
    file = _parquet(
        [[_row(id=str(number), input="x" * 990) for number in range(batch * 5, batch * 5 + 5)] for batch in range(7)]
    )
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [15, 15, 5]
    assert file.read().column("id").to_pylist() == [str(number) for number in range(35)]
    assert _parquet([]).read().num_rows == 0


def test_parquet_without_its_end_is_none() -> None:
    whole = parquet.frame([_row(id="i")])
    for cut in (whole, whole[:-1], whole[:2], b""):
        with pytest.raises(EOFError):
            parquet.write_file(io.BytesIO(cut), io.BytesIO())


def test_a_fetch_brings_about_a_mebibyte() -> None:
    assert export.rows_of_next_fetch(100, 100 * 5_000) == export.FETCH_BYTES // 5_000
    assert export.rows_of_next_fetch(100, 100 * 300) == 400  # no more than four times as many
    assert export.rows_of_next_fetch(1_500, 1_500 * 100) == export.FETCH_ROWS_MAX
    assert export.rows_of_next_fetch(2_000, 2_000 * 4_000_000) == 1
    assert export.rows_of_next_fetch(1, 0) == 4
