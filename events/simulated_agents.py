"""The made-up agents: their tools, models, helpers, and what they are asked. Data for `events.simulation`, and for `seed`."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Failure:
    type: str
    message: str


@dataclass(slots=True, frozen=True)
class Tool:
    name: str
    argument: str
    """The name of what it is called with."""
    median_ms: float
    spread: float = 0.6
    """Sigma of the log-normal latency."""
    kind: str = "TOOL"
    artifact: str | None = None
    """The type of what it may leave behind."""
    failures: tuple[Failure, ...] = (
        Failure("TimeoutError", "no answer within 30 s"),
        Failure("ConnectionError", "connection reset by peer"),
    )


@dataclass(slots=True, frozen=True)
class Model:
    name: str
    first_token_ms: float
    token_ms: float
    input_usd: float
    """For a million tokens."""
    output_usd: float
    failures: tuple[Failure, ...] = (
        Failure("RateLimitError", "429: too many tokens this minute, try again in 12 s"),
        Failure("ContextLengthError", "the prompt has 131,842 tokens, the limit is 128,000"),
        Failure("OutputParseError", "the answer is not the JSON object that was asked for"),
    )


@dataclass(slots=True, frozen=True)
class Agent:
    name: str
    version: str
    model: Model
    tools: tuple[Tool, ...]
    helpers: tuple["Agent", ...] = ()
    """The agents that it calls as sub-agents."""
    weight: int = 1
    """How often it runs, against the others."""


LARGE = Model("atlas-large-2", 620, 18, 3.0, 15.0)
SMALL = Model("atlas-small-2", 240, 6, 0.15, 0.6)
CODER = Model("forge-coder-1", 480, 12, 1.0, 5.0)

_NOT_FOUND = Failure("NotFoundError", "404: no such record")
_DENIED = Failure("PermissionError", "403: the token may not read this collection")
_BAD_ARGUMENTS = Failure("ValidationError", "arguments.limit: must be at most 10")

SEARCH = Tool("web_search", "query", 850, 0.8)
FETCH = Tool("fetch_page", "url", 420, 1.0, failures=(_NOT_FOUND, Failure("TimeoutError", "the page did not load within 20 s")))
RETRIEVE = Tool("search_knowledge_base", "query", 65, 0.5, kind="RETRIEVER")
EMBED = Tool("embed_query", "text", 38, 0.4, kind="EMBEDDING")
RERANK = Tool("rerank_passages", "query", 120, 0.4, kind="RERANKER")
SQL = Tool(
    "run_sql", "statement", 90, 1.1, artifact="table", failures=(Failure("QueryError", 'column "net_total" does not exist'),)
)
PYTHON = Tool("run_python", "code", 310, 1.2, artifact="png", failures=(Failure("ZeroDivisionError", "division by zero"),))
POLICY = Tool(
    "check_policy", "text", 45, 0.3, kind="GUARDRAIL", failures=(Failure("PolicyError", "the draft quotes internal notes"),)
)

WEB_RESEARCHER = Agent("web-researcher", "1.2.0", SMALL, (SEARCH, FETCH, RERANK))
LOG_ANALYST = Agent(
    "log-analyst", "0.8.1", SMALL, (Tool("search_logs", "filter", 540, 0.9), Tool("count_errors", "filter", 180))
)
TEST_RUNNER = Agent(
    "test-runner",
    "2.0.3",
    CODER,
    (Tool("run_tests", "path", 4200, 0.9, artifact="xml", failures=(Failure("TestFailure", "3 of 214 tests failed"),)),),
)
FACT_CHECKER = Agent("fact-checker", "1.0.2", SMALL, (RETRIEVE, FETCH), (WEB_RESEARCHER,))

AGENTS: tuple[Agent, ...] = (
    Agent(
        "support-desk",
        "2.4.0",
        SMALL,
        (
            RETRIEVE,
            EMBED,
            POLICY,
            Tool("lookup_order", "order", 70, failures=(_NOT_FOUND, _DENIED)),
            Tool("create_ticket", "summary", 160, failures=(_BAD_ARGUMENTS,)),
        ),
        weight=5,
    ),
    Agent("research-planner", "1.1.0", LARGE, (SEARCH, RERANK, PYTHON), (WEB_RESEARCHER, FACT_CHECKER), weight=3),
    Agent(
        "code-reviewer",
        "3.0.1",
        CODER,
        (
            Tool("read_diff", "change", 55, failures=(_NOT_FOUND,)),
            Tool("find_references", "symbol", 210),
            Tool("post_comment", "body", 140, artifact="patch", failures=(_DENIED, _BAD_ARGUMENTS)),
        ),
        (TEST_RUNNER,),
        weight=3,
    ),
    Agent("sales-analyst", "0.9.4", LARGE, (SQL, PYTHON, Tool("draw_chart", "data", 260, artifact="png")), weight=2),
    Agent(
        "incident-responder",
        "1.3.2",
        LARGE,
        (
            Tool("query_metrics", "expression", 130),
            Tool("list_deployments", "service", 95),
            Tool("restart_service", "service", 2600, 0.5),
        ),
        (LOG_ANALYST,),
    ),
    Agent(
        "invoice-auditor",
        "1.0.0",
        SMALL,
        (
            Tool("extract_fields", "document", 980, 0.5, artifact="json"),
            SQL,
            Tool("convert_currency", "amount", 25, failures=(_BAD_ARGUMENTS,)),
        ),
        weight=2,
    ),
)
"""Those that are started from outside; their helpers run below them."""

QUESTIONS: dict[str, tuple[str, ...]] = {
    "support-desk": (
        "Where is my order?",
        "How do I change the delivery address?",
        "The invoice shows the wrong amount",
        "I cannot sign in since this morning",
    ),
    "research-planner": (
        "Compare ways to store heat over the summer",
        "What limits the range of electric ferries?",
        "Summarise what is known about urban beekeeping",
    ),
    "code-reviewer": ("Review the change to the retry policy", "Review the new export endpoint", "Review the date parser"),
    "sales-analyst": (
        "Which region grew most last quarter?",
        "Forecast demand for garden tools",
        "Why did returns go up in May?",
    ),
    "incident-responder": ("Checkout answers slowly", "The nightly import did not finish", "Error rate over 2 % in search"),
    "invoice-auditor": (
        "Check the invoices of this week",
        "Find invoices that were paid twice",
        "Match invoices and purchase orders",
    ),
}

FACTS: tuple[str, ...] = (
    "The record was last changed two days ago.",
    "Three of the five sources agree on this.",
    "The figure for the month before was 4.1 % lower.",
    "No entry matches all of the conditions.",
    "The limit is set in the configuration of the service.",
    "A second check gave the same result.",
    "The delay began after the deployment at 09:40.",
    "The customer has asked about this once before.",
    "Two of the documents lack a date and were left out.",
    "The total includes taxes and shipping.",
)
