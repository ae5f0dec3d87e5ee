"""The long form of the soak: `python -m tests.soak`, a Markdown table; docs/reliability.md.

Everything is on this machine, bounded, and ends by itself; progress goes to stderr.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.processes import load
from tests.soak import pieces
from tests.soak.pieces import Row

HEAD = (
    "| what | how much | errors | memory, MiB | threads | descriptors | sockets | flat |",
    "|---|---|--:|--:|--:|--:|--:|---|",
)


def row(found: Row) -> str:
    """A line of the table."""
    held = [
        f"{before:g} → {after:g}"
        for before, after in zip(vars(found.first).values(), vars(found.last).values(), strict=True)
    ]
    cells = (found.what, found.how_much, f"{len(found.wrong)}", *held)
    return f"| {' | '.join(cells)} | {'no' if found.grown else 'yes'} |"


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main(argv: Sequence[str]) -> int:
    """Print the table; 1 where something was wrong or grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--scrapes", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--clients", type=int, default=500, metavar="N", help="idle and slow ones")
    parser.add_argument("--seconds", type=float, default=300, help="for which those stay")
    parser.add_argument("--reloads", type=int, default=600, metavar="N", help="one a second")
    parser.add_argument("--hours", type=int, default=30, metavar="N", help="around each odd moment")
    parser.add_argument("--days", type=int, default=366, metavar="N", help="in one go, in a zone")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=("scrapes", "crowd", "reloads", "hours", "days"),
        metavar="PIECE",
    )
    given = parser.parse_args(argv)
    every: dict[str, Callable[[Path], Iterable[Row]]] = {
        "scrapes": lambda folder: [pieces.scrapes(folder, given.scrapes, _say)],
        "crowd": lambda folder: [pieces.crowd(folder, given.clients, given.seconds, _say)],
        "reloads": lambda folder: [pieces.reloads(folder, given.reloads, 1.0, _say)],
        "hours": lambda _: pieces.hours(given.hours, _say),
        "days": lambda _: pieces.days(given.days, _say),
    }
    print(f"Load average at the start: {load()}.\n", *HEAD, sep="\n", flush=True)
    bad = 0
    for name in given.only or every:
        with TemporaryDirectory() as folder:
            for found in every[name](Path(folder)):
                print(row(found), flush=True)
                for problem in (*found.wrong, *found.grown):
                    bad = 1
                    _say(f"WRONG: {problem}")
    print(f"\nLoad average at the end: {load()}.")
    return bad


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with it
    sys.exit(main(sys.argv[1:]))
