"""Which requests a kind of fault can happen to."""

from exporter.simulator.endpoints import SEGMENTS_LIST
from exporter.simulator.wire import Request
from exporter.simulator.world import World


def any_request(_request: Request, _world: World) -> bool:
    """Every request."""
    return True


def series(request: Request, _world: World) -> bool:
    """Requests for a series."""
    return request.path.endswith("/data_series")


def hours(request: Request, world: World) -> bool:
    """Requests for a series by hour."""
    return series(request, world) and request.query.get("unit") == "hour"


def lists(request: Request, _world: World) -> bool:
    """Requests for the list of segments."""
    return request.path == SEGMENTS_LIST


def naming_segment(request: Request, _world: World) -> bool:
    """Requests that name a segment."""
    return "segment_id" in request.query


def naming_app(request: Request, _world: World) -> bool:
    """Requests that name an app."""
    return "app_id" in request.query


def naming_untracked(request: Request, world: World) -> bool:
    """Requests that name a segment of the world without analytics tracking."""
    segment = world.segment(request.query.get("segment_id", ""))
    return segment is not None and not segment.tracked
