"""Tries the whole matrix and writes its table: `make matrix`, or `python -m tests.matrix --help`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.matrix.faults import Ailment, Delay, ailments
from tests.matrix.life import Life
from tests.matrix.outcomes import Outcome, read, write

_TOGETHER = 16  # workspaces that fall ill in one life


def main() -> int:
    """Try what the arguments name; returns 1 if anything was not survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("faults", nargs="*", help="only these, of one collector as FAULT@COLLECTOR")
    parser.add_argument("--results", type=Path, help="a file of outcomes that is added to")
    arguments = parser.parse_args()
    outcomes = read(arguments.results) if arguments.results else {}
    chosen = [each for each in ailments() if not arguments.faults or _named(each, arguments.faults)]
    lives = batches(chosen)
    for number, together in enumerate(lives, 1):
        begun = time.monotonic()
        lived = live(together)
        outcomes |= {each.place: each for each in lived}
        if arguments.results:
            write(outcomes, arguments.results)
        for each in lived:
            if not each.survived:
                print(each, flush=True)
        took = time.monotonic() - begun
        print(f"life {number} of {len(lives)}: {len(lived)} cells in {took:.0f} s", flush=True)
    return int(not all(each.survived for each in outcomes.values()))


def live(together: Sequence[Ailment]) -> list[Outcome]:
    """What came of each cell of one life."""
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        life = Life(folder, together, open_)
        try:
            return [Outcome.of(cell) for cell in life.live()]
        except AssertionError as error:
            return [Outcome.of(cell, f"the life ended early: {error}") for cell in life.cells]


def batches(chosen: Sequence[Ailment]) -> list[list[Ailment]]:
    """Those that live together: faults that pause a workspace need restarts to recover."""
    pausing = [each for each in chosen if each.delay is Delay.LONG]
    others = [each for each in chosen if each.delay is not Delay.LONG]
    # Neighbours in the list are alike, and some of them take much time of the processor.
    lives = [(kind, -(-len(kind) // _TOGETHER)) for kind in (others, pausing)]
    return [kind[first::count] for kind, count in lives for first in range(count)]


def _named(ailment: Ailment, names: Sequence[str]) -> bool:
    return ailment.fault in names or f"{ailment.fault}@{ailment.collector.name}" in names


if __name__ == "__main__":
    sys.exit(main())
