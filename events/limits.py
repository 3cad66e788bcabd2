"""What one event may hold. The bounds keep index rows under Postgres' 2,704 bytes, and sums of
hundreds of thousands of the largest values within a bigint."""

NAME_CHARS_MAX = 256
"""Of names, versions, kinds and models: two of them stand in one index key, at up to four bytes a character."""
TOKENS_MAX = 10**9
COST_USD_MAX = 10_000
PARTS_MAX = 1000
"""Metrics, artifacts or tags of one event."""
INDEX_MAX = 2_000_000_000
