"""Tries the matrix; all of it, by `make matrix`, is written into docs/reliability.md."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from http.client import HTTPException
from pathlib import Path

from tests.matrix.faults import Ailment, Delay, ailments
from tests.matrix.life import Life, wait_for_a_quiet_time
from tests.matrix.outcomes import MOMENTS, Outcome, Place, read, summary, table, write
from tests.matrix.patients import Pace
from tests.matrix.stories import STORIES, Story
from tests.tables import DOCS, between

_TOGETHER = 8  # workspaces that fall ill in one life


def main() -> int:
    """Try what the arguments name; returns 1 if anything was not survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument(
        "faults", nargs="*", help="only these; of one collector, or at one moment, as FAULT@WHERE"
    )
    parser.add_argument(
        "--results",
        type=Path,
        help="outcomes of before: what survived is not tried again, the rest is added",
    )
    arguments = parser.parse_args()
    named = arguments.faults
    outcomes = read(arguments.results) if arguments.results else {}
    survived = {place for place, each in outcomes.items() if each.survived}
    stories = [
        each
        for each in STORIES
        if (not named or _is(each.fault, each.moment, named))
        and Place(each.fault, "", each.moment) not in survived
    ]
    lives = batches(
        [
            each
            for each in ailments()
            if (not named or _is(each.fault, each.collector.row, named))
            and not {Place(each.fault, each.collector.row, moment) for moment in MOMENTS}
            <= survived
        ]
    )
    tries = [*(partial(tell, each) for each in stories), *(partial(live, each) for each in lives)]
    for number, attempt in enumerate(tries, 1):
        begun = time.monotonic()
        came = attempt()
        outcomes |= {each.place: each for each in came}
        if arguments.results:
            write(outcomes, arguments.results)
        for each in came:
            if not each.survived:
                print(each, flush=True)
        took = time.monotonic() - begun
        print(f"{number} of {len(tries)}: {len(came)} cells in {took:.0f} s", flush=True)
    if not named:
        document(outcomes)
    print(summary([*outcomes.values()]))
    return int(not all(each.survived for each in outcomes.values()))


def document(outcomes: Mapping[Place, Outcome]) -> None:
    """Write the tables into the documentation."""
    told = [story.fault for story in STORIES]
    page = DOCS / "reliability.md"
    text = page.read_text()
    for mark, found, places in (
        (
            "matrix",
            [each for each in outcomes.values() if each.place.fault not in told],
            len(ailments()) * len(MOMENTS),
        ),
        (
            "stories",
            sorted(
                (each for each in outcomes.values() if each.place.fault in told),
                key=lambda each: told.index(each.place.fault),
            ),
            len(STORIES),
        ),
    ):
        tried = sum(bool(each.place.fault) for each in found)
        part = "" if tried == places else f"A part of it: {tried:,} of {places:,} places. "
        if found:
            text = between(text, mark, f"\n{part}{summary(found)}\n\n{table(found)}\n")
    page.write_text(text)


def live(together: Sequence[Ailment]) -> list[Outcome]:
    """What came of each cell of one life."""
    beside = f"{together[0].fault}@{together[0].collector.row}"
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        life = Life(folder, together, open_, pace=Pace())
        return _ended(life, life.live, beside)


def tell(story: Story) -> list[Outcome]:
    """What came of a story: one cell, of both workspaces."""
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        life = Life(folder, (), open_, well=2, pace=Pace())
        wait_for_a_quiet_time()
        life.begin(story.fault, story.moment)

        def told() -> None:
            story.tell(life)
            if life.processes:
                life.stop()

        both = _ended(life, told)
    return [
        Outcome(
            both[0].place,
            sum(each.lost for each in both),
            sum(each.wrong for each in both),
            sum(each.leaks for each in both),
            tuple(dict.fromkeys(said for each in both for said in each.said)),
        )
    ]


def _ended(life: Life, run: Callable[[], object], beside: str = "") -> list[Outcome]:
    try:
        run()
    except (AssertionError, OSError, HTTPException) as error:
        more = [f"it ended early: {type(error).__name__}: {error}"]
        return [Outcome.of(cell, *more, beside=beside) for cell in life.cells]
    return [Outcome.of(cell, beside=beside) for cell in life.cells]


def batches(chosen: Sequence[Ailment]) -> list[list[Ailment]]:
    """Those that live together: faults that pause a workspace need restarts to recover."""
    pausing = [each for each in chosen if each.delay is Delay.LONG]
    others = [each for each in chosen if each.delay is not Delay.LONG]
    # Neighbours in the list are alike, and some of them take much time of the processor.
    lives = [(kind, -(-len(kind) // _TOGETHER)) for kind in (others, pausing)]
    return [kind[first::count] for kind, count in lives for first in range(count)]


def _is(fault: str, where: str, names: Sequence[str]) -> bool:
    return fault in names or f"{fault}@{where}" in names


if __name__ == "__main__":
    sys.exit(main())
