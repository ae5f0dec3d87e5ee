"""The soak in its short form, and that it would see what it looks for.

The long form is `make soak`; its figures stand in docs/reliability.md.
"""

from pathlib import Path

import pytest

from tests.soak import pieces
from tests.soak.__main__ import main
from tests.soak.days import SPECIAL, special
from tests.soak.growth import Holding, growth, spare


def silence(_: str) -> None:
    """Say nothing."""


def test_scrapes_of_every_kind_are_right_and_leave_nothing(tmp_path: Path) -> None:
    """Text and OpenMetrics, compressed or not, GET and HEAD, on kept and on new connections."""
    row = pieces.scrapes(tmp_path, 1200, silence)
    assert (row.wrong, row.grown) == ([], [])


def test_a_crowd_of_slow_clients_keeps_no_scrape_from_its_answer(tmp_path: Path) -> None:
    """More than there may be connections: silent ones, dripping heads, and some that never read."""
    row = pieces.crowd(tmp_path, 300, 3.0, silence)
    assert (row.wrong, row.grown) == ([], [])


def test_reloads_change_what_is_polled_and_leave_nothing(tmp_path: Path) -> None:
    """By POST and by SIGHUP, with workspaces that come and go, and settings that are refused."""
    row = pieces.reloads(tmp_path, 20, 0.0, silence)
    assert (row.wrong, row.grown) == ([], [])


def test_one_leak_for_each_reload_is_seen(tmp_path: Path) -> None:
    """A descriptor, a socket, a thread and a MiB, leaked on purpose."""
    leaks = ("descriptor", "socket", "thread", "memory")
    row = pieces.reloads(tmp_path, 20, 0.0, silence, *leaks)
    assert row.wrong == []
    names = [line.partition(":")[0] for line in row.grown]
    assert names == ["megabytes", "threads", "descriptors", "sockets"]


@pytest.mark.parametrize("moment", SPECIAL)
def test_every_value_is_right_where_the_calendar_is_odd(moment: str) -> None:
    """To the second, in the hours before and after."""
    found = special(moment, 1)
    assert found.wrong == []
    assert found.values > 1000


def test_a_wrong_value_is_seen() -> None:
    """A Braze that says 1 more of each bucket than is true."""
    found = special("leap day", 0, "restated")
    assert len(found.wrong) == found.polls


def test_what_grew_is_told_by_name() -> None:
    """Within what may come on top, nothing did."""
    first, more = Holding(50, 10, 9, 5), spare(1, 2)
    assert growth(first, Holding(58, 15, 11, 7), more) == []
    assert growth(first, Holding(50, 16, 9, 5), more) == [
        "threads: 10 at first, 16 at last, 5 more allowed"
    ]


def test_the_long_form_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "days", "--days", "0"]) == 0
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert all(line.endswith("| yes |") for line in table[2:])
