"""Redaction: what looks like a secret is replaced by `[redacted:<what>]` before an event is queued.

A secret is known by its key (`"password": ...`) or by its look (`events/secret_patterns.py`). Text that may hold one is found
by a scan that reads it once; only then are values walked through. So what holds none costs next to nothing and stays as it is,
to the byte.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import digits
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from events.instrumentation import REDACTIONS
from events.limits import NAME_CHARS_MAX
from events.plain_json import ODD_HINT
from events.records import Record, RunRecord, StepRecord
from events.secret_patterns import ESCAPE_HINT, JSON_EDGE, JSON_END, PATTERNS, Pattern, PatternGroup, finder, unescaped

logger = logging.getLogger(__name__)

SECRET_KEYS = (
    *("password", "passwd", "passphrase", "passcode", "pwd", "passwords", "password hash"),
    *("secret", "secrets", "secret key", "access key", "private key", "signing key", "encryption key", "account key"),
    *("api key", "api keys", "api token", "authorization", "credential", "credentials", "cookie", "cookies"),
    *("access token", "refresh token", "auth token", "id token", "session token", "security token", "bearer token"),
    *("oauth token", "csrf token", "xsrf token", "bot token", "github token", "gitlab token", "slack token", "hf token"),
    *("npm token", "card number", "cvv", "cvc"),
)
"""A key that ends in one of these has a secret for its value, whatever is between the words and however it is cased."""
NO_SECRETS = frozenset(("pwd", "oldpwd", "invalidtoken", "voidtoken"))
"""Keys that only look so: the shell's working directory, errors of OAuth."""
OFF_UNLESS_ASKED: frozenset[PatternGroup] = frozenset(("email",))
KEYS_MAX = 100
KEY_CHARS_MAX = 64
TEXT_DEPTH_MAX = 100
"""How deep JSON in texts is parsed; what lies deeper is looked at as text."""
KNOWN_KEYS_MAX = 10_000

_NOT_ALNUM = re.compile(r"[^a-z0-9]+")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_BETWEEN_WORDS = "[-_. ]{0,2}"
_MARK = "[redacted:"
_CARDS_FROM, _CARDS_TO = 10**13, 10**16
_EMPTY_WORDS = frozenset(("none", "null", "nil", "true", "false", "undefined"))
_NOT_OF_KEY = re.compile(r"[^A-Za-z0-9_.-]+")
_ASSIGNED = r"(?:{names})[0-9]{{0,3}}(?P<end>[\"'\\]{{0,4}})\s{{0,3}}(?P<sign>[=:])={{0,2}}\s{{0,3}}"
_QUOTE = re.compile(r"\\{0,3}[\"']")
_TO_DELIMITER = re.compile(r"[^\s\"'&,;)}\]<>\\]+")
_TO_END_OF_LINE = re.compile(r"[^\r\n\"'\\]+")


def joined(key: str) -> str:
    """A key without case and without what is between its words."""
    return _NOT_ALNUM.sub("", key[-KEY_CHARS_MAX:].lower())


def _check_key(key: str) -> str:
    if not joined(key):
        raise ValueError("a key needs a letter of a to z")
    return key


Key = Annotated[str, StringConstraints(min_length=1, max_length=KEY_CHARS_MAX), AfterValidator(_check_key)]


