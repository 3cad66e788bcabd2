"""What one event may hold. The bounds keep index rows under Postgres' 2,704 bytes, and sums of
hundreds of thousands of the largest values within a bigint."""

NAME_CHARS_MAX = 256
"""Of names, versions, kinds and models: two of them stand in one index key, at up to four bytes a character."""
TOKENS_MAX = 10**9
COST_USD_MAX = 10_000
PARTS_MAX = 1000
"""Metrics, artifacts or tags of one event."""
INDEX_MAX = 2_000_000_000
JSON_DEPTH_MAX = 200
"""Of the whole body. The parser's own bound, as is the next; what reads what was stored has the same."""
INTEGER_DIGITS_MAX = 4300
BODY_VALUES_MAX = 1_000_000
"""JSON values of one request: as Python objects they take some 60 bytes each, and two bytes are enough to send one."""
EXPORT_VALUES_MAX = 1_500_000
"""The same of an export in protobuf, where texts count too: base64 of the largest body looks like 1.3 million."""
SPAN_EVENTS_MAX = 10_000
"""Events and links of one span, which take longer than all else that a span may bear."""
URL_BYTES_MAX = 16 * 1024
HEADERS_MAX = 100
HEAD_BYTES_MAX = 32 * 1024
"""Names and values of all headers of a request; also what may come between two bytes of its body, and behind it."""
PIPELINED_MAX = 100
"""Requests of one connection that wait for the answers before theirs."""
