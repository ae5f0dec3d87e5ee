"""Faults in the points of a series: their values, their times, their number and their order."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from exporter.simulator.exchange import Exchange, Fault, Series
from exporter.simulator.matching import hours, naming_app, naming_untracked, series
from exporter.simulator.times import HOUR, HOUR_FORMS, write_day
from exporter.simulator.wire import Json
from exporter.simulator.world import Point

_FUTURE_ACCEPTED = timedelta(hours=14)  # the easternmost zone is that far ahead of UTC
_FAR_FUTURE = timedelta(days=20)


def _values(change: Callable[[int], int]) -> Callable[[Exchange, Series], Series]:
    """The effect of changing every value."""

    def changed(_: Exchange, answer: Series) -> Series:
        points = tuple(Point(start, change(value)) for start, value in answer.points)
        return replace(answer, points=points)

    return changed


def _newest_value(change: Callable[[int], int]) -> Callable[[Exchange, Series], Series]:
    """The effect of changing the newest value."""

    def changed(_: Exchange, answer: Series) -> Series:
        *older, (start, value) = answer.points
        return replace(answer, points=(*older, Point(start, change(value))))

    return changed


def _restated(_: Exchange, answer: Series) -> Series:
    *older, newest = answer.points
    restated = (Point(start, value + max(1, value * 3 // 100)) for start, value in older)
    return replace(answer, points=(*restated, newest))


def _future_bucket(exchange: Exchange, answer: Series) -> Series:
    newest = answer.points[-1]
    later = newest.start + (HOUR if answer.unit == "hour" else timedelta(days=1))
    if later > exchange.now + _FUTURE_ACCEPTED:
        return answer
    return replace(answer, points=(*answer.points, Point(later, newest.value // 10 + 1)))


def _far_future_bucket(_: Exchange, answer: Series) -> Series:
    start, value = answer.points[-1]
    later = start + _FAR_FUTURE
    return replace(answer, points=(*answer.points, Point(later, value // 10 + 1)))


def _newest(change: Callable[[dict[str, Json], str], Json]) -> Callable[[list[Json], str], Json]:
    """The effect of changing the newest point as written."""

    def changed(points: list[Json], field: str) -> Json:
        if not points or not isinstance(points[-1], dict):
            return points
        return [*points[:-1], change(points[-1], field)]

    return changed


def _value(change: Callable[[Json], Json]) -> Callable[[list[Json], str], Json]:
    """The effect of changing the newest value as written."""
    return _newest(lambda point, field: {**point, field: change(point.get(field))})


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _without(*names: str) -> Callable[[list[Json], str], Json]:
    """The effect of leaving fields out of the newest point; `value` stands for the value's name."""
    return _newest(
        lambda point, field: {
            name: value
            for name, value in point.items()
            if name not in names and not (name == field and "value" in names)
        }
    )


def _all_null(points: list[Json], field: str) -> Json:
    return [{**point, field: None} if isinstance(point, Mapping) else point for point in points]


