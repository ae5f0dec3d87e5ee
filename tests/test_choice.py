"""Which rows a query asks for, and in which order."""

from dataclasses import asdict
from urllib.parse import parse_qs

import pytest

from exporter.choice import ROWS, SORTS, Choice, leaf
from exporter.families import SEGMENTS
from exporter.model import Segment
from exporter.rows import Row, rows_of
from exporter.snapshot import Store
from tests.fakes import DAY, NOW, TODAY, a_listing, a_reading, a_watch, days, size

SIZES = {
    "rose": ("Rosé drinkers", days(*[5000.0] * 34, 4900)),
    "vip": ("VIP", days(*[5000.0] * 34, 1000)),
    "new": ("all new ones", days(70)),
    "old": ("Old news", days(*[5000.0] * 35, last=TODAY - 2 * DAY)),
    "none": ("Nobody", ()),
}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Five segments: nearly as usual, collapsed, new, stale, without data."""
    store = Store(lambda: NOW)
    watch = a_watch()
    store.expect([watch])
    store.publish(a_listing(*(Segment(key, name) for key, (name, _) in SIZES.items())), watch)
    answers = {size(key): answer for key, (_, answer) in SIZES.items()}
    store.publish(a_reading(SEGMENTS, answers), watch)
    return list(rows_of(store.standing()[0], SEGMENTS, NOW))


def ids(rows: list[Row]) -> str:
    return " ".join(row.ids[0] for row in rows)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "vip old none rose new"),
        ("sort=name", "new none old rose vip"),
        ("sort=-name", "vip rose old none new"),
        ("sort=value", "new vip rose old none"),
        ("sort=-value", "old rose vip new none"),
        ("sort=-age", "old rose vip new none"),
        ("sort=change", "vip rose old new none"),
        ("sort=-change", "old rose vip new none"),
        ("sort=1d", "vip rose old new none"),
    ],
)
def test_the_order(rows: list[Row], query: str, expected: str) -> None:
    """The worst first, unless asked for otherwise; what is unknown stands last both ways."""
    assert ids(Choice.of(query).rows(rows)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=vip", "vip"),
        ("q=NEW", "old new"),
        ("q=ros%C3%89", "rose"),
        ("q=+vip+", "vip"),
        ("q=nothing", ""),
        ("state=stale", "old"),
        ("state=no_data", "none"),
        ("workspace=production&q=vip", "vip"),
        ("workspace=other", ""),
    ],
)
def test_what_is_asked_for(rows: list[Row], query: str, expected: str) -> None:
    """Names and ids are searched, whatever the case."""
    assert ids(Choice.of(query).rows(rows)) == expected


@pytest.mark.parametrize(
    "query",
    [
        "sort=nonsense",
        "sort=--name",
        "state=dead",
        "page=0",
        "page=-1",
        "page=x",
        "page=99999999999999999999",
        "page=%D9%A3",
        "refresh=on",
        "unknown=1",
        "q",
        "%ff%00&&==",
    ],
)
def test_what_is_asked_wrongly_is_as_if_not_asked(query: str) -> None:
    assert Choice.of(query) == Choice()


def test_what_is_not_utf_8_finds_nothing_and_breaks_nothing(rows: list[Row]) -> None:
    assert Choice.of("q=%ff%fe").rows(rows) == []


def test_a_long_search_is_cut() -> None:
    assert len(Choice.of("q=" + "a" * 10_000).q) == 200


@pytest.mark.parametrize("sort", SORTS)
def test_a_link_says_what_its_reader_will_ask(sort: str) -> None:
    choice = Choice(q="a&b=c d", workspace="shop", state="dropped", sort=f"-{sort}", page=3)
    assert Choice.of(choice.link(page=3).removeprefix("?")) == choice


def test_all_that_can_be_chosen_is_read() -> None:
    """Each of the four tables has its page, and a page may stand still."""
    query = (
        "q=vip&workspace=shop&state=dropped&sort=-1w&page=2&sessions_page=3&kpi_page=4"
        "&events_page=5&refresh=off"
    )
    everything = Choice("vip", "shop", "dropped", "-1w", 2, 3, 4, 5, "off")
    assert Choice.of(query) == everything
    assert Choice.of(Choice().link(**asdict(everything)).removeprefix("?")) == everything


@pytest.mark.parametrize(("asked", "page"), [("999999", 999_999), ("1000000", 1), ("0", 1)])
def test_a_page_has_six_digits(asked: str, page: int) -> None:
    """More is no page of any table, and costs nothing to read."""
    assert Choice.of(f"page={asked}").page == page


@pytest.mark.parametrize("sort", ["1d", "-1d"])
def test_it_is_sorted_by_a_column_up_or_down(sort: str) -> None:
    choice = Choice(sort=sort)
    assert choice.sorted_by("1d")
    assert not choice.sorted_by("1w")


def test_a_link_names_only_what_is_unusual() -> None:
    assert Choice().link() == "?"
    assert Choice(q="vip").link(sort="name") == "?q=vip&sort=name"


def test_another_choice_begins_at_its_first_page() -> None:
    choice = Choice(page=3, sessions_page=2)
    assert choice.link(sort="name") == "?sort=name"
    asked = parse_qs(choice.link(page=4).removeprefix("?"))
    assert asked == {"page": ["4"], "sessions_page": ["2"]}


@pytest.mark.parametrize(
    ("count", "asked", "number", "pages", "shown"),
    [(0, 1, 1, 1, 0), (ROWS, 1, 1, 1, ROWS), (ROWS + 1, 2, 2, 2, 1), (ROWS + 1, 9, 2, 2, 1)],
)
def test_pages(
    rows: list[Row], count: int, asked: int, number: int, pages: int, shown: int
) -> None:
    """A page beyond the last one is the last one."""
    found = leaf(rows[:1] * count, asked)
    assert (found.number, found.pages, len(found.rows), found.total) == (
        number,
        pages,
        shown,
        count,
    )
