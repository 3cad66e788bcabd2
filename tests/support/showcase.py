"""One run that has everything a page can show of a run: a conversation with an image, tools, artifacts of several types, a
failed step with its stack, a payload that is cut. Its ids are always the same."""

import base64
import json
import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.stack import Stack
from tests.support.waiting import wait_until

RUN = "5a1e5a1e-0000-4000-8000-000000000001"
EARLIER = "5a1e5a1e-0000-4000-8000-000000000002"
"""The same question asked the day before, with an older version: to compare with."""
LAST_ANSWER = f"{7:016x}"
"""The step in which the conversation is whole."""

Event = dict[str, Any]

QUESTION = "Which region grew most last quarter?"
SQL = "SELECT region, sum(net) FROM sales GROUP BY region"
ROWS = [["north", 1840], ["south", 2210], ["coast", 3122]]
STACK = """Traceback (most recent call last):
  File "agent/loop.py", line 92, in act
    result = call('check_policy', arguments)
  File "agent/tools/check_policy.py", line 31, in call
    raise PolicyError(message)
PolicyError: the draft quotes internal notes"""
ANSWER = """**The coast grew most: +18 %** against the quarter before.

| region | growth |
| --- | --- |
| coast | +18 % |
| south | +6 % |
| north | -2 % |

The figures are net of returns."""


def show(stack: Stack) -> None:
    """Sends both runs; returns when they are stored."""
    now = datetime.now(UTC)
    for run, began_at, version in ((EARLIER, now - timedelta(days=1), "0.9.3"), (RUN, now - timedelta(minutes=4), "0.9.4")):
        status, answer = stack.json("POST", "/v1/events", events_of(run, began_at, version))
        assert status == 202, answer
    with stack.database() as database:
        count = "SELECT count(*) FROM runs WHERE id = ANY(%s::uuid[]) AND status = 'SUCCESS'"
        wait_until(lambda: database.execute(count, [[RUN, EARLIER]]).fetchone() == (2,), seconds=30, what="the two runs")


def events_of(run: str, began_at: datetime, version: str) -> list[Event]:
    def at(milliseconds: float) -> str:
        return (began_at + timedelta(milliseconds=milliseconds)).isoformat()

    def step(number: int, begin: float, end: float, tool: str, kind: str, **fields: Any) -> Event:
        parent = {} if number == 1 else {"parentId": f"{1:016x}"}
        identity = {"type": "step", "runId": run, "id": f"{number:016x}", **parent}
        return {**identity, "toolName": tool, "kind": kind, "startedAt": at(begin), "finishedAt": at(end), **fields}

    newer = version != "0.9.3"
    model = {"model": "atlas-large-2" if newer else "atlas-small-2"}
    start = {"type": "run", "id": run, "agent": {"name": "sales-analyst", "version": version}, "name": QUESTION}
    about = {"sessionId": "board-meeting", "tags": ["board", "priority:high"], "input": {"question": QUESTION}}
    steps = [
        step(1, 5, 9000, "plan", "CHAIN", input={"goal": QUESTION}, output={"done": True}),
        step(2, 20, 1900, "chat", "LLM", **model, input={"messages": _asked()}, output=_call(), **_usage(812, 64, 0.003396)),
        step(3, 1920, 2300, "run_sql", "TOOL", input={"statement": SQL}, output={"rows": ROWS}, artifacts=[_table()]),
        step(5, 3210, 3260, "check_policy", "GUARDRAIL", input={"text": "draft"}, error=_error()),
        step(6, 3300, 3900, "read_report", "RETRIEVER", input={"document": "Q3.pdf"}, output={"text": "page " * 300_000}),
        step(7, 3950, 8900, "chat", "LLM", **model, input={"messages": _told()}, output=_said(), **_usage(1630, 188, 0.00771)),
    ]
    if newer:
        steps.insert(3, step(4, 2310, 3200, "draw_chart", "TOOL", input={"data": "growth"}, output="ok", artifacts=_made()))
    end = {"type": "run", "id": run, "status": "SUCCESS", "output": "The coast grew most: +18 %.", "finishedAt": at(9050)}
    score = [{"name": "answer_quality", "value": 0.94 if newer else 0.71, "tags": {"judge": "rubric"}}]
    return [{**start, **about, "startedAt": at(0)}, *steps, {**end, "metrics": score}]


def _asked() -> list[Event]:
    picture = {"type": "image_url", "image_url": {"url": _data_url()}}
    question = {"type": "text", "text": f"{QUESTION} Here is the chart from the board's slides."}
    rules = "You are a careful sales analyst. Use the tools, and show your working."
    return [{"role": "system", "content": rules}, {"role": "user", "content": [question, picture]}]


def _call() -> Event:
    function = {"name": "run_sql", "arguments": json.dumps({"statement": SQL})}
    calls = [{"id": "call_1", "type": "function", "function": function}]
    return {"role": "assistant", "content": "I will look it up.", "tool_calls": calls}


def _told() -> list[Event]:
    return [*_asked(), _call(), {"role": "tool", "tool_call_id": "call_1", "content": json.dumps({"rows": ROWS})}]


def _said() -> Event:
    return {"role": "assistant", "content": ANSWER}


def _usage(tokens_in: int, tokens_out: int, usd: float) -> Event:
    return {"inputTokens": tokens_in, "outputTokens": tokens_out, "costUsd": usd}


def _error() -> Event:
    return {"type": "PolicyError", "message": "the draft quotes internal notes", "stack": STACK}


def _table() -> Event:
    return {"type": "table", "content": {"columns": ["region", "net"], "rows": ROWS}}


def _made() -> list[Event]:
    text = "# Growth by region\n\n- coast: **+18 %**\n- south: +6 %\n- north: -2 %\n"
    return [
        {"type": "image/png", "content": _data_url()},
        {"type": "text/markdown", "content": text},
        {"type": "png", "url": "https://files.example.com/growth.png"},
    ]


def _data_url() -> str:
    return f"data:image/png;base64,{base64.b64encode(_bars()).decode()}"


def _bars(width: int = 240, height: int = 120) -> bytes:
    """A PNG: a bar for each row of the table."""
    tops = [height - height * value // 3400 for _, value in ROWS]
    blue, white = bytes((90, 105, 210)), b"\xff\xff\xff"
    lines = []
    for y in range(height):
        row = (blue if x % 80 in range(18, 62) and y >= tops[x // 80] else white for x in range(width))
        lines.append(b"\0" + b"".join(row))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
