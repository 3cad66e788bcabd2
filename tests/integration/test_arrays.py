"""Arrays of integers as the KPIs load them."""

import asyncio
from typing import Any

import psycopg

from db.arrays import load_fast


def test_arrays_are_what_the_database_holds(database_url: str) -> None:
    async def fetch() -> tuple[Any, ...]:
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            cursor = connection.cursor(binary=True)
            load_fast(cursor)
            await cursor.execute(
                "SELECT '{-1,0,1570,32767}'::int2[], '{0,1,4294967295}'::int8[], '{4294967296,7,9223372036854775807}'::int8[],"
                " '{}'::int2[], '{}'::int8[]"
            )
            return (await cursor.fetchall())[0]

    assert [list(array) for array in asyncio.run(fetch())] == [
        [-1, 0, 1570, 32767],
        [0, 1, 2**32 - 1],
        [2**32, 7, 2**63 - 1],
        [],
        [],
    ]
