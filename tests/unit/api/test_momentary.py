"""What is found out once for all who ask."""

import asyncio

import pytest

from api.momentary import KEPT_SECONDS, Momentary


class Source:
    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0
        self.fails = False
        self.answers = asyncio.Event()
        self.momentary = Momentary(lambda: self.now)

    async def _find(self) -> int:
        self.asked += 1
        number = self.asked
        await self.answers.wait()
        if self.fails:
            raise OSError("away")
        return number

    async def get(self) -> int:
        return await self.momentary.get("number", self._find)


def test_it_is_found_out_once_a_second() -> None:
    async def run() -> None:
        source = Source()
        source.answers.set()
        assert [await source.get(), await source.get()] == [1, 1]
        source.now += KEPT_SECONDS / 2
        assert await source.get() == 1
        source.now += KEPT_SECONDS / 2
        assert await source.get() == 2

    asyncio.run(run())


def test_many_wait_for_one_answer_and_who_asked_first_may_leave() -> None:
    async def run() -> None:
        source = Source()
        first = asyncio.create_task(source.get())
        others = [asyncio.create_task(source.get()) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        source.now += 10 * KEPT_SECONDS  # however long it takes, it is not asked twice at once
        late = asyncio.create_task(source.get())
        await asyncio.sleep(0)
        source.answers.set()
        assert await asyncio.gather(*others, late) == [1] * 6

    asyncio.run(run())


def test_a_failure_is_for_those_who_wait_and_not_kept() -> None:
    async def run() -> None:
        source = Source()
        source.answers.set()
        source.fails = True
        for _ in range(2):
            with pytest.raises(OSError, match="away"):
                await source.get()
        source.fails = False
        assert await source.get() == 3

    asyncio.run(run())
