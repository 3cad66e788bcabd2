"""What the ingest routes say of what they took."""

from uuid import UUID

from pydantic import Field

from api.answers import Answer, may_lack
from api.answers.runs import StepId


class RunAccepted(Answer):
    """The run whose event is on the queue's disk."""

    id: UUID


class StepAccepted(Answer):
    """The step whose event is on the queue's disk."""

    id: StepId


class EventsAccepted(Answer):
    """How many events are on the queue's disk: all that were sent."""

    accepted: int


class RejectedEvent(Answer):
    """What is wrong with an event."""

    index: int = Field(description="Its place in the batch, from 0.")
    path: str
    reason: str


class SomeEventsAccepted(EventsAccepted):
    """How many events are on the queue's disk, and why the others are not."""

    rejected: int
    errors: list[RejectedEvent] = Field(description="At most 1,000.")


class PartialSuccess(Answer):
    """As OTLP has it: of spans that could not be taken."""

    rejected_spans: str = Field(description="An integer of 64 bits, which JSON of protobuf writes as a text.")
    error_message: str


class TracesAccepted(Answer):
    """As OTLP has it."""

    partial_success: PartialSuccess = may_lack(description="Only if there are bad spans.")
