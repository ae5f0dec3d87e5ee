"""The status for people: one HTML page of its own, without script."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from exporter import display
from exporter.choice import Choice, leaf
from exporter.families import EVENTS, KPI, SEGMENTS, SESSIONS
from exporter.rows import SEVERITY, Row, State
from exporter.status import Status
from exporter.web import Request, Response, packed
from exporter.web import page as html_page

if TYPE_CHECKING:
    from jinja2 import Template

DOCS = "https://github.com/braze-exporter/braze-exporter#readme"

_REFRESH = 60  # seconds
_SOON = 2  # seconds, while first polls are waited for
_CARDS = 6  # of what needs attention; the rest stands at the top of its table

_STYLE = files("exporter").joinpath("templates/status.css").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a table: its heading, what it sorts by, and the order that comes first."""

    heading: str
    sort: str
    first: str
    css: str = ""


def _columns(named: str) -> tuple[_Column, ...]:
    return (
        _Column(named, "name", "name"),
        _Column("Newest", "value", "-value", "number"),
        _Column("Of", "age", "-age", "of"),
        _Column("1 day", "1d", "1d", "number change"),
        _Column("1 week", "1w", "1w", "number change"),
        _Column("4 weeks", "4w", "4w", "number change"),
        _Column("", "", "", "trend"),
        _Column("State", "state", "state", "state"),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """A table: the rows of a collector, what its pages are called in a query, whether it is shown
    without rows.
    """

    id: str
    title: str
    columns: tuple[_Column, ...]
    pager: str
    trend: str
    always: bool = False


_TABLES = (
    _Table(SEGMENTS, "Segments", _columns("Segment"), "page", "5 weeks", always=True),
    _Table(SESSIONS, "Sessions", _columns("Sessions of"), "sessions_page", "Trend", always=True),
    _Table(KPI, "Users", _columns("Users of"), "kpi_page", "5 weeks"),
    _Table(EVENTS, "Events", _columns("Event"), "events_page", "Trend"),
)


@cache
def _template() -> "Template":
    # When first asked for: most commands show no page, and the first scrape need not wait for it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("exporter"),
        autoescape=True,  # names come from Braze
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {
        "number": display.number,
        "change": display.change,
        "tone": display.tone,
        "span": display.span,
        "moment": display.moment,
    }
    made.globals |= {
        "bucket": display.bucket,
        "words": {state.value: state.value.replace("_", " ") for state in State},
        "tables": _TABLES,
    }
    return made.get_template("status.html")


def answer(status: Callable[[], Status], telemetry_path: str, request: Request) -> Response:
    """The response to a request for the page."""
    choice, shown = Choice.of(request.query), status()
    # A header and not an element: the page says how often, and can be asked to stand still.
    refresh = () if choice.refresh else (("Refresh", str(_refresh(shown))),)
    return packed(request, html_page(markup(shown, choice, telemetry_path), _STYLE, *refresh))


def markup(status: Status, choice: Choice, telemetry_path: str = "/metrics") -> str:
    """The page."""
    return _template().render(
        status=status,
        choice=choice,
        style=_STYLE,
        headline=headline(status),
        mood=mood(status),
        cards=status.attention[:_CARDS],
        leaves={
            table.id: leaf(choice.rows(status.tables[table.id]), getattr(choice, table.pager))
            for table in _TABLES
            if table.always or status.tables[table.id]
        },
        workspaces=sorted(status.workspaces, key=lambda each: SEVERITY[each.state]),
        several=len(status.workspaces) > 1,
        refresh=_refresh(status),
        links=(
            (f".{telemetry_path}", "Metrics"),
            (f"./status.json{choice.link() if choice.link() != '?' else ''}", "JSON"),
            ("./-/healthy", "Health"),
            ("./-/ready", "Readiness"),
            (DOCS, "Docs"),
        ),
    )


def headline(status: Status) -> str:
    """How everything stands, in a sentence or two."""
    said = []
    for state, side in ((State.DROPPED, "below"), (State.SURGED, "above")):
        if rows := [row for row in status.attention if row.state is state]:
            said.append(f"{_listed(_counted(rows))} {side} normal.")
    failing = [each.name for each in status.workspaces if each.state is State.FAILING]
    if failing:
        words = ("Workspaces", "are") if failing[1:] else ("Workspace", "is")
        said.append(f"{words[0]} {_and(failing)} {words[1]} failing.")
    if said:
        return " ".join(said)
    if State.WAITING in _states(status):
        return "Waiting for the first polls."
    return "Nothing is below normal." if status.rows else "Nothing is watched."


def mood(status: Status) -> str:
    """The worst state there is: a class of the page."""
    states = _states(status)
    return next((state.value for state in State if state in states), State.OK.value)


def _refresh(status: Status) -> int:
    return _SOON if State.WAITING in _states(status) else _REFRESH


def _states(status: Status) -> frozenset[State]:
    return frozenset((*status.counts, *(workspace.state for workspace in status.workspaces)))


def _counted(rows: Iterable[Row]) -> list[tuple[int, str]]:
    """How many segments, apps and others these are, each once whatever its unit."""
    things: dict[str, set[tuple[str, ...]]] = {"segment": set(), "app": set(), "other": set()}
    for row in rows:
        word = _THING.get(row.series.family.labels, "other")
        things[word].add(row.series.labels)
    return [(len(found), word) for word, found in things.items() if found]


_THING: dict[tuple[str, ...], str] = {
    ("workspace", "segment_id"): "segment",
    ("workspace", "app_id"): "app",
}


def _listed(counts: list[tuple[int, str]]) -> str:
    words = [f"{count} {word}{'s' * (count > 1)}" for count, word in counts]
    return f"{_and(words)} {'is' if sum(count for count, _ in counts) == 1 else 'are'}"


def _and(words: list[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if words[1:] else words[0]
