"""What came of the cells of the matrix: kept in a file while it runs, counted, and as a table."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from exporter.simulator import FAULTS
from tests.matrix.patients import Cell

MOMENTS = ("start-up", "steady", "reload", "shutdown")
_NEIGHBOUR = "*none: the neighbour of the others*"


class Place(NamedTuple):
    """Where a cell stands in the matrix; without a fault it is of a workspace that met none, beside
    those of one life.
    """

    fault: str
    collector: str
    moment: str


@dataclass(frozen=True)
class Outcome:
    """What was counted in one cell, and what else went wrong there."""

    place: Place
    lost: int = 0
    wrong: int = 0
    leaks: int = 0
    said: tuple[str, ...] = ()

    @classmethod
    def of(cls, cell: Cell, *more: str, beside: str = "") -> "Outcome":
        """The outcome of a cell; `beside` names the life of one without a fault."""
        counts = cell.counts
        said = (*cell.notes, *counts.examples, *more)
        place = Place(cell.fault, cell.collector or beside, cell.moment)
        return cls(place, counts.lost, counts.wrong, cell.leaks, said)

    @property
    def survived(self) -> bool:
        """Whether all went as it has to."""
        return not (self.lost or self.wrong or self.leaks or self.said)

    def __str__(self) -> str:
        counted = f"{self.lost} lost, {self.wrong} wrong, {self.leaks} leaks"
        return f"{'/'.join(self.place)}: {counted}: {'; '.join(self.said)}"


def read(path: Path) -> dict[Place, Outcome]:
    """The outcomes that were written before; none where there is no file yet."""
    rows = json.loads(path.read_text()) if path.exists() else []
    made = [Outcome(Place(*row.pop("place")), said=tuple(row.pop("said")), **row) for row in rows]
    return {each.place: each for each in made}


def write(outcomes: Mapping[Place, Outcome], path: Path) -> None:
    """Keep them."""
    path.write_text(json.dumps([asdict(each) for each in outcomes.values()]))


def table(outcomes: Iterable[Outcome]) -> str:
    """A row a fault, a column a moment: how many of the cells that were tried survived."""
    rows: dict[str, list[Outcome]] = {}
    order = {fault: number for number, fault in enumerate(["", *FAULTS], -1)}
    for each in sorted(outcomes, key=lambda one: order.get(_name(one.place.fault), len(order))):
        rows.setdefault(f"`{each.place.fault}`" if each.place.fault else _NEIGHBOUR, []).append(
            each
        )
    lines = [
        f"| fault | {' | '.join(MOMENTS)} | values lost | wrong values | keys leaked |",
        f"|---|{'---|' * len(MOMENTS)}---|---|---|",
        _row("**all**", [each for found in rows.values() for each in found]),
        *(_row(name, found) for name, found in rows.items()),
    ]
    return "\n".join(lines)


def summary(outcomes: Sequence[Outcome]) -> str:
    """The table in a sentence."""
    survived = sum(each.survived for each in outcomes)
    lost, wrong, leaks = _sums(outcomes)
    return (
        f"{len(outcomes):,} cells tried, {survived:,} survived; "
        f"values lost: {lost}, wrong values shown: {wrong}, keys leaked: {leaks}."
    )


def _name(fault: str) -> str:
    """What the simulator calls it, without the conditions."""
    return fault.partition(":")[0]


def _row(name: str, found: Sequence[Outcome]) -> str:
    by_moment = [[each for each in found if each.place.moment == moment] for moment in MOMENTS]
    cells = [
        f"{sum(each.survived for each in some)}/{len(some)}" if some else "" for some in by_moment
    ]
    return f"| {' | '.join([name, *cells, *map(str, _sums(found))])} |"


def _sums(found: Iterable[Outcome]) -> tuple[int, int, int]:
    rows = [(each.lost, each.wrong, each.leaks) for each in found]
    lost, wrong, leaks = (sum(column) for column in zip(*rows, strict=True))
    return lost, wrong, leaks
