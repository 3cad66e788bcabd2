"""What drains tell of changed runs: short streams, and where a reader of them stands.

There is one beside each shard's stream, for the runs that its batches change, and one for the runs whose changes the search
index learns of, which is later. An entry names a `project` and, as 16 bytes each, its `runs`; an entry `gap` says that some
were not told. Its id is `<life>-<number>`: when the stream began, and a count without a hole.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

CHANGES_MAX = 1000
"""Entries that a stream keeps, give or take a few."""
CHANGE_RUNS_MAX = 512
"""Runs in one entry: 8 KiB, so that a stream is never much over 8 MB."""

RUN_ID_BYTES = 16
RunKey = tuple[int, str]
"""A run's project and its id as 32 hex digits."""

_POSITION = re.compile(r"\d{1,15}-\d{1,15}(?:_\d{1,15}-\d{1,15}){0,1023}", re.ASCII)


INDEXED_KEY = "agentguide:{indexed}:changes"


def changes_key(shard: int) -> str:
    return f"agentguide:{{{shard}}}:changes"


def changes_keys(shards: int) -> list[str]:
    """All of them, the one of the search index last."""
    return [*map(changes_key, range(shards)), INDEXED_KEY]


class Place(NamedTuple):
    """The id of an entry, or, with no life, the start of a stream that has none."""

    life: int
    number: int

    def follows(self, before: "Place") -> bool:
        """Whether there was no entry between these two."""
        if before.life == 0:
            return self.number == 0
        return self == (before.life, before.number + 1)

    def __str__(self) -> str:
        return f"{self.life}-{self.number}"


START = Place(0, 0)

Position = tuple[Place, ...]
"""How far a reader has read of each stream."""


def place_of(entry_id: bytes | str) -> Place:
    life, _, number = (entry_id.decode() if isinstance(entry_id, bytes) else entry_id).partition("-")
    return Place(int(life), int(number))


def encode_position(position: Iterable[Place]) -> str:
    return "_".join(map(str, position))


def decode_position(text: str) -> Position:
    """Raises ValueError if `encode_position` did not make this."""
    if not _POSITION.fullmatch(text):
        raise ValueError("not a position")
    return tuple(map(place_of, text.split("_")))


@dataclass(slots=True, frozen=True)
class Change:
    """Runs of one project that changed."""

    project_id: int
    runs: list[bytes]


def change_arguments(runs: Iterable[RunKey]) -> list[int | bytes]:
    """Project and ids in turns, as the scripts take them."""
    by_project: defaultdict[int, list[str]] = defaultdict(list)
    for project_id, run_id in runs:
        by_project[project_id].append(run_id)
    arguments: list[int | bytes] = []
    for project_id, members in by_project.items():
        for start in range(0, len(members), CHANGE_RUNS_MAX):
            arguments += (project_id, bytes.fromhex("".join(members[start : start + CHANGE_RUNS_MAX])))
    return arguments


def decode_change(fields: Mapping[bytes, bytes]) -> Change | None:
    """None if the entry says that something is missing here, or is none of ours."""
    project_id, ids = fields.get(b"project", b""), fields.get(b"runs", b"")
    if not project_id.isdigit() or not ids or len(ids) % RUN_ID_BYTES:
        return None
    cuts = range(0, len(ids), RUN_ID_BYTES)
    return Change(int(project_id), [ids[start : start + RUN_ID_BYTES] for start in cuts])
