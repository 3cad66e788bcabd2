"""`state.json` in the data directory: where a running stack can be reached, and its pids."""

import os
from pathlib import Path

import msgspec


class State(msgspec.Struct, rename="camel"):
    api_url: str
    database_url: str
    redis_url: str
    shards: int
    pids: dict[str, int | list[int] | None]
    """By part; a list where there are several, None for one that is about to be started again."""

    @staticmethod
    def read(data_dir: Path) -> "State | None":
        """None if no stack has left one, or what stands there cannot be read as one.

        Raises:
            PermissionError: the stack is another user's.
        """
        try:
            return msgspec.json.decode((data_dir / "state.json").read_bytes(), type=State)
        except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
            return None

    def write(self, data_dir: Path) -> None:
        """Replaces the file as a whole, readable by its owner alone: the URLs may hold passwords."""
        draft = data_dir / "state.json.new"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(msgspec.json.encode(self))
        draft.replace(data_dir / "state.json")

    @staticmethod
    def remove(data_dir: Path) -> None:
        (data_dir / "state.json").unlink(missing_ok=True)

    def all_pids(self) -> set[int]:
        pids: set[int] = set()
        for value in self.pids.values():
            if isinstance(value, list):
                pids.update(value)
            elif value is not None:
                pids.add(value)
        return pids
