"""What the columns of the roll-ups are: beside the schema, so that a process that only sums need not import SQLAlchemy."""

GRAINS = ("minute", "hour", "day")
ALL_AGENTS = -1
"""The agent id under which a roll-up counts all agents of a project."""

TOTALS = (
    *("runs", "runs_pending", "runs_succeeded", "runs_failed", "runs_cancelled", "runs_timed", "run_microseconds"),
    *("steps", "steps_failed", "steps_timed", "step_microseconds", "input_tokens", "output_tokens", "cost_nano_usd"),
)
TOOL_TOTALS = ("calls", "calls_failed", "calls_timed", "microseconds", "input_tokens", "output_tokens", "cost_nano_usd")
