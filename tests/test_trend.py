"""Values become the line of a small chart."""

import re

import pytest

from exporter.trend import HEIGHT, trend


def heights(path: str) -> list[int]:
    """The height of each place of a line, from its relative steps."""
    found: list[int] = []
    for start, steps in re.findall(r"M\d+ (\d+)((?:l1 -?\d+|h0)*)", path):
        found.append(int(start))
        for step in re.findall(r"l1 (-?\d+)", steps):
            found.append(found[-1] + int(step))
    return found


def test_a_line_goes_from_0_at_the_bottom_to_the_largest_value_at_the_top() -> None:
    """A fall by half is half the height: nothing is made more dramatic than it is."""
    drawn = trend([50, 100, 25])

    assert drawn is not None
    assert heights(drawn.line) == [50, 0, 75]
    assert (drawn.width, drawn.dot, drawn.low, drawn.high) == (2, 75, 25, 100)


def test_the_area_lies_under_the_line() -> None:
    drawn = trend([50, 100])

    assert drawn is not None
    assert drawn.area == f"{drawn.line}V{HEIGHT}H0z"


def test_what_is_unknown_is_a_gap() -> None:
    """Nothing is drawn between two stretches; one value alone is a dot."""
    drawn = trend([10, None, 10, 5])

    assert drawn is not None
    assert drawn.line == "M0 0h0M2 0l1 50"
    assert drawn.area == "M2 0l1 50V100H2z"


def test_a_threshold_above_all_values_is_on_the_chart() -> None:
    drawn = trend([10, 5], 20)

    assert drawn is not None
    assert (drawn.threshold, drawn.dot) == (0, 75)


@pytest.mark.parametrize(("rhythm", "since"), [(False, 0), (True, 7)])
def test_with_a_rhythm_the_threshold_is_that_of_the_newest_value(rhythm: bool, since: int) -> None:
    """At night another one is in force: the line stands beside the newest value only."""
    drawn = trend([1.0] * 9, 1, rhythm=rhythm)

    assert drawn is not None
    assert drawn.since == since


def test_zeros_lie_on_the_ground() -> None:
    drawn = trend([0, 0])

    assert drawn is not None
    assert heights(drawn.line) == [HEIGHT, HEIGHT]


@pytest.mark.parametrize("values", [[], [5], [None, 5], [5, None], [None, None]])
def test_where_there_is_nothing_to_connect_there_is_no_chart(values: list[float | None]) -> None:
    assert trend(values) is None
