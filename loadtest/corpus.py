"""What loaded runs are made of: agents, tools, models, errors, and payloads of words that are as unevenly common as real ones.

Payloads come from pools that are made once a process, the same in each: what a word's rank is here says how often a search
finds it.
"""

import random
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import msgspec

from events.error_groups import ErrorGroup, identify
from events.records import ABSENT, RunStatus

SEED = 20
WORDS = 20_000
INPUTS = 20_011
OUTPUTS = 19_997
"""Sizes of pools that are walked in a circle are prime."""
VARIANTS_AN_ERROR = 150

_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
_encode = msgspec.json.Encoder().encode

Payload = msgspec.Raw


@dataclass(slots=True, frozen=True)
class Kind:
    """A sort of step."""

    tool_name: str | None
    name: str | None
    kind: str
    model: str | None
    median_microseconds: int
    share: float
    """Of all steps."""
    nano_usd_a_token: tuple[int, int] | None = None
    """In and out; None for what uses no tokens."""


@dataclass(slots=True, frozen=True)
class Failure:
    payload: Payload
    group: ErrorGroup


TOOLS = (
    *("web_search", "fetch_page", "search_documents", "run_sql", "run_python", "read_file", "rerank_passages", "embed_query"),
    *("check_policy", "lookup_order", "create_ticket", "send_message", "query_metrics", "list_deployments", "draw_chart"),
    *("convert_currency", "extract_fields", "find_references", "post_comment", "read_diff", "run_tests", "translate_text"),
    *("book_room", "geocode_address", "resize_image", "restart_service", "rotate_key", "restore_backup", "drop_index"),
    "page_on_call",
)
"""From the most to the least used: the first is in six runs of ten, the last in one of ten thousand."""

_MOST_USED_SHARE = 0.09
_NEXT_SHARE = 0.73
"""What share of steps each tool has of that of the tool before."""

MODELS = (
    ("atlas-large-2", (3_000, 15_000), 2_400_000, 0.30),
    ("atlas-small-2", (150, 600), 700_000, 0.20),
    ("forge-coder-1", (1_000, 5_000), 1_500_000, 0.09),
)

METRICS = {"answer_quality": 0.25, "user_rating": 0.10, "drift": 0.01, "incident": 0.0005}
"""Names, and the share of runs that have one."""

TAGS: tuple[tuple[object, float], ...] = (
    (None, 0.3),
    ({"environment": "production", "team": "search"}, 0.3),
    ({"environment": "production", "team": "support"}, 0.1),
    ({"environment": "staging", "team": "search"}, 0.1),
    (["nightly"], 0.15),
    (["nightly", "beta"], 0.049),
    (["canary"], 0.001),
)
"""What runs are tagged with, and the share of those that are."""

STATUSES: dict[RunStatus, float] = {"SUCCESS": 0.88, "FAILED": 0.09, "CANCELLED": 0.025, "RUNNING": 0.004, "PENDING": 0.001}

_ERRORS = (
    "TimeoutError: upstream api-{small} did not answer within {large} ms",
    "ConnectionError: connection {id} was reset by peer",
    "RateLimitError: 429, try again in {small} s",
    "ContextLengthError: the prompt has {large} tokens, the limit is 128000",
    "OutputParseError: the answer is not the JSON object that was asked for",
    "NotFoundError: no record '{word}' in collection '{other}'",
    "PermissionError: token {id} may not read '{other}'",
    "ValidationError: arguments.limit: {large} is over the maximum of {small}",
    'QueryError: column "{word}" does not exist',
    "ZeroDivisionError: division by zero",
    "PolicyError: the draft quotes internal note {small}",
    "TestFailure: {small} of {large} tests failed",
)


@cache
def vocabulary() -> tuple[str, ...]:
    """Words that are none, the most common first."""
    chance = random.Random(SEED)
    words: dict[str, None] = {}
    while len(words) < WORDS:
        words["".join(chance.choices(_SYLLABLES, k=chance.choice((2, 3, 3, 4))))] = None
    return tuple(words)


@cache
def _cumulative_weights() -> list[float]:
    return list(accumulate(1 / rank for rank in range(1, WORDS + 1)))


def phrase(chance: random.Random, words: int) -> str:
    """Words by Zipf's law: the n-th most common is n times as rare as the first."""
    return " ".join(chance.choices(vocabulary(), cum_weights=_cumulative_weights(), k=words))


@cache
def inputs() -> tuple[Payload, ...]:
    chance = random.Random(SEED + 1)
    return tuple(_payload({"query": phrase(chance, chance.randint(4, 12)), "limit": 10}) for _ in range(INPUTS))


@cache
def outputs() -> tuple[Payload, ...]:
    chance = random.Random(SEED + 2)
    return tuple(
        _payload({"results": [phrase(chance, chance.randint(4, 9)) for _ in range(2)], "total": chance.randrange(500)})
        for _ in range(OUTPUTS)
    )


@cache
def failures() -> tuple[Failure, ...]:
    """Errors of a dozen groups, the first the most frequent."""
    chance = random.Random(SEED + 3)
    words = vocabulary()
    found = []
    for rank, text in enumerate(_ERRORS, 1):
        for _ in range(2 * VARIANTS_AN_ERROR // rank + 1):
            message = text.format(
                word=chance.choice(words),
                other=chance.choice(words),
                id=f"{chance.getrandbits(64):016x}",
                small=chance.randrange(2, 60),
                large=chance.randrange(200, 200_000),
            )
            kind, _, detail = message.partition(": ")
            payload = _payload({"type": kind, "message": detail})
            found.append(Failure(payload, identify(bytes(payload))))
    return tuple(found)


@cache
def kinds() -> tuple[Kind, ...]:
    """Model calls, chains, and the tools."""
    models = tuple(Kind("chat", None, "LLM", name, median, share, price) for name, price, median, share in MODELS)
    tools = tuple(
        Kind(name, None, "TOOL", None, 40_000 + 37_000 * (number * 7 % 11), _MOST_USED_SHARE * _NEXT_SHARE**number)
        for number, name in enumerate(TOOLS)
    )
    rest = 1 - sum(kind.share for kind in models + tools)
    return (*models, *tools, Kind(None, "plan", "CHAIN", None, 9_000, rest))


@cache
def tags() -> tuple[Payload, ...]:
    return tuple(ABSENT if value is None else _payload(value) for value, _ in TAGS)


def run_input(chance: random.Random, ticket: int) -> Payload:
    """Of one run alone: nothing else has its ticket's number."""
    return _payload({"task": phrase(chance, 8), "ticket": f"tk{ticket}"})


def run_output(chance: random.Random) -> Payload:
    return _payload({"answer": phrase(chance, 12)})


def _payload(value: object) -> Payload:
    return Payload(_encode(value))
