"""Pages as Relay's cursor connections. Source: GraphQL Cursor Connections Specification, https://relay.dev/graphql/connections.htm"""

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import strawberry

from api.graphql.limits import FIRST_MAX

Node = TypeVar("Node")

First = Annotated[int, strawberry.argument(description=f"At most so many, from 1 to {FIRST_MAX}.")]
After = Annotated[str | None, strawberry.argument(description="`cursor` of an edge, or `endCursor`: those behind it.")]


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool = strawberry.field(description="Whether `after` was given.")
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[Node]):
    node: Node
    make_cursor: strawberry.Private[Callable[[], str]]

    @strawberry.field
    def cursor(self) -> str:
        return self.make_cursor()


@strawberry.type
class Connection(Generic[Node]):
    edges: list[Edge[Node]]
    has_next_page: strawberry.Private[bool]
    has_previous_page: strawberry.Private[bool]

    @strawberry.field
    def page_info(self) -> PageInfo:
        edges = self.edges
        return PageInfo(
            has_next_page=self.has_next_page,
            has_previous_page=self.has_previous_page,
            start_cursor=edges[0].make_cursor() if edges else None,
            end_cursor=edges[-1].make_cursor() if edges else None,
        )


def connect(nodes: Sequence[tuple[Node, Callable[[], str]]], first: int, after: str | None) -> Connection[Node]:
    """A page of nodes, each with what makes its cursor; `nodes` holds one more than `first` if there are more."""
    edges = [Edge(node=node, make_cursor=make_cursor) for node, make_cursor in nodes[:first]]
    return Connection(edges=edges, has_next_page=len(nodes) > first, has_previous_page=after is not None)
