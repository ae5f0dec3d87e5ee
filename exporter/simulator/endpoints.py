"""The endpoints: what each needs, and what it answers when it gets it.

An endpoint is a row of `ENDPOINTS`, a function from the exchange to a `Series` or a `Listing`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

from exporter.simulator.exchange import Exchange, Listing, Series
from exporter.simulator.pulse import KPIS
from exporter.simulator.refusals import UNKNOWN_APP, UNKNOWN_SEGMENT
from exporter.simulator.times import Unit, read_ending_at
from exporter.simulator.wire import Json
from exporter.simulator.workspace import Segment
from exporter.simulator.world import Point

SEGMENTS_DATA_SERIES = "/segments/data_series"
SEGMENTS_LIST = "/segments/list"
SESSIONS_DATA_SERIES = "/sessions/data_series"
EVENTS_DATA_SERIES = "/events/data_series"

_Points = tuple[Point, ...]

_LENGTH_MAX = 100
_PAGE = 100
_TOLERATED = timedelta(seconds=5)


class BadRequestError(Exception):
    """The request has a mistake in it; the message is what Braze answers with status 400."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path of the API: the permission its key needs and how it is answered."""

    permission: str
    answer: Callable[[Exchange], Series | Listing]


def _segments_data_series(exchange: Exchange) -> Series:
    segment_id = _known_segment(exchange, "segment_id is required")
    length, ending_at = _length(exchange), _ending_at(exchange)
    points = exchange.world.segment_points(segment_id, exchange.now, length, ending_at)
    return Series("size", "day", points)


def _sessions_data_series(exchange: Exchange) -> Series:
    length, ending_at, unit = _length(exchange), _ending_at(exchange), _unit(exchange)
    query, world = exchange.request.query, exchange.world
    segment_id = _known_segment(exchange, "") if "segment_id" in query else None
    app_id, count = _app(exchange)
    points = world.session_points(unit, app_id, segment_id, exchange.now, length, ending_at)
    return Series("sessions", unit, count(points))


def _events_data_series(exchange: Exchange) -> Series:
    """An event that Braze never saw has no points, and is no mistake (AIRBYTE-REC)."""
    length, ending_at, unit = _length(exchange), _ending_at(exchange), _unit(exchange)
    query, world = exchange.request.query, exchange.world
    if "event" not in query:
        raise BadRequestError("event is required")
    segment_id = _known_segment(exchange, "") if "segment_id" in query else None
    app_id, count = _app(exchange)
    points = world.event_points(
        query["event"], unit, app_id, segment_id, exchange.now, length, ending_at
    )
    return Series("count", unit, count(points))


def _kpi_data_series(name: str, exchange: Exchange) -> Series:
    """By day only: a `unit` is ignored, as other unknown parameters are."""
    length, ending_at = _length(exchange), _ending_at(exchange)
    app_id, count = _app(exchange)
    points = exchange.world.kpi_points(name, app_id, exchange.now, length, ending_at)
    return Series(name, "day", count(points))


def _app(exchange: Exchange) -> tuple[str | None, Callable[[_Points], _Points]]:
    """The app that is asked for, None for all, and what is counted of an unknown one."""
    app_id = exchange.request.query.get("app_id")
    if app_id is None or exchange.world.app(app_id) is not None:
        return app_id, lambda points: points
    if not exchange.has("unknown-app-zeros"):
        raise BadRequestError(UNKNOWN_APP)
    return None, lambda points: tuple(Point(point.start, 0) for point in points)


def _segments_list(exchange: Exchange) -> Listing:
    query, segments = exchange.request.query, exchange.world.segments
    direction, page_text = query.get("sort_direction", "asc"), query.get("page", "0")
    if direction not in ("asc", "desc"):
        raise BadRequestError("sort_direction must be asc or desc")
    if not re.fullmatch(r"[0-9]{1,9}", page_text):
        raise BadRequestError("page must be an integer of at least 0")
    page = 0 if exchange.has("list-page-ignored") else int(page_text)
    if direction == "desc":
        segments = segments[::-1]
    if page > 0 and exchange.has("list-moves"):
        segments = (*segments[1:], *segments[:1])
    return Listing(
        "segments", tuple(map(_segment_item, segments[page * _PAGE : (page + 1) * _PAGE]))
    )


def _segment_item(segment: Segment) -> Json:
    return {
        "id": segment.id,
        "name": segment.name,
        "analytics_tracking_enabled": segment.tracked,
        "tags": list(segment.tags),
    }


def _known_segment(exchange: Exchange, missing: str) -> str:
    segment_id = exchange.request.query.get("segment_id")
    if segment_id is None:
        raise BadRequestError(missing)
    if exchange.world.segment(segment_id) is None:
        raise BadRequestError(UNKNOWN_SEGMENT)
    return segment_id


def _length(exchange: Exchange) -> int:
    text = exchange.request.query.get("length")
    if text is None:
        raise BadRequestError("length is required")
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= _LENGTH_MAX:
        raise BadRequestError(f"length must be an integer between 1 and {_LENGTH_MAX}")
    return int(text)


def _ending_at(exchange: Exchange) -> datetime | None:
    text = exchange.request.query.get("ending_at")
    if text is None:
        return None
    try:
        ending_at = read_ending_at(text, exchange.world.zone)
    except ValueError as error:
        raise BadRequestError("ending_at must be an ISO 8601 datetime") from error
    # That the future is 400 is certain, from when on is not: the default is the strictest reading.
    tolerated = _TOLERATED if exchange.has("future-tolerated") else timedelta(0)
    if ending_at > exchange.now + tolerated:
        raise BadRequestError("ending_at must not be in the future")
    return ending_at


def _unit(exchange: Exchange) -> Unit:
    match exchange.request.query.get("unit", "day"):
        case "day":
            return "day"
        case "hour":
            return "hour"
        case _:
            raise BadRequestError("unit must be day or hour")


ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {
        SEGMENTS_DATA_SERIES: Endpoint("segments.data_series", _segments_data_series),
        SEGMENTS_LIST: Endpoint("segments.list", _segments_list),
        SESSIONS_DATA_SERIES: Endpoint("sessions.data_series", _sessions_data_series),
        EVENTS_DATA_SERIES: Endpoint("events.data_series", _events_data_series),
        **{
            f"/kpi/{name}/data_series": Endpoint(
                f"kpi.{name}.data_series", partial(_kpi_data_series, name)
            )
            for name in KPIS
        },
    }
)
