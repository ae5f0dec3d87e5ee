"""A true answer -> the JSON object Braze makes of it, faults included."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo

from exporter.simulator.exchange import Exchange, Listing, Series
from exporter.simulator.times import HOUR_FORMS, write_day
from exporter.simulator.wire import Json

_WITH_EXTRA_FIELDS = 0.25  # the share of answers with fields nobody announced


def render(exchange: Exchange, answer: Series | Listing, hour_format: str) -> Json:
    """The body of a 200. `message` comes first or last, by chance (RUBY-VCR shows it last)."""
    if isinstance(answer, Series):
        name, items = "data", _points(exchange, _faulty(exchange, answer), hour_format)
    else:
        name, items = answer.field, list(answer.items)
    fields: dict[str, Json] = {name: _flawed(exchange, items, answer.field), "message": "success"}
    if exchange.chance("extra fields") < _WITH_EXTRA_FIELDS:
        fields["generated_by"] = "simulator"
    if exchange.chance("order") < 0.5:
        fields = dict(reversed(fields.items()))
    payload: Json = fields
    for fault in exchange.faults:
        if fault.payload is not None and isinstance(payload, dict):
            payload = fault.payload(payload)
    return payload


def _faulty(exchange: Exchange, series: Series) -> Series:
    for fault in exchange.faults:
        if fault.series is not None and series.points:
            series = fault.series(exchange, series)
    return series


def _points(exchange: Exchange, series: Series, hour_format: str) -> list[Json]:
    write: Callable[[datetime, tzinfo], Json]
    write = HOUR_FORMS[hour_format] if series.unit == "hour" else write_day
    for fault in exchange.faults:
        write = fault.time or write
    zone = exchange.world.zone
    extra: Mapping[str, Json] = {}
    if exchange.chance("extra fields of points") < _WITH_EXTRA_FIELDS:
        extra = {"provisional": False}
    return [
        {"time": write(point.start, zone), series.field: point.value, **extra}
        for point in series.points
    ]


def _flawed(exchange: Exchange, items: list[Json], field: str) -> Json:
    data: Json = items
    for fault in exchange.faults:
        if fault.data is not None and isinstance(data, list):
            data = fault.data(data, field)
    return data
