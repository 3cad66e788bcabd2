"""One target under the fuzzer for a bounded time: its row of the table."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import monotonic

from tests.fuzz import seeds
from tests.fuzz.targets import Target

ROOT = Path(__file__).parents[2]
INPUT_BYTES_MAX = 8192
HANG_SECONDS = 10
"""What one input may take; the slowest of those that are known takes a hundredth of it."""
MEMORY_MB_MAX = 1024
"""Beside what this process has had at most: on Linux the peak of a process begins with its parent's."""
PATIENCE_SECONDS = 120
"""For a child to start and to end beside its time."""
LOG_CHARS_MAX = 6000

_EXECUTED = re.compile(r"^stat::number_of_executed_units: (\d+)$|^Done (\d+) runs|^#(\d+)\s", re.MULTILINE)


@dataclass
class Row:
    name: str
    says: str
    executions: int = 0
    lasted_seconds: float = 0.0
    findings: list[str] = field(default_factory=list)
    """Files that hold what broke it; run `python -m tests.fuzz --only NAME --input FILE` to see it again."""
    log: str = ""
    """What the fuzzer said last, if it found something or could not go on."""

    @property
    def good(self) -> bool:
        return not self.log


def run(target: Target, seconds: int, scratch: Path, findings_dir: Path) -> Row:
    """Fuzzes in a child, which begins with the target's seeds; ends with the first finding."""
    corpus = scratch / target.name
    corpus.mkdir()
    for seed in target.seeds():
        (corpus / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    found = scratch / f"{target.name}-found"
    found.mkdir()
    began = monotonic()
    code, log = _fuzz(target, seconds, corpus, _dictionary(scratch / f"{target.name}.dict"), found)
    row = Row(target.name, target.says, _executions(log), round(monotonic() - began, 1))
    if code != 0:
        row.log = log[-LOG_CHARS_MAX:]
        row.findings = [_keep(path, target, findings_dir) for path in sorted(found.iterdir())]
    return row


def _fuzz(target: Target, seconds: int, corpus: Path, dictionary: Path, found: Path) -> tuple[int, str]:
    memory_mb_max = getrusage(RUSAGE_SELF).ru_maxrss // 1024 + MEMORY_MB_MAX
    command = [
        *(sys.executable, "-m", "tests.fuzz.child", target.name, str(corpus)),
        *(f"-max_total_time={seconds}", f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={memory_mb_max}"),
        *(f"-max_len={INPUT_BYTES_MAX}", f"-dict={dictionary}", f"-artifact_prefix={found}{os.sep}"),
        *("-print_final_stats=1", "-len_control=0"),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds + PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return 1, f"{(error.output or b'').decode('utf-8', 'replace')}\nit did not end by itself"
    return done.returncode, done.stdout.decode("utf-8", "replace")


def _dictionary(path: Path) -> Path:
    """The words in libFuzzer's format."""
    escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in seeds.words())
    path.write_text("".join(f'"{word}"\n' for word in escaped))
    return path


def _executions(log: str) -> int:
    return max((int(next(filter(None, found))) for found in _EXECUTED.findall(log)), default=0)


def _keep(path: Path, target: Target, findings_dir: Path) -> str:
    findings_dir.mkdir(parents=True, exist_ok=True)
    kept = findings_dir / f"{target.name}-{path.name[:40]}"
    kept.write_bytes(path.read_bytes())
    return str(kept)
