"""What one GraphQL query may ask for, and that refusing takes no time."""

import time

import pytest
from graphql import GraphQLError, get_introspection_query, get_operation_ast, parse

from api.graphql import limits
from api.graphql.limits import QueryTooLarge, check_document, check_text
from api.graphql.schema import core_of, schema
from api.graphql.types import RunStatus
from db.schema import RUN_STATUSES


def _values(query: str, variables: dict[str, object] | None = None, operation: str | None = None) -> int:
    check_text(query)
    document = parse(query)
    return check_document(core_of(schema), document, get_operation_ast(document, operation), variables)


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("{ run(id: 1) { id } }", 10 + 1),
        ("{ runs(first: 10) { edges { node { id name } } } }", 10 + 10 * 4),
        ("{ runs { pageInfo { endCursor } } }", 10 + 50 * 2),
        ("{ runs(first: 10) { edges { node { steps(first: 5) { edges { cursor } } } } } }", 10 + 10 * (2 + 10 + 5 * 2)),
        ("{ kpis { timeseries { buckets { start } } } }", 10 + 10 + 1 + 2000),
        ("{ kpis { tools(first: 7) { tools { calls } } } }", 10 + 10 + 7 * 2),
        ("query q($n: Int = 3) { runs(first: $n) { pageInfo { endCursor } } }", 10 + 3 * 2),
        ("{ runs(first: 2) { ...r } } fragment r on RunConnection { ... on RunConnection { ...e ...e } }"
         " fragment e on RunConnection { edges { cursor } }", 10 + 2 * 4),
    ],
)  # fmt: skip
def test_values_are_fields_times_the_pages_on_the_way(query: str, values: int) -> None:
    assert _values(query) == values


def test_variables_count_with_what_they_hold() -> None:
    query = "query q($n: Int = 3) { runs(first: $n) { pageInfo { endCursor } } }"
    assert _values(query, {"n": 20}) == 10 + 20 * 2
    assert _values(query, {"n": 20.0}) == 10 + 20 * 2
    with pytest.raises(GraphQLError, match="from 1 to 1000"):
        _values(query, {"n": 5000})
    with pytest.raises(QueryTooLarge, match="values"):
        _values(
            "query q($n: Int!) { runs(first: $n) { edges { node { steps(first: $n) { edges { cursor } } } } } }", {"n": 1000}
        )


@pytest.mark.parametrize("query", ["{{ runs(first: {0}) {{ pageInfo {{ endCursor }} }} }}",
    "query q($n: Int = {0}) {{ runs(first: $n) {{ pageInfo {{ endCursor }} }} }}"])  # fmt: skip
def test_numbers_that_python_does_not_read_are_too_large(query: str) -> None:
    with pytest.raises(GraphQLError, match="from 1 to 1000"):
        _values(query.format("9" * 5000))


def test_only_the_chosen_operation_must_be_cheap() -> None:
    query = "query cheap { runs(first: 1) { pageInfo { endCursor } } } query dear { runs(first: 1000) { edges { node {%s} } } }"
    fields = " ".join(["id name status costUsd tags"] * 12)
    assert _values(query % fields, operation="cheap") == 12
    with pytest.raises(QueryTooLarge, match="values"):
        _values(query % fields, operation="dear")


@pytest.mark.parametrize("full", [False, True])
def test_introspection_keeps_the_limits(full: bool) -> None:
    query = get_introspection_query(
        specified_by_url=full, directive_is_repeatable=full, schema_description=full, input_value_deprecation=full
    )
    assert 0 < _values(query) <= limits.VALUES_MAX


_HOSTILE = {
    "tokens": "{ runs { pageInfo {" + " endCursor" * 100_000 + "} } }",
    "one long string": '{ run(id: "' + "x" * 200_000 + '") { id } }' + " #\n" * 30_000 + " a" * 3_000,
    "brackets": "{a" * 50_000 + "}" * 50_000,
    "lists": "{ runs(first: " + "[" * 100_000 + "]" * 100_000 + ") { edges { cursor } } }",
    "depth": "{ runs { edges { node " + "{ steps { edges { node { run " * 4 + "{ id" + " }" * 20,
    "aliases": "{" + " ".join(f"a{number}: runs {{ edges {{ cursor }} }}" for number in range(250)) + "}",
    "ten thousand aliases": "{" + " ".join(f"a{number}: __typename" for number in range(10_000)) + "}",
    "aliases in fragments": "{ ...a ...a ...a ...a } fragment a on Query { "
    + " ".join(f"a{number}: __typename" for number in range(10))
    + "}",
    "repeated fields": "{" + " __typename" * 1_900 + "}",
    "fragment bomb": "{ ...f0 } "
    + "".join(f"fragment f{number} on Query {{ ...f{number + 1} ...f{number + 1} }} " for number in range(30))
    + "fragment f30 on Query { __typename }",
    "fragment chain": "{ ...f0 } "
    + "".join(f"fragment f{number} on Query {{ ...f{number + 1} }} " for number in range(150))
    + "fragment f150 on Query { __typename }",
    "unused fragment": "{ __typename } fragment f on Query {" + " __typename" * 1_900 + "}",
    "cost": "{ runs(first: 1000) { edges { node { steps(first: 1000) { edges { node { id } } } } } } }",
}


@pytest.mark.parametrize("query", [pytest.param(query, id=name) for name, query in _HOSTILE.items()])
def test_what_is_too_large_is_refused_at_once(query: str) -> None:
    started = time.process_time()
    with pytest.raises(QueryTooLarge) as refusal:
        _values(query)
    assert refusal.value.message
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "query",
    [
        "{ ...f } fragment f on Query { ...f }",
        "{ ...f } fragment f on Query { ...g } fragment g on Query { runs { ...h } } fragment h on Query { ...f }",
        "{ __typename } fragment f on Query { ...f }",
    ],
)
def test_fragments_in_circles_are_told(query: str) -> None:
    with pytest.raises(GraphQLError, match="part of itself"):
        _values(query)


@pytest.mark.parametrize("first", [0, -1, 1001, 10**30])
def test_pages_have_a_size(first: int) -> None:
    with pytest.raises(GraphQLError, match="from 1 to 1000"):
        _values(f"{{ runs(first: {first}) {{ edges {{ cursor }} }} }}")


def test_what_the_schema_does_not_know_is_left_to_validation() -> None:
    assert _values("{ nothing(first: 5) { of { it } } ...unknown ... on Unknown { x } }") == 4
    assert _values("mutation { drop(first: 10) { everything } }") == 2


def test_the_schema_has_the_statuses_of_the_database() -> None:
    assert tuple(status.value for status in RunStatus) == RUN_STATUSES
