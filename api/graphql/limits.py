"""How much one query may ask for. All of it is checked before anything runs, in time that grows with the query's length only.

The text is looked at before it is parsed, as the parser goes as deep as the text does; the document is measured before it is
validated, as validation compares fields that repeat with each other, all with all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLNullableType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    Lexer,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Source,
    TokenKind,
    VariableNode,
    get_named_type,
    is_list_type,
)
from strawberry.types.field import StrawberryField

from api.kpis import AGENTS_MAX
from api.windows import BUCKETS_MAX

TOKENS_MAX = 2_000
NESTING_MAX = 40
"""Brackets in brackets, and fragments in fragments."""
DEPTH_MAX = 16
"""Fields in fields. Three of them lead through a connection (`runs { edges { node`), and introspection needs 15."""
ALIASES_MAX = 30
FIELDS_MAX = 500
"""Those of a fragment count wherever it is spread."""
VALUES_MAX = 50_000
"""Fields times the number of objects that may have them. So many take about a third of a second."""
LOADED_VALUES = 10
"""What a field counts as that has to be loaded: a payload, a page, the agent of a run."""
FIRST_MAX = 1_000
FIRST_DEFAULT = 50
STEPS_DEFAULT = 20
PARTS_DEFAULT = 10
"""Of artifacts and metrics."""
BINS_MAX = 1_600
"""Bins of a histogram, of durations up to a year."""
DIGITS_MAX = 20
"""Of a number in the query that are looked at."""
LIST_SIZE = 20
"""What a list without `first` is counted as, where `_LIST_SIZES` does not know better."""

_LIST_SIZES: dict[tuple[str, str], int] = {
    ("KpiSummary", "agents"): AGENTS_MAX,
    ("KpiTimeseries", "buckets"): BUCKETS_MAX,
    ("KpiLatency", "buckets"): BINS_MAX,
    # Counted where `first` stands:
    ("KpiTools", "tools"): 1,
    ("KpiTools", "topFailing"): 1,
    ("KpiTools", "errors"): 1,
    ("KpiModels", "models"): 1,
    # What this schema has of each, in the mean:
    ("__Schema", "types"): 70,
    ("__Type", "fields"): 4,
    ("__Type", "inputFields"): 1,
    ("__Type", "enumValues"): 1,
    ("__Type", "interfaces"): 0,
    ("__Type", "possibleTypes"): 0,
    ("__Field", "args"): 0,
}

_OPENING = frozenset((TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L))
_CLOSING = frozenset((TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R))


class QueryTooLarge(GraphQLError):
    """The query asks for more than one query may."""


def check_text(query: str) -> None:
    """Raises QueryTooLarge for too many tokens or too many brackets in each other, GraphQLError for what is no token."""
    lexer = Lexer(Source(query))
    depth = 0
    for _ in range(TOKENS_MAX):
        kind = lexer.advance().kind
        if kind is TokenKind.EOF:
            return
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth > NESTING_MAX:
            raise QueryTooLarge(f"The query has more than {NESTING_MAX} brackets in each other.")
    if lexer.advance().kind is not TokenKind.EOF:
        raise QueryTooLarge(f"The query has more than {TOKENS_MAX} tokens.")


def check_document(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode | None,
    variables: Mapping[str, Any] | None = None,
) -> int:
    """The number of values that the answer to `operation` may hold; `variables` as they came in.

    The document needs not be valid: what the schema does not know counts as one field.

    Raises:
        QueryTooLarge: some operation or fragment is over a limit.
        GraphQLError: `first` is out of its range, or a fragment is part of itself.
    """
    measure = _Measure(schema, document, _first_values(operation, variables or {}))
    values = 0
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            measure.fragment(definition.name.value, 0, 0)
        elif isinstance(definition, OperationDefinitionNode):
            size = measure.selections(definition.selection_set, schema.get_root_type(definition.operation), 0, 0)
            _check(size.aliases, ALIASES_MAX, "aliases")
            _check(max(size.fields, measure.fields), FIELDS_MAX, "fields")
            if definition is operation:
                values = size.values
    _check(measure.fields, FIELDS_MAX, "fields")
    _check(values, VALUES_MAX, "values in its answer (fields times `first`, all lists on the way multiplied)")
    return values


def _check(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise QueryTooLarge(f"The query asks for up to {count:,} {what}; at most {limit:,} go into one.")


def _first_values(operation: OperationDefinitionNode | None, variables: Mapping[str, Any]) -> dict[str, int]:
    """The variables that are whole numbers, or are so unless given."""
    defaults = {
        item.variable.name.value: _whole(item.default_value)
        for item in (operation.variable_definitions or () if operation else ())
        if isinstance(item.default_value, IntValueNode)
    }
    given = {
        name: int(value)
        for name, value in variables.items()
        if isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    }
    return defaults | given


def _whole(node: IntValueNode) -> int:
    """Python refuses to read what is very long, and whatever is longer than that is too much of anything."""
    return int(node.value[:DIGITS_MAX])


@dataclass(slots=True)
class _Size:
    """What some selections ask for, fragments in them included."""

    depth: int = 0
    nesting: int = 0
    aliases: int = 0
    fields: int = 0
    values: int = 0

    def add(self, other: "_Size") -> None:
        self.depth = max(self.depth, other.depth)
        self.nesting = max(self.nesting, other.nesting)
        self.aliases += other.aliases
        self.fields += other.fields
        self.values += other.values


@dataclass(slots=True)
class _Measure:
    schema: GraphQLSchema
    document: DocumentNode
    variables: dict[str, int]
    fields: int = 0
    """Field nodes seen so far, each once."""
    _fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)
    _measured: dict[str, _Size | None] = field(default_factory=dict)
    """By the fragment's name; None while it is being measured. Each is measured once, however often it is spread."""

    def __post_init__(self) -> None:
        for definition in self.document.definitions:
            if isinstance(definition, FragmentDefinitionNode):
                self._fragments[definition.name.value] = definition

    def selections(self, owner: SelectionSetNode | None, parent: Any, depth: int, nesting: int) -> _Size:
        """`depth` and `nesting` are those of `owner`."""
        total = _Size()
        if owner is None:
            return total
        if depth >= DEPTH_MAX:
            raise QueryTooLarge(f"The query is more than {DEPTH_MAX} fields deep.", owner)
        _check_nesting(nesting, owner)
        for selection in owner.selections:
            if isinstance(selection, FieldNode):
                total.add(self._field(selection, parent, depth, nesting))
            elif isinstance(selection, InlineFragmentNode):
                total.add(self.selections(selection.selection_set, self._type(selection, parent), depth, nesting + 1))
            elif isinstance(selection, FragmentSpreadNode):
                total.add(self.fragment(selection.name.value, depth, nesting + 1))
        total.nesting += 1
        return total

    def _field(self, node: FieldNode, parent: Any, depth: int, nesting: int) -> _Size:
        self.fields += 1
        known = self.schema.get_field(parent, node.name.value) if isinstance(parent, GraphQLObjectType) else None
        below = self.selections(node.selection_set, get_named_type(known.type) if known else None, depth + 1, nesting + 1)
        times = 1 if known is None else self._times(node, parent.name, known)
        return _Size(
            below.depth + 1,
            below.nesting,
            below.aliases + (node.alias is not None),
            below.fields + 1,
            (LOADED_VALUES if _is_loaded(known) else 1) + times * below.values,
        )

    def fragment(self, name: str, depth: int, nesting: int) -> _Size:
        if name not in self._fragments:
            return _Size()
        if name not in self._measured:
            self._measured[name] = None
            definition = self._fragments[name]
            self._measured[name] = self.selections(definition.selection_set, self._type(definition, None), depth, nesting)
        size = self._measured[name]
        if size is None:
            raise GraphQLError(f"Fragment {name!r} is part of itself.", self._fragments[name])
        if depth + size.depth > DEPTH_MAX:
            raise QueryTooLarge(f"The query is more than {DEPTH_MAX} fields deep.", self._fragments[name])
        _check_nesting(nesting + size.nesting, self._fragments[name])
        return size

    def _type(self, node: InlineFragmentNode | FragmentDefinitionNode, parent: Any) -> Any:
        return self.schema.get_type(node.type_condition.name.value) if node.type_condition else parent

    def _times(self, node: FieldNode, parent: str, known: GraphQLField) -> int:
        """How many objects a field may lead to."""
        if "first" in known.args:
            return self._first(node, known.args["first"].default_value)
        if parent.endswith("Connection"):
            return 1  # counted where the connection stands
        nullable: GraphQLNullableType = known.type.of_type if isinstance(known.type, GraphQLNonNull) else known.type
        return _LIST_SIZES.get((parent, node.name.value), LIST_SIZE) if is_list_type(nullable) else 1

    def _first(self, node: FieldNode, default: int) -> int:
        given = next((argument.value for argument in node.arguments or () if argument.name.value == "first"), None)
        if isinstance(given, IntValueNode):
            value = _whole(given)
        elif isinstance(given, VariableNode):
            value = self.variables.get(given.name.value, default)
        else:
            value = default  # left out, or of a wrong kind, which validation tells
        if not 1 <= value <= FIRST_MAX:
            raise GraphQLError(f"`first` is {value}; it must be from 1 to {FIRST_MAX}.", node)
        return value


def _is_loaded(known: GraphQLField | None) -> bool:
    definition = known.extensions.get("strawberry-definition") if known else None
    return isinstance(definition, StrawberryField) and definition.is_async


def _check_nesting(nesting: int, node: Node) -> None:
    if nesting > NESTING_MAX:
        raise QueryTooLarge(f"The query has more than {NESTING_MAX} fields and fragments in each other.", node)
