"""Asks one question after the other over a kept-alive connection, and keeps what each took."""

import asyncio
import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

from loadtest import client
from loadtest.client import Address, Connection, LoadError, Response
from loadtest.figures import percentile
from loadtest.questions import Form, Question

WARM_UP_MAX = 40
TIMEOUT_SECONDS = 60.0


@dataclass(slots=True)
class Answers:
    """To one question."""

    question: Question
    milliseconds: list[tuple[float, Form]] = field(default_factory=list)
    bytes: int = 0
    refused: int = 0
    """Answered with 503: a statement took too long. Its time counts all the same."""

    def percentile(self, percent: float) -> float:
        return percentile([value for value, _ in self.milliseconds], percent)

    @property
    def reached(self) -> bool | None:
        target = self.question.target_ms
        return None if target is None else not self.refused and self.percentile(95) <= target

    @property
    def slowest(self) -> Form:
        """The form with the highest median."""
        by_form: dict[Form, list[float]] = {}
        for value, form in self.milliseconds:
            by_form.setdefault(form, []).append(value)
        return max(by_form, key=lambda form: percentile(by_form[form], 50))


def ask_all(address: Address, questions: Sequence[Question], times: int, progress: Callable[[int], None]) -> list[Answers]:
    """Each form of a question in turn, `times` requests in all, after a few that do not count.

    Raises:
        LoadError: an answer is an error that is not a 503.
    """

    async def ask_each() -> list[Answers]:
        found = []
        for number, question in enumerate(questions):
            found.append(await _ask(address, question, times))
            progress(number + 1)
        return found

    return client.run(ask_each())


def ask_once(address: Address, path: str) -> dict[str, Any] | None:
    """An answer's JSON; None if it took too long.

    Raises:
        LoadError: it is another error.
    """

    async def ask() -> Response:
        async with client.connected(address, 1) as (connection,):
            return await _answer(connection, client.get_request(address, path))

    response = client.run(ask())
    if not _checked(response, path):
        return None
    answer: dict[str, Any] = json.loads(response.body)
    return answer


async def _ask(address: Address, question: Question, times: int) -> Answers:
    requests = [(form, _request(address, form)) for form in question.forms]
    answers = Answers(question)
    async with client.connected(address, 1) as (connection,):
        for _, request in _some_of(requests, min(times, WARM_UP_MAX)):
            await _answer(connection, request)
        for form, request in islice(cycle(requests), max(times, len(requests))):
            began = time.perf_counter()
            response = await _answer(connection, request)
            answers.milliseconds.append(((time.perf_counter() - began) * 1e3, form))
            answers.bytes += len(response.body)
            answers.refused += not _checked(response, form.path)
    return answers


def _some_of(items: Sequence[Any], count: int) -> Iterable[Any]:
    """Spread over all of them."""
    return islice(items, 0, None, max(1, math.ceil(len(items) / count)))


def _request(address: Address, form: Form) -> bytes:
    if form.body is None:
        return client.get_request(address, form.path)
    return client.post_request(address, form.path, form.body)


def _checked(response: Response, path: str) -> bool:
    if response.status not in (200, 503) or response.body.startswith(b'{"data":null'):
        raise LoadError(f"{path}: {client.refusal(response)}")
    return response.status == 200


async def _answer(connection: Connection, request: bytes) -> Response:
    answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    connection.send(request, answered.set_result, answered.set_exception)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await answered
    except TimeoutError:
        raise LoadError(f"The server left a request without an answer for {TIMEOUT_SECONDS:.0f} s.") from None
