"""What changed, as entries and positions."""

import pytest

from events.changes import (
    CHANGE_RUNS_MAX,
    INDEXED_KEY,
    START,
    Place,
    change_arguments,
    changes_keys,
    decode_change,
    decode_position,
    encode_position,
    place_of,
)


def test_each_shard_has_a_stream_and_the_search_index_has_one() -> None:
    assert changes_keys(2) == ["agentguide:{0}:changes", "agentguide:{1}:changes", INDEXED_KEY]


def test_a_position_comes_back_as_it_was() -> None:
    position = (Place(1795445851664, 0), START, Place(1795445851666, 12345))
    assert encode_position(position) == "1795445851664-0_0-0_1795445851666-12345"
    assert decode_position(encode_position(position)) == position


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1-",
        "-1",
        "1-1_",
        "_1-1",
        "1-1,2-2",
        "1-1\n",
        "a-1",
        "1-1-1",
        "+1-1",
        "\u0661-1",
        "1" * 16 + "-1",
        "1-1_" * 1024 + "1-1",
    ],
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="position"):
        decode_position(text)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Place(5, 7), Place(5, 8), True),
        (Place(5, 7), Place(5, 9), False),
        (Place(5, 7), Place(5, 7), False),
        (Place(5, 7), Place(6, 8), False),
        (Place(5, 7), Place(6, 0), False),
        (START, Place(5, 0), True),
        (START, Place(5, 1), False),
    ],
)
def test_a_hole_shows_in_the_ids(before: Place, after: Place, expected: bool) -> None:
    assert after.follows(before) is expected


def test_places_are_read_as_redis_writes_them() -> None:
    assert place_of(b"1795445851664-3") == place_of("1795445851664-3") == Place(1795445851664, 3)


def test_runs_are_told_by_project_in_entries_of_a_bounded_size() -> None:
    many = [(7, f"{number:032x}") for number in range(CHANGE_RUNS_MAX + 1)]
    arguments = change_arguments([many[0], (8, "f" * 32), *many[1:]])
    assert [(arguments[at], len(bytes(arguments[at + 1])) // 16) for at in range(0, len(arguments), 2)] == [  # type: ignore[arg-type]
        (7, CHANGE_RUNS_MAX),
        (7, 1),
        (8, 1),
    ]
    told = [decode_change({b"project": b"%d" % arguments[at], b"runs": bytes(arguments[at + 1])}) for at in (0, 2, 4)]  # type: ignore[arg-type]
    assert [run_id.hex() for change in told[:2] if change for run_id in change.runs] == [run_id for _, run_id in many]
    assert told[2] is not None
    assert (told[2].project_id, told[2].runs) == (8, [b"\xff" * 16])


@pytest.mark.parametrize(
    "fields",
    [
        {b"gap": b"1"},
        {},
        {b"project": b"1"},
        {b"project": b"1", b"runs": b""},
        {b"project": b"1", b"runs": b"x" * 17},
        {b"project": b"-1", b"runs": b"x" * 16},
        {b"runs": b"x" * 16},
    ],
)
def test_an_entry_that_names_no_runs_is_a_gap(fields: dict[bytes, bytes]) -> None:
    assert decode_change(fields) is None
