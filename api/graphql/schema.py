"""The schema: types, scalars, and the limits that every query must keep."""

from collections.abc import Iterator

import strawberry
from graphql import GraphQLError, GraphQLSchema, get_operation_ast
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType

from api.graphql.fields import field_value
from api.graphql.limits import check_document, check_text
from api.graphql.query import Query
from api.graphql.scalars import SCALARS

OPERATIONS = (OperationType.QUERY,)


class Limits(SchemaExtension):
    """Refuses what is too large before it is parsed, and before it is validated."""

    def on_parse(self) -> Iterator[None]:
        check_text(self.execution_context.query or "")
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        document = context.graphql_document
        if document is not None:
            operation = get_operation_ast(document, context.context.operation_name)
            if operation is None:
                raise GraphQLError("`operationName` must say which of the query's operations is to run.")
            check_document(core_of(context.schema), document, operation, context.variables)
        yield


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Errors are logged where they are made into an answer."""


def core_of(schema: strawberry.Schema) -> GraphQLSchema:
    return schema._schema


schema = Schema(Query, extensions=[Limits], config=StrawberryConfig(scalar_map=SCALARS, default_resolver=field_value))
