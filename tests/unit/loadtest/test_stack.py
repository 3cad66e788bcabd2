"""How the processes of a stack are called."""

import pytest

from loadtest.stack import Stack, attached


def stack_of(pids: dict[str, int | list[int] | None]) -> Stack:
    return attached({"apiUrl": "", "databaseUrl": "", "redisUrl": "", "pids": pids}, 1.0)


@pytest.mark.parametrize(
    ("pids", "named"),
    [
        ({"ingest-api": 5, "read-api": 5, "worker": [7]}, {"ingest-api = read-api": 5, "worker-1": 7}),
        (
            {"ingest-api": [5, 6], "read-api": [5, 6], "worker": [7, 8], "postgres": None},
            {"ingest-api-1 = read-api-1": 5, "ingest-api-2 = read-api-2": 6, "worker-1": 7, "worker-2": 8},
        ),
    ],
)
def test_one_process_in_two_roles_is_one(pids: dict[str, int | list[int] | None], named: dict[str, int]) -> None:
    assert stack_of(pids).pids == named
