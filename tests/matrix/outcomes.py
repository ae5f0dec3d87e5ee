"""What came of the cells of the matrix: kept in a file while it runs, and counted."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from tests.matrix.patients import Cell


class Place(NamedTuple):
    """Where a cell stands in the matrix; without a fault it is of a workspace that met none."""

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
    def of(cls, cell: Cell, *more: str) -> "Outcome":
        """The outcome of a cell."""
        counts = cell.counts
        said = (*cell.notes, *counts.examples, *more)
        place = Place(cell.fault, cell.collector, cell.moment)
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
    made = [
        Outcome(Place(*row.pop("place")), said=tuple(row.pop("said")), **row) for row in rows
    ]
    return {each.place: each for each in made}


def write(outcomes: Mapping[Place, Outcome], path: Path) -> None:
    """Keep them."""
    path.write_text(json.dumps([asdict(each) for each in outcomes.values()]))
