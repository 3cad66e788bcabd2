"""Growth: what rounds come to, and events that can be had again with other runs."""

import pytest

from events import records
from events.records import RunRecord, StepRecord
from events.stream import entries_of
from loadtest import figures, growth
from loadtest.database import Activity
from loadtest.draining import Drained, Stencil
from loadtest.figures import Figure
from loadtest.growth import Round
from loadtest.payloads import Synthesizer


def rounds(rates: list[float], copies: list[float]) -> list[Round]:
    return [
        Round(number * 1000, Drained(1100, 1100 / rate, 0.01), copy, Activity(1100, 1, 2, 0), number)
        for number, (rate, copy) in enumerate(zip(rates, copies, strict=True))
    ]


def by_name(found: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in found}


def test_the_last_rounds_are_held_against_the_first_ones() -> None:
    falling = [50.0 - number * 10 / 39 for number in range(40)]
    found = by_name(growth.figures(rounds(falling, [100.0] * 40), 2**30))
    assert found["growth_first"].value == pytest.approx(50, rel=0.03)
    assert found["growth_last"].value == pytest.approx(40, rel=0.03)
    assert found["growth_last"].ratio(None) == pytest.approx(0.4, rel=0.03)
    assert found["growth_kept"].value == found["growth_kept_rate"].value == pytest.approx(80)
    assert found["growth_kept"].reached(None) is False
    assert found["growth_bytes"].value == 1


def test_a_machine_that_became_slower_is_no_loss() -> None:
    found = by_name(growth.figures(rounds([50.0] * 20 + [25.0] * 20, [100.0] * 20 + [50.0] * 20), 0))
    assert found["growth_kept"].value == pytest.approx(100)
    assert found["growth_kept"].reached(None) is True
    assert found["growth_kept_rate"].value < 70, "but it is told"


def test_one_bad_round_is_noise_and_a_bad_stretch_is_told() -> None:
    bad_round = rounds([50.0] * 30 + [1.0] + [50.0] * 9, [100.0] * 40)
    assert by_name(growth.figures(bad_round, 0))["growth_worst"].value == pytest.approx(100)
    bad_stretch = rounds([50.0] * 15 + [10.0] * 10 + [50.0] * 15, [100.0] * 40)
    found = by_name(growth.figures(bad_stretch, 0))
    assert found["growth_kept"].value == pytest.approx(100)
    assert found["growth_worst"].value == pytest.approx(20)


def test_a_stencil_gives_the_same_steps_of_other_runs_at_another_time() -> None:
    made = Synthesizer(1).records(20)
    stencil = Stencil(entries_of(1, made, shards=1), seed=2)
    seen = {record.run_id for record in made}
    for seconds in (60.0, -3600.0):
        again = [record for entry in stencil.entries(seconds) for record in records.decode(entry.events)]
        assert len({record.run_id for record in again}) == 20
        assert not seen & {record.run_id for record in again}
        seen |= {record.run_id for record in again}
        assert runs_and_steps(again) == runs_and_steps(made)
        assert times(again) == [time and time + int(seconds * 1e6) for time in times(made)]
        assert [input_of(record) for record in again] == [input_of(record) for record in made]


def times(found: list[records.Record]) -> list[int | None]:
    timed = [record for record in found if isinstance(record, StepRecord | RunRecord)]
    return [time for record in timed for time in (record.started_at, record.finished_at)]


def input_of(record: records.Record) -> bytes:
    return bytes(record.input) if isinstance(record, StepRecord | RunRecord) else b""


def runs_and_steps(found: list[records.Record]) -> list[tuple[int, str | None]]:
    """Each record as the number of its run, and the step."""
    numbers: dict[str, int] = {}
    return [
        (numbers.setdefault(record.run_id, len(numbers)), record.id if isinstance(record, StepRecord) else None)
        for record in found
    ]


def test_medians_are_of_values_and_of_ratios() -> None:
    runs = [
        [Figure("copy", "", copy, "rows/s"), Figure("drain", "", drain, "events/s")]
        for copy, drain in ((100, 60), (200, 80), (50, 20))
    ]
    found = figures.medians(runs)
    (drain,) = (figure for figure in figures.as_json(found) if figure["name"] == "drain")
    assert drain["value"] == 60
    assert drain["ratioToCopy"] == 0.4
