"""Part of building a wheel or an sdist: what is released has the dashboard in it."""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WITHOUT = "AGENTGUIDE_WITHOUT_DASHBOARD"


class Hook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises RuntimeError if there is no dashboard to put in, and nobody said that there need not be one."""
        if version == "editable" or os.environ.get(WITHOUT) == "1":
            return
        if not (Path(self.root) / "api/dashboard/index.html").is_file():
            raise RuntimeError(f"the dashboard is not built: run `make web` first, or set {WITHOUT}=1 to do without it")
