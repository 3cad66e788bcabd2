"""The list of runs: filters from an allow-list, values always parameters."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from db import queries

TERM_CHARS_MAX = 600
STALE_STATUSES = ("RUNNING", "PENDING", "FAILED")
"""What a stale run may be: an index has the runs of each in order, and not those that are stale."""


class Sort(StrEnum):
    """By what runs are sorted, the largest first; equal ones by id."""

    TIME = "time"
    DURATION = "duration"
    COST = "cost"
    STEPS = "steps"


@dataclass(slots=True, frozen=True)
class MetricFilter:
    """A run has a metric of this name; with an operator, one whose value is so."""

    name: str
    operator: str | None = None
    """`=`, `<`, `<=`, `>` or `>=`"""
    value: float = 0.0


@dataclass(slots=True, frozen=True)
class RunFilter:
    """All that is set must hold."""

    agent_ids: tuple[int, ...] | None = None
    """One of these; none at all if it is empty."""
    statuses: tuple[str, ...] = ()
    user_id: int | None = None
    session_id: str | None = None
    started_from: datetime | None = None
    started_before: datetime | None = None
    duration_min: int | None = None
    """Microseconds."""
    duration_max: int | None = None
    cost_min: int | None = None
    """Nano-USD."""
    cost_max: int | None = None
    has_error: bool | None = None
    stale: bool | None = None
    """Closed because it was silent, or silent for so long that it is about to be."""
    tools: tuple[str, ...] = ()
    """Has a step of each of these."""
    models: tuple[str, ...] = ()
    """Has a step of each of these."""
    tags: tuple[str, ...] = ()
    """`name`, or `key=value` for tags that are an object."""
    metrics: tuple[MetricFilter, ...] = ()
    q: str | None = None
    """Words in input, output or errors, as `websearch_to_tsquery` understands them."""
    ids: tuple[UUID, ...] | None = None

    @property
    def has_ranges(self) -> bool:
        """Whether durations or costs are asked for, whose order only `indexed_runs` has."""
        return any(bound is not None for bound in (self.duration_min, self.duration_max, self.cost_min, self.cost_max))

    @property
    def terms(self) -> list[str]:
        """What must stand in `search_terms`."""
        return [
            *(f"tool:{name}" for name in self.tools),
            *(f"model:{name}" for name in self.models),
            *(f"tag:{name}"[:TERM_CHARS_MAX] for name in self.tags),
            *(f"metric:{metric.name}" for metric in self.metrics),
        ]


@dataclass(slots=True, frozen=True)
class Position:
    """Where a page ended: the next one begins behind it."""

    value: datetime | int
    """Of what is sorted by."""
    id: UUID


@dataclass(slots=True, frozen=True)
class Page:
    limit: int
    offset: int = 0
    after: Position | None = None


@dataclass(slots=True)
class _Conditions:
    """What stands behind WHERE, and the values of its parameters."""

    on_run: list[LiteralString] = field(default_factory=list)
    """What is said of runs `r`; without any there is no need to look at them before a page is found."""
    others: list[LiteralString] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, condition: LiteralString, **values: Any) -> None:
        self.on_run.append(condition)
        self.values |= values

    def add_other(self, condition: LiteralString, **values: Any) -> None:
        self.others.append(condition)
        self.values |= values

    @property
    def text(self) -> LiteralString:
        return " AND ".join([*self.others, *self.on_run])


@dataclass(slots=True, frozen=True)
class _Source:
    """Where a list finds its runs in the order that it wants."""

    tables: LiteralString
    project_id: LiteralString
    started_at: LiteralString
    run_id: LiteralString


_RUNS = _Source("runs AS r", "r.project_id", "r.started_at", "r.id")
_INDEXED = _Source("indexed_runs AS i", "i.project_id", "i.started_at", "i.run_id")
_TERMS = _Source("search_terms AS t", "t.project_id", "t.started_at", "t.run_id")

_SORT_COLUMN: dict[Sort, LiteralString] = {
    Sort.DURATION: "i.duration_microseconds",
    Sort.COST: "i.cost_nano_usd",
    Sort.STEPS: "i.step_count",
}

_OPERATORS: dict[str | None, LiteralString] = {
    None: "",
    "=": " AND {0}.least <= %({1})s AND {0}.greatest >= %({1})s",
    "<": " AND {0}.least < %({1})s",
    "<=": " AND {0}.least <= %({1})s",
    ">": " AND {0}.greatest > %({1})s",
    ">=": " AND {0}.greatest >= %({1})s",
}
"""Of a term, whose values lie between `least` and `greatest`."""


def list_runs(
    project_id: int, wanted: RunFilter, sort: Sort, page: Page, lead: int = 0
) -> tuple[LiteralString, dict[str, Any]]:
    """The statement and its parameters. Rows: the value that is sorted by, the id, and the run as JSON text.

    The inner statement finds a page of keys along one index; only those runs are then read and made into JSON. If it goes along
    a term, that is number `lead` of `wanted.terms`, and best the rarest.
    """
    if wanted.stale and not wanted.statuses:
        wanted = replace(wanted, statuses=STALE_STATUSES)
    conditions = _Conditions(values={"project_id": project_id})
    keys = _keys(conditions, wanted, sort, page, lead)
    conditions.values |= {"limit": page.limit, "offset": page.offset, "reach": page.limit + page.offset}
    return (
        f"WITH k AS MATERIALIZED (\n{keys}\n)\nSELECT k.sort, k.id, {queries.RUN_SUMMARY}::text\n"
        "FROM k\nJOIN runs AS r ON r.project_id = %(project_id)s AND r.id = k.id\n"
        "LEFT JOIN agents AS a ON a.id = r.agent_id AND a.project_id = r.project_id\n"
        "ORDER BY k.sort DESC, k.id DESC",
        conditions.values,
    )


def _keys(conditions: _Conditions, wanted: RunFilter, sort: Sort, page: Page, lead: int) -> LiteralString:
    source = _source(wanted, sort)
    column = _SORT_COLUMN.get(sort, source.started_at)
    conditions.add_other(f"{source.project_id} = %(project_id)s")
    if page.after is not None:
        after = page.after
        conditions.add_other(f"({column}, {source.run_id}) < (%(after)s, %(after_id)s)", after=after.value, after_id=after.id)
    if sort is Sort.DURATION:
        conditions.add_other("i.duration_microseconds IS NOT NULL")
    _add_all(conditions, wanted, source, lead)
    tables = _joined(source, conditions, wanted)
    several = _several(wanted) if source is _RUNS else None
    if several is None:
        return (
            f"SELECT {column} AS sort, {source.run_id} AS id FROM {tables}\nWHERE {conditions.text}\n"
            f"ORDER BY {column} DESC, {source.run_id} DESC\nLIMIT %(limit)s OFFSET %(offset)s"
        )
    # An index has the runs of one agent in order of time, not those of two: a page of each, then the first of those.
    values, condition = several
    return (
        f"SELECT i.sort, i.id FROM unnest({values}) AS one (value)\nCROSS JOIN LATERAL (\n"
        f"    SELECT {column} AS sort, r.id FROM {tables}\n    WHERE {condition} AND {conditions.text}\n"
        f"    ORDER BY {column} DESC, r.id DESC\n    LIMIT %(reach)s\n) AS i\n"
        "ORDER BY i.sort DESC, i.id DESC\nLIMIT %(limit)s OFFSET %(offset)s"
    )


def _source(wanted: RunFilter, sort: Sort) -> _Source:
    if sort is not Sort.TIME:
        return _INDEXED
    if wanted.terms and wanted.ids is None:
        return _TERMS
    return _INDEXED if wanted.has_ranges else _RUNS


def _joined(source: _Source, conditions: _Conditions, wanted: RunFilter) -> LiteralString:
    tables = source.tables
    if source is not _RUNS and conditions.on_run:
        tables += f"\nJOIN runs AS r ON r.project_id = {source.project_id} AND r.id = {source.run_id}"
    if source is _TERMS and wanted.has_ranges:
        tables += "\nJOIN indexed_runs AS i ON i.project_id = t.project_id AND i.run_id = t.run_id"
    return tables


def _several(wanted: RunFilter) -> tuple[LiteralString, LiteralString] | None:
    if wanted.ids is not None:
        return None
    if wanted.agent_ids is not None and len(wanted.agent_ids) > 1:
        return "%(agent_ids)s::int[]", "r.agent_id = one.value"
    if len(wanted.statuses) > 1 and wanted.agent_ids is None:
        return "%(statuses)s::text[]", "r.status = one.value"
    return None


def _add_all(found: _Conditions, wanted: RunFilter, source: _Source, lead: int = 0) -> None:
    _add_identity(found, wanted)
    _add_ranges(found, wanted, source)
    _add_terms(found, wanted, source, lead)
    if wanted.has_error is not None:
        found.add("(r.error_count > 0 OR r.error IS NOT NULL)" if wanted.has_error else "r.error_count = 0 AND r.error IS NULL")
    if wanted.stale is not None:
        found.add(queries.IS_STALE if wanted.stale else f"NOT {queries.IS_STALE}")
    if wanted.q is not None:
        # OFFSET keeps it a look at each run in its turn: turned into a join, it would begin with all documents that match.
        found.add(
            "EXISTS (SELECT FROM search_documents AS d WHERE (d.project_id, d.run_id, d.day) = (r.project_id, r.id, r.day)"
            " AND d.words @@ websearch_to_tsquery('simple', %(q)s) OFFSET 0)",
            q=wanted.q,
        )


def _add_terms(found: _Conditions, wanted: RunFilter, source: _Source, lead: int) -> None:
    """A list that looks in `search_terms` goes along one term; under the others a run must stand, too."""
    metrics = dict(enumerate(wanted.metrics, len(wanted.terms) - len(wanted.metrics)))
    for number, term in enumerate(wanted.terms):
        name: LiteralString = _numbered("term_{0}", number)
        value: LiteralString = _numbered("value_{0}", number)
        metric = metrics.get(number)
        bound: LiteralString = "" if metric is None else _OPERATORS[metric.operator].replace("{1}", value)
        values = {name: term} if metric is None or metric.operator is None else {name: term, value: metric.value}
        if source is _TERMS and number == lead:
            found.add_other(f"t.term = %({name})s{bound.replace('{0}', 't')}", **values)
        else:
            found.add_other(
                f"EXISTS (SELECT FROM search_terms AS o WHERE o.project_id = {source.project_id} AND o.term = %({name})s"
                f" AND o.started_at = {source.started_at} AND o.run_id = {source.run_id}{bound.replace('{0}', 'o')} OFFSET 0)",
                **values,
            )
        if metric is not None and metric.operator == "=":
            found.add(
                "EXISTS (SELECT FROM metrics AS m WHERE (m.project_id, m.run_id, m.day) = (r.project_id, r.id, r.day)"
                f" AND m.name = substr(%({name})s, 8) AND m.value = %({value})s)"
            )


def all_conditions_of(project_id: int, wanted: RunFilter) -> tuple[LiteralString, dict[str, Any]]:
    """What runs `r`, joined with what `join_of` says, must fulfil of whom all are wanted, and the values of its parameters.

    A page looks at runs until it is full; whoever wants all may begin with the documents that match.
    """
    found = _Conditions()
    found.add("r.project_id = %(project_id)s", project_id=project_id)
    _add_all(found, replace(wanted, q=None), _RUNS)
    if wanted.q is not None:
        found.add(
            "r.id IN (SELECT d.run_id FROM search_documents AS d WHERE d.project_id = %(project_id)s"
            " AND d.words @@ websearch_to_tsquery('simple', %(q)s))",
            q=wanted.q,
        )
    return found.text, found.values


def join_of(wanted: RunFilter) -> LiteralString:
    """What `all_conditions_of` wants to be joined with runs `r`."""
    return "JOIN indexed_runs AS i ON i.project_id = r.project_id AND i.run_id = r.id\n" if wanted.has_ranges else ""


def _add_identity(found: _Conditions, wanted: RunFilter) -> None:
    if wanted.agent_ids is not None and len(wanted.agent_ids) == 1:
        found.add("r.agent_id = %(agent_id)s", agent_id=wanted.agent_ids[0])
    elif wanted.agent_ids is not None:
        found.add("r.agent_id = ANY (%(agent_ids)s::int[])", agent_ids=list(wanted.agent_ids))
    if len(wanted.statuses) == 1:
        found.add("r.status = %(status)s", status=wanted.statuses[0])
    elif wanted.statuses:
        found.add("r.status = ANY (%(statuses)s::text[])", statuses=list(wanted.statuses))
    if wanted.user_id is not None:
        found.add("r.user_id = %(user_id)s", user_id=wanted.user_id)
    if wanted.session_id is not None:
        found.add("r.session_id = %(session_id)s", session_id=wanted.session_id)
    if wanted.ids is not None:
        found.add("r.id = ANY (%(ids)s::uuid[])", ids=list(wanted.ids))


def _add_ranges(found: _Conditions, wanted: RunFilter, source: _Source) -> None:
    if wanted.started_from is not None:
        found.add_other(f"{source.started_at} >= %(started_from)s", started_from=wanted.started_from)
    if wanted.started_before is not None:
        found.add_other(f"{source.started_at} < %(started_before)s", started_before=wanted.started_before)
    if wanted.duration_min is not None:
        found.add_other("i.duration_microseconds >= %(duration_min)s", duration_min=wanted.duration_min)
    if wanted.duration_max is not None:
        found.add_other("i.duration_microseconds <= %(duration_max)s", duration_max=wanted.duration_max)
    if wanted.cost_min is not None:
        found.add_other("i.cost_nano_usd >= %(cost_min)s", cost_min=wanted.cost_min)
    if wanted.cost_max is not None:
        found.add_other("i.cost_nano_usd <= %(cost_max)s", cost_max=wanted.cost_max)


def _numbered(template: LiteralString, number: int) -> LiteralString:
    digits: tuple[LiteralString, ...] = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    return template.replace("{0}", "_".join(digits[int(digit)] for digit in str(number)))
