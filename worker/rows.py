"""What a batch writes, as rows of binary COPY in the column order of the `copy_` statements in `db/drain.sql`."""

from collections.abc import Iterable, Iterator

from db import copy
from db.rollups import TOOL_TOTALS, TOTALS
from worker.rollups import RollupDeltas
from worker.state import RunState, StepState

DOCUMENT_STEPS_MAX = 200


def run_row(run: RunState) -> bytes:
    return b"".join(
        (
            copy.run_key(copy.RUN_COLUMNS, run.project_id, run.id, run.day),
            copy.integer(run.agent_id),
            copy.integer(run.user_id),
            copy.text(run.session_id),
            copy.text(run.name),
            copy.text(run.status),
            copy.jsonb(run.input),
            copy.jsonb(run.output),
            copy.jsonb(run.error),
            copy.timestamp(run.started_at),
            copy.timestamp(run.finished_at),
            copy.jsonb(run.tags),
            copy.jsonb(run.attributes),
            copy.timestamp(run.accepted_at),
            copy.bigint(run.step_count),
            copy.bigint(run.error_count),
            copy.bigint(run.input_tokens),
            copy.bigint(run.output_tokens),
            copy.bigint(run.cost_nano_usd),
            copy.integer(run.next_index),
            copy.bigint_array_hex(sorted(run.awaited_parents)),
            copy.bigint(run.error_id),
            copy.timestamp(run.last_event_at),
            copy.boolean(run.closed_as_stale),
        )
    )


def step_rows(run: RunState, steps: Iterable[StepState], words: copy.Words) -> Iterator[bytes]:
    """`words` remembers packed names: a batch names few tools, kinds and models, and those over and over."""
    key = copy.run_key(copy.STEP_COLUMNS, run.project_id, run.id, run.day)
    for step in steps:
        yield b"".join(
            (
                key,
                copy.step_head(step.id, step.index, step.parent_id),
                words[step.tool_name],
                words[step.name],
                words[step.kind],
                words[step.model],
                copy.jsonb(step.input),
                copy.jsonb(step.output),
                copy.jsonb(step.error),
                copy.jsonb(step.attributes),
                copy.step_tail(
                    step.started_at,
                    step.finished_at,
                    step.input_tokens,
                    step.output_tokens,
                    step.cost_nano_usd,
                    step.usage_below,
                    step.error_id,
                ),
            )
        )


def document_rows(run: RunState) -> Iterator[bytes]:
    """What the search index has to look at again, in pieces, as a run may have as many steps as a batch."""
    key = copy.run_key(5, run.project_id, run.id, run.day)
    touched = list(run.touched)
    for start in range(0, len(touched) or 1, DOCUMENT_STEPS_MAX):
        steps = touched[start : start + DOCUMENT_STEPS_MAX]
        yield b"".join((key, copy.boolean(run.whole and not start), copy.bigint_array_hex(steps)))


def totals_rows(deltas: RollupDeltas) -> Iterator[bytes]:
    for key, sums in deltas.totals.items():
        if any(sums):
            yield copy.bucket(3 + len(TOTALS), *key) + copy.bigints(sums)


def tool_rows(deltas: RollupDeltas, words: copy.Words) -> Iterator[bytes]:
    for (project_id, agent_id, hour, tool_name, kind, model), sums in deltas.tools.items():
        if any(sums):
            head = copy.bucket(6 + len(TOOL_TOTALS), project_id, agent_id, hour)
            yield b"".join((head, words[tool_name], words[kind], words[model], copy.bigints(sums)))


def latency_rows(deltas: RollupDeltas, words: copy.Words) -> Iterator[bytes]:
    for (project_id, agent_id, start, subject, tool_name), counts in deltas.latencies.items():
        head = copy.bucket(7, project_id, agent_id, start) + words[subject] + words[tool_name]
        for number, count in counts.items():
            if count:
                yield head + copy.smallint_and_bigint(number, count)


def error_rows(deltas: RollupDeltas, words: copy.Words) -> Iterator[bytes]:
    for (project_id, agent_id, hour, subject, tool_name, error_id), found in deltas.errors.items():
        if found.count:
            head = copy.bucket(8, project_id, agent_id, hour)
            ids = copy.two_bigints(error_id, found.count), copy.uuid_hex(found.run_id)
            yield b"".join((head, words[subject], words[tool_name], *ids))
