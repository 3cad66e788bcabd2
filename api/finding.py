"""Finding runs: which way a list is looked up."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from api.pages import decode_cursor, encode_cursor, not_ours, rows, run_rows
from api.state import AppState
from db import queries
from db.run_list import Page, Position, RunFilter, Sort, list_runs
from events.exceptions import InvalidQuery

MATCHES_MAX = 5000
"""Up to so many runs that match `q` are sorted; more are so many that a look through the latest runs soon finds a page."""


@dataclass(slots=True, frozen=True)
class FoundRun:
    position: Position
    id: UUID
    json: str
    """The list item."""


async def find_runs(
    state: AppState,
    project_id: int,
    wanted: RunFilter,
    *,
    sort: Sort = Sort.TIME,
    limit: int,
    offset: int = 0,
    after: Position | None = None,
) -> list[FoundRun]:
    """A page of the runs that a filter lets through, the largest of `sort` first.

    Raises:
        InvalidQuery: `q` matches more than can be sorted by anything but time, or the page is too large.
    """
    if wanted.q is not None and wanted.ids is None:
        matches = await rows(state, queries.MATCHING_RUNS, {"project_id": project_id, "q": wanted.q, "limit": MATCHES_MAX + 1})
        if len(matches) <= MATCHES_MAX:
            wanted = replace(wanted, q=None, ids=tuple({run_id for (run_id,) in matches}))
        elif sort is not Sort.TIME:
            raise InvalidQuery(f"`q` matches more than {MATCHES_MAX} runs: sort them by time, or look for rarer words.")
    lead = 0
    if len(wanted.terms) > 1:
        lead = (await rows(state, queries.COUNT_TERMS, {"project_id": project_id, "terms": wanted.terms}))[0][0]
    found = await run_rows(state, *list_runs(project_id, wanted, sort, Page(limit, offset, after), lead), limit)
    return [FoundRun(Position(value, run_id), run_id, text) for value, run_id, text in found]


def encode_position(sort: Sort, position: Position) -> str:
    value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
    return encode_cursor(sort.value, value, str(position.id))


def decode_position(sort: Sort, cursor: str) -> Position:
    """Raises InvalidQuery if it is not a cursor of a list that is sorted so."""
    name, value, run_id = decode_cursor(cursor, 3)
    if name != sort.value:
        raise InvalidQuery(f"`cursor` is of another list than one sorted by {sort.value}: begin anew without it.")
    try:
        if sort is Sort.TIME:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise ValueError
            return Position(moment, UUID(run_id))
        if type(value) is not int or not -(2**63) <= value < 2**63:
            raise ValueError
        return Position(value, UUID(run_id))
    except (ValueError, TypeError, AttributeError):
        raise not_ours() from None