class RedactionRules(BaseModel):
    """What a project wants of redaction, as it stands in `projects.redaction`; `{}` are the defaults.

    There are no regular expressions of users' own: keys and switches cannot slow down or break what everybody's events go
    through.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: Annotated[bool, Field(strict=True)] = True
    keys: Annotated[tuple[Key, ...], Field(max_length=KEYS_MAX, description="More keys whose values are secrets.")] = ()
    allow: Annotated[
        tuple[Key, ...],
        Field(max_length=KEYS_MAX, description="Keys whose values are none; patterns are looked for all the same."),
    ] = ()
    patterns: Annotated[
        dict[PatternGroup, Annotated[bool, Field(strict=True)]],
        Field(description="Switches patterns on and off. All but `email` are on."),
    ] = {}

    def has(self, group: PatternGroup) -> bool:
        return self.patterns.get(group, group not in OFF_UNLESS_ASKED)


class Redactor:
    """Redacts by one set of rules. Holds no state of a request, and may be used by several threads."""

    def __init__(self, rules: RedactionRules) -> None:
        words = {joined(key): key for key in SECRET_KEYS} | {joined(key): " ".join(_words(key)) for key in rules.keys}
        self._names = tuple(sorted(words, key=len, reverse=True))  # the longest first: it says most
        self._custom = frozenset(map(joined, rules.keys))
        self._what = {name: "-".join(words[name].split()) for name in self._names}
        self._allowed = NO_SECRETS.union(map(joined, rules.allow)) - self._custom
        self._known: dict[str, str | None] = {}
        self.patterns = tuple(pattern for pattern in PATTERNS if rules.has(pattern.group))
        spelled = "|".join(_BETWEEN_WORDS.join(words[name].lower().split()) for name in self._names)
        hints = [f"(?i-u:{spelled})", ESCAPE_HINT, *(pattern.hint for pattern in self.patterns)]
        self.suspects = finder(hints)
        """Whether JSON text, or a text in it, may hold a secret."""
        in_bytes = [hint.replace(JSON_EDGE, "").replace(JSON_END, "") for hint in hints]
        self._suspects_bytes = finder(in_bytes)
        self._stops_at = finder((*hints, ODD_HINT))
        self._stops_at_bytes = finder((*in_bytes, ODD_HINT))
        self.names_key = finder(hints[:1])
        self.has_pattern = finder(hint for hint in hints[2:] or hints[:1])
        self.assigned = re.compile(_ASSIGNED.format(names=spelled)) if rules.has("assignment") else None

    def suspects_body(self, body: bytes, *, protobuf: bool = False) -> bool:
        """Whether a whole request may hold a secret. One that does not is not looked at any closer."""
        if protobuf:  # any byte may stand before a text in it
            return self._suspects_bytes(body.decode("latin-1"))
        return self.suspects(body.decode("utf-8", "replace"))

    def stops_at(self, body: str, *, protobuf: bool = False) -> bool:
        """Whether a request, decoded, may hold a secret or JSON that cannot stay as it is: both cost one look."""
        return self._stops_at_bytes(body) if protobuf else self._stops_at(body)

    def what_of_key(self, key: str) -> str | None:
        """What the value of a key is, if it is a secret."""
        if key in self._known:
            return self._known[key]
        name = joined(key)
        what = None if name in self._allowed else self._what_of_end(name) or self._what_of_end(name.rstrip(digits))
        if len(key) <= KEY_CHARS_MAX:
            if len(self._known) >= KNOWN_KEYS_MAX:
                self._known.clear()
            self._known[key] = what
        return what

    def _what_of_end(self, name: str) -> str | None:
        if not name.endswith(self._names):
            return None
        return next(self._what[end] for end in self._names if name.endswith(end))

    def redact(self, value: Any) -> tuple[Any, int]:
        """A JSON value without secrets, and how many there were; without any it is the value itself."""
        search = _Search(self)
        redacted = search.value(value, 0)
        self._tell(search)
        return (redacted, search.count) if search.count else (value, 0)

    def redact_names(self, records: Sequence[Record]) -> None:
        """Takes secrets of known look out of names, models, sessions and urls."""
        search = _Search(self)
        for record in records:
            for holder in _holders(record):
                for field in _TEXT_FIELDS & set(holder.__struct_fields__):
                    if isinstance(text := getattr(holder, field), str):
                        setattr(holder, field, search.name(text))
            if isinstance(record, RunRecord) and (agent := record.agent):
                record.agent = msgspec.structs.replace(agent, name=search.name(agent.name), version=search.name(agent.version))
        self._tell(search)

    def _tell(self, search: "_Search") -> None:
        for what, count in search.found.items():
            # Keys of a project's own are one to the metrics, so that nobody can fill these.
            REDACTIONS.labels("custom" if what.replace("-", "") in self._custom else what).inc(count)


_TEXT_FIELDS = frozenset(("name", "tool_name", "model", "session_id", "type", "url"))


def _holders(record: Record) -> Sequence[msgspec.Struct]:
    if isinstance(record, RunRecord):
        return (record, *record.metrics)
    return (record, *record.artifacts) if isinstance(record, StepRecord) else ()


class _Search:
    """One walk through a value, and what it has found."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.found: Counter[str] = Counter()
        self.count = 0

    def value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value, depth)
        if isinstance(value, dict):
            return self._object(value, depth + 1)
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        if type(value) is int and _CARDS_FROM < value < _CARDS_TO:
            text = str(value)
            return value if (marked := self.name(text)) == text else marked
        return value

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        redactor = self._redactor
        redacted: dict[str, Any] = {}
        for key, item in value.items():
            what = redactor.what_of_key(key)
            if what is None and key == "value":  # {"name": "Authorization", "value": ...}, as lists of headers have it
                name = value.get("name", value.get("key"))
                what = redactor.what_of_key(name) if isinstance(name, str) else None
            kept = self._mark(what) if what is not None and _is_something(item) else self.value(item, depth)
            redacted[self._key(key, redacted)] = kept
        return redacted

    def _key(self, key: str, taken: Mapping[str, Any]) -> str:
        if not self._redactor.suspects(key) or (name := self._patterns(key)) == key:
            return key
        while name in taken:
            name += "'"
        return name

    def text(self, text: str, depth: int) -> str:
        if not self._redactor.suspects(text):
            return text
        if depth < TEXT_DEPTH_MAX and text.lstrip()[:1] in ("{", "["):
            try:
                value = from_json(text)
            except ValueError:
                pass  # it only begins like JSON
            else:
                before = self.count
                value = self.value(value, depth + 1)
                return text if self.count == before else to_json(value, inf_nan_mode="constants").decode()
        redacted = self._patterns(self._assignments(text))
        plain, before = unescaped(redacted), self.count
        if plain == redacted:
            return redacted
        plain = self._patterns(self._assignments(plain))
        return redacted if self.count == before else plain

    def name(self, text: str) -> str:
        """A text that is no payload; it does not grow over the length of a name."""
        if not self._redactor.suspects(text):
            return text
        return self._patterns(self._assignments(text))[: max(len(text), NAME_CHARS_MAX)]

    def _patterns(self, text: str) -> str:
        if not self._redactor.has_pattern(text):
            return text
        for pattern in self._redactor.patterns:
            if pattern.may_be_in(text):
                text = self._replace(text, pattern)
        return text

    def _replace(self, text: str, pattern: Pattern) -> str:
        def marked(found: re.Match[str]) -> str:
            secret = found["secret"]
            if secret.startswith(_MARK) or (pattern.is_secret is not None and not pattern.is_secret(secret)):
                return found[0]
            start, end = found.span("secret")
            return found[0][: start - found.start()] + self._mark(pattern.what) + found[0][end - found.start() :]

        return pattern.exact.sub(marked, text)

    def _assignments(self, text: str) -> str:
        """Text without the values of `password=...`, `"password": "..."` and `Authorization: ...`."""
        if self._redactor.assigned is None or not self._redactor.names_key(text):
            return text
        parts: list[str] = []
        done = 0
        lower = text.lower()
        if len(lower) != len(text):  # some letters are two in lower case
            lower = re.sub("[A-Z]+", lambda found: found[0].lower(), text)
        for found in self._redactor.assigned.finditer(lower):
            if found.start() < done or (secret := self._assigned(text, found)) is None:
                continue
            what, start, end = secret
            parts += (text[done:start], self._mark(what))
            done = end
        return "".join((*parts, text[done:])) if parts else text

    def _assigned(self, text: str, found: re.Match[str]) -> tuple[str, int, int] | None:
        """What a key in a text is given, and from where to where; None if it is no key, or is given nothing."""
        key_end, begin = found.start("end"), found.end()
        key = _NOT_OF_KEY.split(text[max(0, key_end - KEY_CHARS_MAX) : key_end])[-1]
        spaced = " " in found[0].rstrip(" =:")
        what = self._redactor.what_of_key(text[found.start() : key_end] if spaced else key)
        if what is None:
            return None
        if quote := _QUOTE.match(text, begin):
            begin = quote.end()
            end = _closing(text, quote[0], begin)
        elif found["sign"] == "=" or found["end"]:
            end = value.end() if (value := _TO_DELIMITER.match(text, begin)) else begin
        elif _begins_line(text, key_end - len(key)):
            end = value.end() if (value := _TO_END_OF_LINE.match(text, begin)) else begin
        else:
            return None
        secret = text[begin:end]
        return None if not _is_something(secret) or secret.strip().lower() in _EMPTY_WORDS else (what, begin, end)

    def _mark(self, what: str) -> str:
        self.count += 1
        self.found[what] += 1
        return f"{_MARK}{what}]"


