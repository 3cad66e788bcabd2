"""What a worker process is made of."""

import subprocess
import sys


def test_a_worker_does_without_what_others_need() -> None:
    """Each of them is tens of megabytes and tenths of a second, for every worker."""
    code = "import sys, worker.main; print({'sqlalchemy', 'alembic', 'fastapi'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"
