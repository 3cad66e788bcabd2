"""What secrets look like in text: the keys of common providers, tokens, private keys, card numbers, and `password=...`.

Each pattern is told twice. Its `hint` finds where it may be, in JSON text or in the bytes of a whole request, for an engine
that reads any text once, whatever it holds (Rust's `regex`, through pydantic). Its `exact` says what is replaced, for
Python's `re`: it begins with a literal, so that the search for it is a plain one, and what may repeat is bounded or ends at a
character that it cannot begin at, so that no text takes time that grows with its square.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from pydantic_core import SchemaValidator, core_schema

PatternGroup = Literal["api_key", "jwt", "authorization", "private_key", "card", "url_password", "assignment", "email"]

JSON_EDGE = r"(?:(?-u:\b)|\\[bfnrt]|\\u[0-9a-fA-F]{4})"
"""Where a number may begin in JSON text, also behind an escape; elsewhere there is no telling."""
JSON_END = "(?:[^A-Za-z0-9]|$)"
"""What may stand behind a number in JSON text. With this, few ids of hex digits look like a number."""

_URL_SAFE = "[A-Za-z0-9_-]"
_WORD = "[A-Za-z0-9]"


def finder(hints: Iterable[str]) -> Callable[[str], bool]:
    """Whether a text holds what one of some regular expressions describes, by an engine that does not backtrack."""
    schema = core_schema.str_schema(pattern="|".join(hints), regex_engine="rust-regex")
    return SchemaValidator(schema).isinstance_python


@dataclass(slots=True)
class Pattern:
    what: str
    """What the mark says."""
    group: PatternGroup
    hint: str
    exact: re.Pattern[str]
    """Its group `secret` is what is replaced."""
    is_secret: Callable[[str], bool] | None = None
    """Whether what was found is one, where the look of it is not enough."""
    may_be_in: Callable[[str], bool] = field(init=False)

    def __post_init__(self) -> None:
        self.may_be_in = finder([self.hint])


def _has_digit(text: str) -> bool:
    """Slugs and the classes of stylesheets have none, and a random key of twenty characters hardly ever does without."""
    return any(map(str.isdigit, text))


def _is_basic(text: str) -> bool:
    """Whether this is `user:password` in base64."""
    text = text.rstrip("=")
    try:
        return b":" in b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return False


def passes_luhn(text: str) -> bool:
    """Whether the check digit of a card number is right; blanks and hyphens do not count."""
    digits = [int(character) for character in text if character.isdecimal()]
    doubled = [2 * digit - 9 if digit > 4 else 2 * digit for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _begins(literal: str) -> str:
    """The literal where a word begins, or behind an escape of JSON: `\\n` ends in a letter."""
    text = re.escape(literal)
    return rf"{text}(?:(?<![A-Za-z0-9]{text})|(?<=\\[bfnrt]{text}))"


def _keys(what: str, literals: str, rest: str, is_secret: Callable[[str], bool] | None = None) -> Iterator[Pattern]:
    """API keys that begin with one of some literals."""
    for literal in literals.split():
        exact = re.compile(rf"(?P<secret>{_begins(literal)}{rest})")
        yield Pattern(what, "api_key", re.escape(literal) + rest, exact, is_secret)


def _card(first: str, rest: str) -> Pattern:
    number = rf"{first}{rest}"
    # Not a part of a longer number or word, such as an id in hex digits.
    exact = re.compile(rf"(?P<secret>(?:(?<![A-Za-z0-9._])|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{{4}})){number}(?![A-Za-z0-9]))")
    hint = JSON_EDGE + number + JSON_END
    return Pattern("card", "card", hint, exact, passes_luhn)


PATTERNS: tuple[Pattern, ...] = (
    *_keys("anthropic-key", "sk-ant-", f"{_URL_SAFE}{{16,}}"),
    *_keys("openai-key", "sk-proj- sk-svcacct- sk-admin-", f"{_URL_SAFE}{{16,}}"),
    *_keys("openai-key", "sk-", f"{_URL_SAFE}{{20,}}", _has_digit),
    *_keys("aws-access-key", "AKIA ASIA ABIA ACCA", "[A-Z0-9]{16}"),
    *_keys("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", f"{_WORD}{{20,}}"),
    *_keys("github-token", "github_pat_", "[A-Za-z0-9_]{20,}"),
    *_keys("gitlab-token", "glpat- gldt- glrt- glptt- glft- glsoat- glcbt- glimt- glagent- gloas-", f"{_URL_SAFE}{{16,}}"),
    *_keys("slack-token", "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.xoxp- xoxe.xoxb- xapp-", "[A-Za-z0-9-]{10,}"),
    *_keys("slack-webhook", "hooks.slack.com/", "(?:services|workflows|triggers)/[A-Za-z0-9/_+-]{16,}"),
    *_keys("google-key", "AIza", f"{_URL_SAFE}{{35}}"),
    *_keys("google-token", "ya29. GOCSPX-", f"{_URL_SAFE}{{20,}}"),
    *_keys("stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_", f"{_WORD}{{16,}}"),
    *_keys("stripe-key", "whsec_", "[A-Za-z0-9+/]{20,}"),
    *_keys("hugging-face-token", "hf_ api_org_", "[A-Za-z0-9]{30,}"),
    *_keys("npm-token", "npm_", "[A-Za-z0-9]{36}"),
    *_keys("pypi-token", "pypi-", f"{_URL_SAFE}{{50,}}"),
    *_keys("sendgrid-key", "SG.", rf"{_URL_SAFE}{{16,}}\.{_URL_SAFE}{{16,}}"),
    *_keys("twilio-key", "SK AC", "[0-9a-f]{32}"),
    *_keys("groq-key", "gsk_", f"{_WORD}{{20,}}"),
    *_keys("xai-key", "xai-", f"{_URL_SAFE}{{20,}}", _has_digit),
    *_keys("perplexity-key", "pplx-", f"{_URL_SAFE}{{20,}}", _has_digit),
    *_keys("replicate-token", "r8_", f"{_WORD}{{20,}}"),
    *_keys("langsmith-key", "lsv2_pt_ lsv2_sk_", "[A-Za-z0-9_]{16,}"),
    *_keys("databricks-token", "dapi", "[0-9a-f]{32}"),
    *_keys("agentguide-key", "ag_", f"{_WORD}{{4,32}}_{_URL_SAFE}{{16,}}"),
    Pattern(
        "jwt",
        "jwt",
        rf"eyJ{_URL_SAFE}{{8,}}\.{_URL_SAFE}{{8,}}\.",
        re.compile(rf"(?P<secret>{_begins('eyJ')}{_URL_SAFE}{{8,}}(?:\.{_URL_SAFE}{{8,}})(?:\.{_URL_SAFE}*){{1,3}})"),
    ),
    Pattern(
        "bearer",
        "authorization",
        r"(?i-u:bearer)[\s\\tn]{1,8}[A-Za-z0-9._~+/=\\-]{12}",
        re.compile(rf"(?i:{_begins('bearer')})\s{{1,4}}(?P<secret>[A-Za-z0-9._~+/=-]{{12,}})", re.ASCII),
        _has_digit,
    ),
    Pattern(
        "basic",
        "authorization",
        r"(?i-u:basic)[\s\\tn]{1,8}[A-Za-z0-9+/=\\]{8}",
        re.compile(rf"(?i:{_begins('basic')})\s{{1,4}}(?P<secret>[A-Za-z0-9+/]{{8,4000}}={{0,2}})", re.ASCII),
        _is_basic,
    ),
    Pattern(
        "private-key",
        "private_key",
        "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY",
        # What was cut off before its end is a key, too.
        re.compile(
            r"(?P<secret>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:.*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|.*))",
            re.DOTALL,
        ),
    ),
    _card("(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|6011|6[245][0-9]{2}|35[0-9]{2})", "(?:[ -]?[0-9]{4}){3}"),
    _card("3[47][0-9]{2}", "[ -]?[0-9]{6}[ -]?[0-9]{5}"),
    _card("3[0689][0-9]{2}", "[ -]?[0-9]{6}[ -]?[0-9]{4}"),
    Pattern(
        "url-password",
        "url_password",
        r":(?:\\?/){2}[^/\s:@\x22]{0,100}:[^/\s@\x22]{1,200}@",
        re.compile(r"://[^/\s:@\"']{0,100}:(?P<secret>[^/\s@\"']{1,200})@"),
    ),
    Pattern(
        "email",
        "email",
        r"[A-Za-z0-9]@[A-Za-z0-9-]{1,63}\.[A-Za-z0-9]",
        re.compile(r"(?<![A-Za-z0-9._%+-])(?P<secret>[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})"),
    ),
)

ESCAPE_HINT = r"\\u00(?:2[bBdDeEfF]|3[0-9aAdD]|4|5|6|7)"
"""An escape where nobody needs one: it hides a letter from everything that looks at JSON text."""
_ESCAPE = re.compile(r"\\u00([2-7][0-9A-Fa-f])")


def unescaped(text: str) -> str:
    r"""Text whose `\u0041` are plain characters; for text that only looks like JSON."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "\\u00" in text else text
