"""GraphQL over the same data as the routes: types, batched loading, limits, and the route."""
