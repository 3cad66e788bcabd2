"""Runs and steps as rows of binary COPY, in the column order of `copy_runs` and `copy_steps` in `db/drain.sql`."""

from collections.abc import Iterable, Iterator

from db import copy
from worker.state import RunState, StepState


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
        )
    )


def step_rows(run: RunState, steps: Iterable[StepState], words: copy.Words) -> Iterator[bytes]:
    """`words` remembers packed names: a batch names few tools, kinds and models, and those over and over."""
    key = copy.run_key(copy.STEP_COLUMNS, run.project_id, run.id, run.day)
    for step in steps:
        yield b"".join(
            (
                key,
                copy.bigint_hex_and_integer(step.id, step.index),
                copy.bigint_hex(step.parent_id),
                words[step.tool_name],
                words[step.name],
                words[step.kind],
                words[step.model],
                copy.jsonb(step.input),
                copy.jsonb(step.output),
                copy.jsonb(step.error),
                copy.jsonb(step.attributes),
                copy.two_timestamps(step.started_at, step.finished_at),
                copy.two_bigints(step.input_tokens, step.output_tokens),
                copy.bigint(step.cost_nano_usd),
                copy.boolean(step.usage_below),
            )
        )
