"""Which fleets are measured, and what is refused before anything starts."""

import pytest
import typer
from typer.testing import CliRunner

from loadtest import scaling
from loadtest.fleet import Fleet
from loadtest.scaling import fleets_of


def test_each_number_of_workers_with_each_of_api_processes_on_the_same_shards() -> None:
    assert fleets_of([1, 4], [1, 2], 4) == [Fleet(1, 1, 4), Fleet(4, 1, 4), Fleet(1, 2, 4), Fleet(4, 2, 4)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--workers", "two"], "as in 1,2,4"),
        (["--workers", "8", "--shards", "4"], "8 workers cannot share 4 shards"),
        (["--api-processes", "9"], "from 1 to 8"),
        (["--database-url", "postgresql://x@127.0.0.1/x"], "go together"),
    ],
)
def test_what_makes_no_sense_is_refused(options: list[str], told: str) -> None:
    app = typer.Typer()
    app.command()(scaling.main)
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 2
    assert told in " ".join(done.output.replace("│", " ").split())
