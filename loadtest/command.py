"""What the commands here have in common: where results and reports go, how a result is kept, and how they end."""

import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

RESULTS = Path(__file__).parent.parent / "bench" / "results"
REPORTS = Path(__file__).parent / "reports"


def keep(report: dict[str, Any], directory: Path, prefix: str = "") -> Path:
    """Writes the report as `<prefix><UTC time>.json` and returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{prefix}{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    return path


def end_as_by_ctrl_c() -> None:
    """SIGTERM from now on raises KeyboardInterrupt, so that the stack is stopped and nothing is left behind."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
