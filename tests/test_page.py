"""The status page as markup; tests/test_status_page.py looks at it in a browser."""

import gzip
import re
from collections.abc import Callable
from html import unescape

import pytest

from exporter import page
from exporter.choice import Choice
from exporter.families import SESSIONS
from exporter.status import Status
from exporter.web import Request, Response
from tests import scenes


def asked(status: Status, query: str = "", telemetry_path: str = "/metrics") -> Response:
    return page.answer(lambda: status, telemetry_path, Request("GET", "/", query=query))


def header(response: Response, name: str) -> str | None:
    return dict(response.headers).get(name)


@pytest.mark.parametrize(
    ("scene", "sentence"),
    [
        (scenes.demo, "1 segment and 1 app are below normal."),
        (scenes.failing, "1 segment and 1 app are below normal. Workspace staging is failing."),
        (scenes.well, "Nothing is below normal."),
        (scenes.unpolled, "Waiting for the first polls."),
        (scenes.nothing, "Nothing is watched."),
        (lambda: scenes.named(["a"]), "1 segment and 1 app are below normal."),
        (lambda: scenes.named(["a", "b"]), "2 segments and 1 app are below normal."),
    ],
)
def test_the_headline(scene: Callable[[], Status], sentence: str) -> None:
    """What is wrong, each thing once; else that nothing is."""
    assert page.headline(scene()) == sentence


def test_it_leads_everywhere() -> None:
    """Relative, so that it works behind a proxy's prefix; the JSON link keeps the query."""
    text = page.markup(scenes.demo(), Choice(q="vip"), "/braze/metrics")
    links = ("./braze/metrics", "./status.json?q=vip", "./-/healthy", "./-/ready", page.DOCS)
    for link in links:
        assert f'href="{link}"' in text


def test_200_segments_are_less_than_300_kb_and_thousands_hardly_more() -> None:
    """One page in itself; of more rows than 200 it shows the first."""
    some = page.markup(scenes.many(200), Choice()).encode()
    many = page.markup(scenes.many(2000), Choice()).encode()

    assert len(some) < 300_000
    assert len(gzip.compress(some)) < 40_000
    assert len(many) < 300_000
    assert many.count(b"<tr class=") == 200 + 2 + 3  # segments, sessions, collectors


@pytest.mark.parametrize(
    "scene",
    [
        scenes.demo,
        scenes.failing,
        scenes.absurd,
        lambda: scenes.named([scenes.MARKUP], scenes.MARKUP),
    ],
)
def test_it_needs_nothing_from_elsewhere(scene: Callable[[], Status]) -> None:
    """No script, no picture, no style, no font of another file."""
    text = page.markup(scene(), Choice(q=scenes.MARKUP))
    assert not re.search(r"<(script|img|iframe|object|embed|base)\b|\son\w+=\"|@import|url\(", text)
    assert re.findall(r"<link [^>]*href=\"(\w+:)", text) == ["data:"]
    assert " style=" not in text  # the policy would not let it in


def test_what_was_searched_for_is_text() -> None:
    text = page.markup(scenes.demo(), Choice(q='"><script>alert(1)</script>'))
    assert "<script" not in text
    assert "&#34;&gt;&lt;script&gt;" in text


def test_a_card_leads_to_its_own_rows() -> None:
    """To those of its workspace, and of the whole workspace not to everything."""
    status = scenes.twins()
    text = page.markup(status, Choice())
    cards = re.findall(r'<h2><a href="(\?[^"]+)"><bdi>(.*?)</bdi>', text)

    assert len(cards) == len(status.attention) == 4
    for row, (link, title) in zip(status.attention, cards, strict=True):
        led_to = Choice.of(unescape(link).removeprefix("?")).rows(status.tables[SESSIONS])
        assert title == row.title
        assert led_to == [row]


@pytest.mark.parametrize("query", ["workspace=state", "state=dropped", "sort=-state", "sort=name"])
def test_a_search_keeps_what_else_was_chosen(query: str) -> None:
    """A workspace called like a column among it."""
    text = page.markup(scenes.twins(), Choice.of(query))
    name, _, value = query.partition("=")
    assert f'<input type="hidden" name="{name}" value="{value}">' in text
    assert text.count('type="hidden"') == 1


def test_absurd_numbers_take_no_page_away() -> None:
    """Changes that are beyond all numbers are as if not known."""
    text = page.markup(scenes.absurd(), Choice())
    assert "from nothing" in text
    assert not re.search(r"\b(inf|nan)\b", text)


@pytest.mark.parametrize(("newest", "tone"), [(1200, "bad"), (700, "worse"), (300, "better")])
def test_more_uninstalls_are_coloured_as_bad_and_fewer_as_good(newest: float, tone: str) -> None:
    """Against the day, the week and the four weeks before."""
    _, _, text = page.markup(scenes.uninstalls(newest), Choice()).partition('<h2 id="kpi">')
    assert re.findall(r'<td class="number change (\w*)"', text) == [tone] * 3


def test_an_app_stands_before_its_parts() -> None:
    """The news first, then where else it shows."""
    sessions = Choice().rows(scenes.demo().tables[SESSIONS])
    assert [row.title for row in sessions[:2]] == ["web", "All Users · web"]


def test_it_comes_again_by_itself_unless_it_stands_still() -> None:
    assert header(asked(scenes.demo()), "Refresh") == "60"
    assert header(asked(scenes.unpolled()), "Refresh") == "2"
    assert header(asked(scenes.demo(), "refresh=off"), "Refresh") is None


def test_a_number_has_its_day_in_the_workspaces_time_zone_and_its_age() -> None:
    text = page.markup(scenes.demo(), Choice(q="VIP"))
    assert 'today <span class="age">14 h ago</span>' in text
    assert "Sun 22 Nov 2026, 14:40:07 UTC" in text


def test_a_failure_is_told_with_its_remedy() -> None:
    text = page.markup(scenes.failing(), Choice())
    assert "forbidden: status 403: Access Denied" in text
    assert "lacks the permission segments.data_series" in text
    assert "Name of welcome" in text


def test_what_is_over_the_limit_is_told() -> None:
    assert "segments.limit" not in page.markup(scenes.demo(), Choice())
    assert "segments.limit" in page.markup(scenes.many(2001), Choice())


def test_a_page_beyond_the_last_is_the_last() -> None:
    text = page.markup(scenes.many(450), Choice(page=99))
    assert "page 3 of 3" in text
    assert 'rel="next"' not in text
