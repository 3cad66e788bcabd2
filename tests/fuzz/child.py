"""One target under the fuzzer, in a process of its own: libFuzzer ends the process, however it ends.

`python -m tests.fuzz.child TARGET [options and directories of libFuzzer]`
"""

import sys
from resource import RUSAGE_SELF, getrusage

import atheris

with atheris.instrument_imports(include=["api.batches", "api.body", "api.errors", "events", "google.protobuf.json_format"]):
    from tests.fuzz.targets import TARGETS, Target

GROWTH_BYTES_MAX = 64 << 20
"""What one input may cost: much more than its limits, and much less than what a bomb wants."""


def peak_bytes() -> int:
    return getrusage(RUSAGE_SELF).ru_maxrss * 1024


def checked(target: Target, data: bytes) -> None:
    before = peak_bytes()
    target.check(data)
    if (grown := peak_bytes() - before) > GROWTH_BYTES_MAX:
        raise MemoryError(f"{len(data)} bytes took {grown >> 20} MiB of memory")


def main() -> None:
    target = TARGETS[sys.argv[1]]
    for seed in target.seeds():
        target.check(seed)  # so that what is loaded at first use does not count as what an input costs
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: checked(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
