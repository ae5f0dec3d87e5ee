"""Faults in the list of segments and in the JSON object around any data."""

from collections.abc import Callable

from exporter.simulator.exchange import Fault
from exporter.simulator.matching import any_request, lists, series
from exporter.simulator.wire import Json


def _items(change: Callable[[dict[str, Json]], Json]) -> Callable[[list[Json], str], Json]:
    """The effect of changing every item of a list."""
    return lambda items, _: [change(item) if isinstance(item, dict) else item for item in items]


def _items_without(name: str) -> Callable[[list[Json], str], Json]:
    return _items(lambda item: {key: value for key, value in item.items() if key != name})


def _object_without(name: str) -> Callable[[dict[str, Json]], Json]:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


PAYLOAD_FAULTS: tuple[Fault, ...] = (
    Fault(
        "list-moves",
        "Between the first page and the next, the first segment moves to the end of the list.",
        lists,
    ),
    Fault("list-page-ignored", "Whatever page is asked for, it is the first.", lists),
    Fault(
        "list-tags-null",
        "No segment has tags, not even an empty list.",
        lists,
        data=_items(lambda item: {**item, "tags": None}),
    ),
    Fault("list-without-names", "The segments have no names.", lists, data=_items_without("name")),
    Fault(
        "list-names-null",
        "The names of the segments are null.",
        lists,
        data=_items(lambda item: {**item, "name": None}),
    ),
    Fault("list-without-ids", "The segments have no ids.", lists, data=_items_without("id")),
    Fault(
        "list-without-tracking",
        "It is not said whether the segments are tracked.",
        lists,
        data=_items_without("analytics_tracking_enabled"),
    ),
    Fault(
        "list-null-item",
        "The first segment of each page is null.",
        lists,
        data=lambda items, _: [None, *items[1:]],
    ),
    Fault("list-empty", "There are no segments.", lists, data=lambda *_: []),
    Fault("list-null", "The list of segments is null.", lists, data=lambda *_: None),
    Fault(
        "list-missing",
        "The answer has no list of segments.",
        lists,
        payload=_object_without("segments"),
    ),
    Fault(
        "data-missing", "There is no data in the answer.", series, payload=_object_without("data")
    ),
    Fault(
        "message-not-success",
        "A 200 whose message is not success.",
        any_request,
        payload=lambda fields: {**fields, "message": "Something went wrong"},
    ),
    Fault(
        "message-missing",
        "A 200 without message.",
        any_request,
        payload=_object_without("message"),
    ),
    Fault(
        "errors-beside-success",
        "A 200 with message success, data and a list of minor errors.",
        any_request,
        payload=lambda fields: {**fields, "errors": ["a part of the data may be missing"]},
    ),
    Fault(
        "not-an-object",
        "The JSON of a 200 is a list with the object in it.",
        any_request,
        payload=lambda fields: [fields],
    ),
)