def _duplicate(points: list[Json], field: str) -> Json:
    if not points or not isinstance(points[-1], dict):
        return points
    *older, newest = points
    return [*older, {**points[-1], field: _number(points[-1].get(field)) // 2 + 1}, newest]


_ON_VALUES: tuple[Fault, ...] = (
    Fault("zero-filled", "Every value is 0.", series, series=_values(lambda _: 0)),
    Fault("newest-zero", "The newest value is 0.", series, series=_newest_value(lambda _: 0)),
    Fault(
        "collapsed",
        "The newest value is a tenth of the truth.",
        series,
        series=_newest_value(lambda value: value // 10),
    ),
    Fault("restated", "All values but the newest are 3% higher.", series, series=_restated),
    Fault(
        "untracked-zeros",
        "A segment without analytics tracking has only zeros.",
        naming_untracked,
        series=_values(lambda _: 0),
    ),
    Fault(
        "unknown-app-zeros",
        "An app_id is answered as if unknown, with zeros.",
        naming_app,
        series=_values(lambda _: 0),
    ),
    Fault("future-tolerated", "An ending_at up to 5 seconds ahead is accepted.", series),
    Fault(
        "future-bucket",
        "The next bucket is there already, if it begins within 14 hours.",
        series,
        series=_future_bucket,
    ),
    Fault(
        "far-future-bucket",
        "A bucket 20 days ahead is there already.",
        series,
        series=_far_future_bucket,
    ),
    Fault("null-value", "The newest value is null.", series, data=_value(lambda _: None)),
    Fault("all-null-values", "Every value is null.", series, data=_all_null),
    Fault(
        "float-value",
        "The newest value is a fraction.",
        series,
        data=_value(lambda value: _number(value) + 0.5),
    ),
    Fault("numeric-string", "The newest value is a string of digits.", series, data=_value(str)),
    Fault("boolean-value", "The newest value is true.", series, data=_value(lambda _: True)),
    Fault(
        "negative-value",
        "The newest value is below 0.",
        series,
        data=_value(lambda value: -1 - _number(value)),
    ),
    Fault("nan-value", "The newest value is NaN.", series, data=_value(lambda _: float("nan"))),
    Fault(
        "infinite-value",
        "The newest value is Infinity.",
        series,
        data=_value(lambda _: float("inf")),
    ),
    Fault("missing-value-field", "The newest point has no value.", series, data=_without("value")),
    Fault("missing-time-field", "The newest point has no time.", series, data=_without("time")),
    Fault("null-point", "The newest point is null.", series, data=_newest(lambda *_: None)),
    Fault(
        "non-object-point",
        "The newest point is a string.",
        series,
        data=_newest(lambda *_: "not an object"),
    ),
)

_ON_LISTS: tuple[Fault, ...] = (
    Fault(
        "fewer-points",
        "Only the newer half of the points is there.",
        series,
        data=lambda points, _: points[len(points) // 2 :],
    ),
    Fault(
        "newest-missing",
        "The newest point is not there yet.",
        series,
        data=lambda points, _: points[:-1],
    ),
    Fault(
        "gap",
        "The point before the newest is missing.",
        series,
        data=lambda points, _: [*points[:-2], *points[-1:]],
    ),
    Fault(
        "duplicate-day",
        "The newest bucket is there twice, first with half its value.",
        series,
        data=_duplicate,
    ),
    Fault(
        "descending", "The newest point comes first.", series, data=lambda points, _: points[::-1]
    ),
    Fault(
        "unsorted",
        "The newer half of the points comes before the older one.",
        series,
        data=lambda points, _: [*points[len(points) // 2 :], *points[: len(points) // 2]],
    ),
    Fault("data-empty", "The data is an empty list.", series, data=lambda *_: []),
    Fault(
        "untracked-empty",
        "A segment without analytics tracking has an empty list.",
        naming_untracked,
        data=lambda *_: [],
    ),
    Fault("data-null", "The data is null.", series, data=lambda *_: None),
    Fault("data-not-a-list", "The data is an object.", series, data=lambda *_: {"points": []}),
)


def _time_null(_start: datetime, _zone: tzinfo) -> Json:
    return None


_FORM_DESCRIPTIONS: Mapping[str, str] = {
    "hour-offset": "Hours carry the company zone's offset (the default).",
    "hour-z": "Hours are in UTC and end in Z.",
    "hour-millis": "Hours are in UTC with milliseconds and Z.",
    "hour-naive": "Hours are local and carry no offset.",
    "hour-offset-west": "Hours carry the offset -05:00, whatever the company's zone.",
    "hour-short-offset": "Hours carry the offset -5:00, malformed as in Braze's own examples.",
    "hour-compact-offset": "Hours carry the company zone's offset without a colon.",
}

_ON_TIMES: tuple[Fault, ...] = (
    *(Fault(name, _FORM_DESCRIPTIONS[name], hours, time=form) for name, form in HOUR_FORMS.items()),
    Fault("time-plain-date", "Hours are written as bare dates.", hours, time=write_day),
    Fault(
        "time-numeric",
        "Times are seconds of the Unix epoch.",
        series,
        time=lambda start, _: int(start.timestamp()),
    ),
    Fault("time-garbage", "Times are no times.", series, time=lambda *_: "half past nine"),
    Fault("time-null", "Times are null.", series, time=_time_null),
)

SERIES_FAULTS: tuple[Fault, ...] = (*_ON_TIMES, *_ON_VALUES, *_ON_LISTS)
