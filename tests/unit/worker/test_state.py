"""A step that one event makes is the step that the event applied to an empty one makes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from events.records import ABSENT, StepRecord
from worker.state import StepState

texts = st.none() | st.sampled_from(["", "a", "b"])
numbers = st.none() | st.integers(-3, 3)
payloads = st.sampled_from([ABSENT, Raw(b"null"), Raw(b'{"message": "boom"}')])


def values_of(step: StepState) -> dict[str, Any]:
    return {name: getattr(step, name) for name in StepState.__slots__}


@given(
    event=st.builds(
        StepRecord,
        run_id=st.just("0" * 32),
        id=st.just("0" * 16),
        parent_id=texts,
        tool_name=texts,
        name=texts,
        kind=texts,
        model=texts,
        input=payloads,
        output=payloads,
        error=payloads,
        attributes=payloads,
        started_at=numbers,
        finished_at=numbers,
        input_tokens=numbers,
        output_tokens=numbers,
        cost_nano_usd=numbers,
    ),
    index=st.integers(0, 9),
)
def test_a_new_step_is_an_empty_one_with_the_event_applied(event: StepRecord, index: int) -> None:
    empty = StepState(event.id, index)
    empty.apply(event)
    assert values_of(StepState.made_by(event, index)) == values_of(empty)
