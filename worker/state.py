"""What the drain knows of a run while it applies events to it.

`RunState.apply_run`, `apply_step` and `apply_close` are the merge rule, and all of it: given a state and an event they make the
next state, and look at nothing else. That is why any cut of the same events into batches gives the same rows.
"""

from events.error_groups import identify
from events.records import ABSENT, Artifact, CloseRecord, Metric, RunRecord, StepRecord

TERMINAL = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
STALE_ERROR_ID = identify(bytes(CloseRecord("", 0, 0).error)).id
"""The error group of runs that were closed because they were silent."""
MICROSECONDS_A_DAY = 86_400 * 1_000_000

RunKey = tuple[int, str]
"""Project id and run id (32 hex digits)."""


class StepState:
    """A step's small columns, and of its payloads only those that the batch brought."""

    __slots__ = (
        "attributes",
        "before",
        "cost_nano_usd",
        "error",
        "error_id",
        "failed",
        "finished_at",
        "id",
        "index",
        "input",
        "input_tokens",
        "kind",
        "model",
        "name",
        "output",
        "output_tokens",
        "parent_id",
        "started_at",
        "tool_name",
        "usage_below",
    )

    def __init__(self, step_id: str, index: int) -> None:
        self.id = step_id
        self.index = index
        self.before: StepSnapshot | None = None
        """As it is in the database; None for a new step."""
        self.parent_id: str | None = None
        self.tool_name: str | None = None
        self.name: str | None = None
        self.kind: str | None = None
        self.model: str | None = None
        self.failed = False
        self.error_id: int | None = None
        self.started_at: int | None = None
        self.finished_at: int | None = None
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.cost_nano_usd: int | None = None
        self.usage_below = False
        self.input = self.output = self.error = self.attributes = ABSENT

    @classmethod
    def made_by(cls, event: StepRecord, index: int) -> "StepState":
        """A new step: as `apply` on an empty one, in half the time."""
        step = cls.__new__(cls)
        step.id = event.id
        step.index = index
        step.before = None
        step.parent_id = event.parent_id
        step.tool_name = event.tool_name
        step.name = event.name
        step.kind = event.kind
        step.model = event.model
        step.started_at = event.started_at
        step.finished_at = event.finished_at
        step.input_tokens = event.input_tokens
        step.output_tokens = event.output_tokens
        step.cost_nano_usd = event.cost_nano_usd
        step.usage_below = False
        step.input = event.input
        step.output = event.output
        step.attributes = event.attributes
        step.error = error = event.error
        step.failed = bool(error)
        step.error_id = identify(bytes(error)).id if error else None
        return step

    @property
    def has_usage(self) -> bool:
        return self.input_tokens is not None or self.output_tokens is not None or self.cost_nano_usd is not None

    def snapshot(self) -> "StepSnapshot":
        """What the roll-ups count of this step."""
        if self.usage_below:
            tokens_in = tokens_out = cost = 0
        else:
            tokens_in, tokens_out, cost = self.input_tokens or 0, self.output_tokens or 0, self.cost_nano_usd or 0
        return (
            self.tool_name or "",
            self.kind or "",
            self.model or "",
            self.failed,
            self.error_id,
            self.started_at,
            self.finished_at,
            tokens_in,
            tokens_out,
            cost,
        )

    def apply(self, event: StepRecord) -> None:
        if event.parent_id is not None:
            self.parent_id = event.parent_id
        if event.tool_name is not None:
            self.tool_name = event.tool_name
        if event.name is not None:
            self.name = event.name
        if event.kind is not None:
            self.kind = event.kind
        if event.model is not None:
            self.model = event.model
        if event.started_at is not None:
            self.started_at = event.started_at
        if event.finished_at is not None:
            self.finished_at = event.finished_at
        if event.input_tokens is not None:
            self.input_tokens = event.input_tokens
        if event.output_tokens is not None:
            self.output_tokens = event.output_tokens
        if event.cost_nano_usd is not None:
            self.cost_nano_usd = event.cost_nano_usd
        self.input = event.input or self.input
        self.output = event.output or self.output
        self.attributes = event.attributes or self.attributes
        if event.error:
            self.error = event.error
            self.failed = True
            self.error_id = identify(bytes(event.error)).id


StepSnapshot = tuple[str, str, str, bool, int | None, int | None, int | None, int, int, int]
"""tool_name, kind, model, failed, error_id, started_at, finished_at, input tokens, output tokens, cost: what roll-ups are
made of."""

RunSnapshot = tuple[int, str, int, int | None, int | None]
"""agent_id (0: unknown), status, started_at, finished_at, error_id."""