def _closing(text: str, quote: str, begin: int) -> int:
    """Where the quote is closed that was opened before `begin`; the end of the text, if it was cut."""
    while (end := text.find(quote, begin)) >= 0:
        if text[end - 1] != "\\":
            return end
        begin = end + len(quote)
    return len(text)


def _begins_line(text: str, place: int) -> bool:
    """Whether a line, or a text in quotes, begins here: elsewhere `secret: ...` is prose."""
    before = text[max(0, place - 40) : place].rstrip(" \t-")
    return before[-1:] in ("", "\n", "\r", '"', "'", "\\")


def _is_something(value: Any) -> bool:
    """Whether a value is worth hiding: no switch, nothing empty, nothing hidden already."""
    if isinstance(value, str):
        return bool(value.strip()) and not value.startswith(_MARK)
    return not isinstance(value, bool) and bool(value)


def _words(key: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(key)]


@lru_cache(1000)
def _redactor(rules_json: str) -> Redactor | None:
    rules = RedactionRules.model_validate_json(rules_json)
    return Redactor(rules) if rules.enabled else None


def redactor_of(rules: Mapping[str, Any]) -> Redactor | None:
    """The redactor of a project's rules; None if it wants none. Rules that nobody can read are the defaults."""
    try:
        return _redactor(json.dumps(rules, sort_keys=True) if rules else "{}")
    except ValidationError as error:
        logger.error("redaction rules that cannot be read, the defaults are in force: %s", error)
        return _redactor("{}")
