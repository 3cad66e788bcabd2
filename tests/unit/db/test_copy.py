"""What packs several columns at once packs what the columns one by one would be."""

import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from db import copy

BIGINT_MIN, BIGINT_MAX = -(2**63), 2**63 - 1
POSTGRES_EPOCH = 946_684_800_000_000

step_ids = st.binary(min_size=8, max_size=8).map(bytes.hex)
bigints = st.none() | st.integers(BIGINT_MIN, BIGINT_MAX)
moments = st.none() | st.integers(BIGINT_MIN + POSTGRES_EPOCH, BIGINT_MAX)


def id_column(step_id: str | None) -> bytes:
    return copy.bigint(None if step_id is None else int.from_bytes(bytes.fromhex(step_id), "big", signed=True))


@given(step_id=step_ids, index=st.integers(-(2**31), 2**31 - 1), parent_id=st.none() | step_ids)
@example(step_id="f" * 16, index=2**31 - 1, parent_id="0" * 16)
def test_the_head_of_a_step(step_id: str, index: int, parent_id: str | None) -> None:
    assert copy.step_head(step_id, index, parent_id) == id_column(step_id) + copy.integer(index) + id_column(parent_id)


@given(times=st.tuples(moments, moments), numbers=st.tuples(bigints, bigints, bigints), below=st.booleans(), error_id=bigints)
def test_the_tail_of_a_step(
    times: tuple[int | None, int | None], numbers: tuple[int | None, int | None, int | None], below: bool, error_id: int | None
) -> None:
    columns = [*map(copy.timestamp, times), *map(copy.bigint, numbers), copy.boolean(below), copy.bigint(error_id)]
    assert copy.step_tail(*times, *numbers, below, error_id) == b"".join(columns)


@given(st.lists(step_ids, max_size=5))
def test_step_ids(ids: list[str]) -> None:
    packed = copy.bigint_array_hex(ids)
    assert len(packed) == struct.unpack_from("!i", packed)[0] + 4
    assert packed.endswith(b"".join(map(id_column, ids)))


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
@pytest.mark.parametrize("others", [0, None])
def test_what_no_column_holds_is_refused(place: int, value: int, others: int | None) -> None:
    numbers: list[Any] = [others] * 5
    numbers[place] = value + POSTGRES_EPOCH if place < 2 else value
    with pytest.raises(struct.error):
        copy.step_tail(*numbers, usage_below=False, error_id=None)


@pytest.mark.parametrize("bad", ["", "ab", "a" * 14, "a" * 18, "a" * 32])
def test_an_id_of_another_length_is_refused(bad: str) -> None:
    """Packing would cut it or fill it up, and the step would become another one's."""
    good = "b" * 16
    for step_id, parent_id in ((bad, None), (bad, good), (good, bad)):
        with pytest.raises(ValueError, match="16 hex digits"):
            copy.step_head(step_id, 0, parent_id)


@pytest.mark.parametrize("index", [2**31, -(2**31) - 1])
def test_an_index_that_no_column_holds_is_refused(index: int) -> None:
    for parent_id in (None, "b" * 16):
        with pytest.raises(struct.error):
            copy.step_head("a" * 16, index, parent_id)