class RunState:
    """A run's small columns, the payloads that the batch brought, and the steps that the batch needs."""

    __slots__ = (
        "accepted_at",
        "agent_id",
        "artifacts",
        "attributes",
        "awaited_parents",
        "before",
        "closed_as_stale",
        "cost_nano_usd",
        "day",
        "error",
        "error_count",
        "error_id",
        "finished_at",
        "id",
        "input",
        "input_tokens",
        "last_event_at",
        "metrics",
        "name",
        "next_index",
        "output",
        "output_tokens",
        "project_id",
        "session_id",
        "started_at",
        "status",
        "step_count",
        "steps",
        "tags",
        "touched",
        "user_id",
        "whole",
    )

    def __init__(self, project_id: int, run_id: str, accepted_at: int) -> None:
        self.project_id = project_id
        self.id = run_id
        self.accepted_at = accepted_at
        self.day = accepted_at // MICROSECONDS_A_DAY
        """UTC day of acceptance, in days since 1970."""
        self.last_event_at = accepted_at
        """When the latest event that is the run's own was accepted."""
        self.closed_as_stale = False
        self.before: RunSnapshot | None = None
        """As it is in the database; None for a new run."""
        self.agent_id: int | None = None
        self.user_id: int | None = None
        self.session_id: str | None = None
        self.name: str | None = None
        self.status: str = "RUNNING"
        self.started_at = accepted_at
        self.finished_at: int | None = None
        self.error_id: int | None = None
        self.step_count = self.error_count = self.input_tokens = self.output_tokens = self.cost_nano_usd = 0
        self.next_index = 0
        self.awaited_parents: set[str] = set()
        self.input = self.output = self.error = self.tags = self.attributes = ABSENT
        self.steps: dict[str, StepState] = {}
        self.touched: dict[str, StepState] = {}
        """The steps that the batch changed, in order of acceptance."""
        self.whole = False
        """The batch changed the run itself, not only its steps."""
        self.metrics: dict[str, tuple[Metric, int]] = {}
        self.artifacts: dict[str, tuple[str, Artifact, int]] = {}

    def snapshot(self) -> RunSnapshot:
        return (self.agent_id or 0, self.status, self.started_at, self.finished_at, self.error_id)

    def apply_run(self, event: RunRecord, agent_id: int | None, accepted_at: int) -> None:
        self._hear(accepted_at)
        self.whole = True
        if agent_id is not None:
            self.agent_id = agent_id
        if event.user_id is not None:
            self.user_id = event.user_id
        if event.session_id is not None:
            self.session_id = event.session_id
        if event.name is not None:
            self.name = event.name
        if event.status is not None and (event.status in TERMINAL or self.status not in TERMINAL):
            self.status = event.status
        if event.started_at is not None:
            self.started_at = event.started_at
        if event.finished_at is not None:
            self.finished_at = event.finished_at
        self.input = event.input or self.input
        self.output = event.output or self.output
        if event.error:
            self.error = event.error
            self.error_id = identify(bytes(event.error)).id
        self.tags = event.tags or self.tags
        self.attributes = event.attributes or self.attributes
        for metric in event.metrics:
            self.metrics[metric.id] = (metric, accepted_at)

    def apply_close(self, event: CloseRecord) -> None:
        """When it ended nobody knows, so `finished_at` stays as it is and no duration is made up."""
        if self.status in TERMINAL or self.last_event_at > event.silent_since:
            return
        self.whole = True
        self.status = "FAILED"
        self.closed_as_stale = True
        if self.error_id is None:
            self.error = event.error
            self.error_id = STALE_ERROR_ID

    def _hear(self, accepted_at: int) -> None:
        """The run speaks: if it was closed because it did not, it is open again."""
        if accepted_at > self.last_event_at:  # noqa: PLR1730 - a call less, for each event
            self.last_event_at = accepted_at
        if self.closed_as_stale:
            self._open_again()

    def _open_again(self) -> None:
        self.whole = True
        self.status = "RUNNING"
        self.closed_as_stale = False
        if self.error_id == STALE_ERROR_ID:
            self.error = ABSENT
            self.error_id = None

    def apply_step(self, event: StepRecord, accepted_at: int) -> None:
        self._hear(accepted_at)
        step_id = event.id
        step = self.steps.get(step_id)
        if step is None:
            step = self._add_step(event)
        else:
            if event.index is not None:
                step.index = event.index
                self.next_index = max(self.next_index, event.index + 1)
            step.apply(event)
        self.touched[step_id] = step
        if step.parent_id is not None and (step.usage_below or step.has_usage):
            self.mark_usage_above(step.parent_id)
        for artifact in event.artifacts:
            self.artifacts[artifact.id] = (step_id, artifact, accepted_at)

    def _add_step(self, event: StepRecord) -> StepState:
        index = self.next_index if event.index is None else event.index
        if index >= self.next_index:
            self.next_index = index + 1
        step = self.steps[event.id] = StepState.made_by(event, index)
        if event.id in self.awaited_parents:
            self.awaited_parents.discard(event.id)
            step.usage_below = True
        return step

    def mark_usage_above(self, parent_id: str | None) -> None:
        """A step reports usage, so no step above it counts its own: that would be the same usage again."""
        while parent_id is not None:
            parent = self.steps.get(parent_id)
            if parent is None:
                self.awaited_parents.add(parent_id)
                return
            if parent.usage_below:
                return
            parent.usage_below = True
            self.touched.setdefault(parent_id, parent)
            parent_id = parent.parent_id
