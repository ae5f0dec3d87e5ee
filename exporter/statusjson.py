"""The status for programs: /status.json, described by docs/status.schema.json."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import chain, repeat
from typing import Any

from exporter import baselines
from exporter.choice import Choice
from exporter.families import DISCOVERY, EVENTS, KPI, SEGMENTS, SESSIONS
from exporter.rows import Row
from exporter.status import CollectorStatus, Status, WorkspaceStatus
from exporter.web import Request, Response, packed, reply


def answer(status: Callable[[], Status], request: Request) -> Response:
    """The response to a request for /status.json."""
    document = document_of(status(), Choice.of(request.query))
    body = "".join(pieces(document)).encode()
    return packed(request, reply(HTTPStatus.OK, "application/json", body))


def pieces(document: Mapping[str, Any]) -> Iterator[str]:
    """The document as JSON, a row at a time: json.dumps lets no other thread run until it is done,
    and scrapes would wait for thousands of rows.
    """
    for before, (name, value) in zip(chain("{", repeat(", ")), document.items(), strict=False):
        yield f"{before}{_dumps(name)}: "
        if isinstance(value, list):
            yield "["
            for comma, row in zip(chain([""], repeat(", ")), value, strict=False):
                yield comma + _dumps(row)
            yield "]"
        else:
            yield _dumps(value)
    yield "}\n"


def _dumps(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def document_of(status: Status, choice: Choice) -> dict[str, Any]:
    """All rows that `choice` asks for, in its order, whatever page it names.

    Moments are RFC 3339 in UTC, lengths of time are seconds, changes are shares; what is not known
    is null.
    """
    return {
        "version": status.version,
        "generated": _time(status.now),
        "counts": {state.value: count for state, count in status.counts.items()},
        "workspaces": [_workspace(workspace) for workspace in status.workspaces],
    } | {
        name: [written(row) for row in choice.rows(status.tables.get(name, ()))]
        for name, written in _ROWS.items()
    }


def _workspace(workspace: WorkspaceStatus) -> dict[str, Any]:
    selected, filtered, over_limit = workspace.segments
    quota = workspace.quota
    return {
        "workspace": workspace.name,
        "state": workspace.state.value,
        "endpoint": workspace.endpoint,
        "time_zone": workspace.zone,
        "quota": {
            "limit": quota.limit,
            "remaining": quota.remaining,
            "reset": _time(quota.reset),
        },
        "segments": {"selected": selected, "filtered": filtered, "over_limit": over_limit},
        "collectors": [_collector(collector) for collector in workspace.collectors],
    }


def _collector(collector: CollectorStatus) -> dict[str, Any]:
    last = collector.last
    return {
        "collector": collector.name,
        "state": collector.state.value,
        "interval_seconds": collector.interval,
        "last_poll": _time(last.finished) if last else None,
        "last_poll_seconds": round(last.finished - last.started, 3) if last else None,
        "last_success": _time(collector.last_success),
        "next_poll": _time(collector.due),
        "series_failed": None if collector.name == DISCOVERY else collector.failed,
        "failures": [
            {
                "reason": failure.reason,
                "message": failure.message,
                "series": failure.series,
                "examples": list(failure.examples),
                "remedy": failure.remedy,
            }
            for failure in collector.failures
        ],
    }


def _size(row: Row) -> dict[str, Any]:
    segment = {"segment_id": row.series.label("segment_id"), "segment_name": row.segment}
    return {"workspace": row.workspace, **segment, **_number(row)}


def _sessions(row: Row) -> dict[str, Any]:
    segment = {"segment_id": row.series.label("segment_id"), "segment_name": row.segment or None}
    return {"workspace": row.workspace, **segment, **_of_app(row)}


def _kpi(row: Row) -> dict[str, Any]:
    return {"workspace": row.workspace, "figure": row.series.family.noun, **_of_app(row)}


def _events(row: Row) -> dict[str, Any]:
    return {"workspace": row.workspace, "event": row.event, **_of_app(row)}


def _of_app(row: Row) -> dict[str, Any]:
    current = row.held.observed.current if row.held else None
    return {
        "app_id": row.series.label("app_id") or None,
        "app_name": row.app or None,
        "unit": row.series.family.unit.value,
        **_number(row),
        "current": current and {"value": current.value, "bucket": _time(current.start)},
    }


_ROWS: Mapping[str, Callable[[Row], dict[str, Any]]] = {
    SEGMENTS: _size,
    SESSIONS: _sessions,
    KPI: _kpi,
    EVENTS: _events,
}


def _number(row: Row) -> dict[str, Any]:
    return {
        "metric": row.series.family.name,
        "state": row.state.value,
        "value": row.value,
        "bucket": _time(row.start),
        "read": _time(row.held.read) if row.held else None,
        "baselines": {name: row.normal.get(name) for name in baselines.NAMES},
        "changes": {name: row.change(name) for name in baselines.NAMES},
        "threshold": row.threshold,
        "history": row.history.name.lower(),
        "failure": row.failure,
    }


def _time(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
