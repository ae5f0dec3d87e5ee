"""Which rows the query of the status page asks for, and in which order: pure."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

from exporter.rows import SEVERITY, Row, State

ROWS = 200
"""Rows of one table on one page."""

_Key = Callable[[Row], Any]

# What is not known comes last either way.
_KEYS: dict[str, _Key] = {
    # Of what is equally bad, first the apps, then their parts.
    "state": lambda row: (SEVERITY[row.state], len(row.ids), _or_much(row.worsening)),
    "name": lambda row: (row.title.casefold(), row.series.family.name),
    "value": lambda row: row.value,
    "age": lambda row: None if row.start is None else -row.start,
    "change": lambda row: row.change_to_normal,
    "1d": lambda row: row.change("1d"),
    "1w": lambda row: row.change("1w"),
    "4w": lambda row: row.change("4w_median"),
}
SORTS = tuple(_KEYS)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for: `q` in names and ids, one workspace, one state (empty for all); sorted,
    downwards where `sort` begins with `-`; one page of each table, from 1. `refresh` is `off` for
    a page that stands still.
    """

    q: str = ""
    workspace: str = ""
    state: str = ""
    sort: str = "state"
    page: int = 1
    sessions_page: int = 1
    kpi_page: int = 1
    events_page: int = 1
    refresh: str = ""

    @classmethod
    def of(cls, query: str) -> "Choice":
        """What `query` (without its `?`) says; what it says wrongly is as if not said."""
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        sort = given.get("sort", "")
        return cls(
            q=given.get("q", "").strip()[:200],
            workspace=given.get("workspace", ""),
            state=_one_of(given.get("state", ""), [state.value for state in State]),
            sort=sort if sort.removeprefix("-") in SORTS else "state",
            page=_number(given.get("page", "")),
            sessions_page=_number(given.get("sessions_page", "")),
            kpi_page=_number(given.get("kpi_page", "")),
            events_page=_number(given.get("events_page", "")),
            refresh=_one_of(given.get("refresh", ""), ["off"]),
        )

    def link(self, **changes: str | int) -> str:
        """The query, with its `?`, that asks for the same but for `changes`."""
        # Another choice begins at its first page again.
        first = {} if changes.keys() & _FIRST else _FIRST
        other = replace(self, **first, **changes)  # type: ignore[arg-type]  # as the fields are
        return "?" + urlencode(
            {
                name: value
                for name, usual in asdict(Choice()).items()
                if (value := getattr(other, name)) != usual
            }
        )

    def sorted_by(self, sort: str) -> bool:
        """Whether it is sorted so, up or down."""
        return self.sort.removeprefix("-") == sort

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """Those of `rows` that are asked for, in their order, of all pages."""
        sought = self.q.casefold()
        chosen = [
            row
            for row in rows
            if (not self.workspace or row.workspace == self.workspace)
            and (not self.state or row.state.value == self.state)
            and (not sought or sought in f"{row.title}\n{' '.join(row.ids)}".casefold())
        ]
        key = _KEYS[self.sort.removeprefix("-")]
        known: list[tuple[Any, Row]] = []
        unknown: list[tuple[Any, Row]] = []
        for row in chosen:
            place = key(row)
            (unknown if place is None else known).append((place, row))
        known.sort(key=lambda pair: pair[0], reverse=self.sort.startswith("-"))
        return [row for _, row in known + unknown]


_FIRST = dict.fromkeys(("page", "sessions_page", "kpi_page", "events_page"), 1)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a table: its rows, its number from 1 to `pages`, and how many rows there are."""

    rows: tuple[Row, ...]
    number: int
    pages: int
    total: int


def leaf(rows: list[Row], number: int) -> Leaf:
    """The page `number` of `rows`, or the last one there is."""
    pages = max(-(-len(rows) // ROWS), 1)
    number = min(number, pages)
    return Leaf(tuple(rows[(number - 1) * ROWS : number * ROWS]), number, pages, len(rows))


def _or_much(change: float | None) -> float:
    return float("inf") if change is None else change


def _one_of(given: str, allowed: Iterable[str]) -> str:
    return given if given in allowed else ""


def _number(given: str) -> int:
    return max(int(given), 1) if given.isascii() and given.isdigit() and len(given) < 7 else 1
