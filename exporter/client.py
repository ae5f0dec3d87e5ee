"""The Braze REST API as calls that return model values."""

import json
import logging
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from exporter.buckets import read_points
from exporter.families import LIST
from exporter.limiter import Interrupted, Limiter, Paused
from exporter.model import Answer, Family, RateLimit, Segment, Series
from exporter.pacing import asked_wait, backoff, read_rate_limit
from exporter.redaction import hidden
from exporter.transport import HTTP, Reply, TransportError

log = logging.getLogger(__name__)

T = TypeVar("T")

PAGE = 100
"""Segments on a full page of `/segments/list` (Braze's documentation)."""

_ENDING_AT = "%Y-%m-%dT%H:%M:%SZ"  # Braze takes many forms; this one needs no escaping

_PAGES = 1000  # a list that never ends is no list
_LOOKED_AT = 4096  # characters of a message, of which some are told
_NO_ANSWER = frozenset({"unauthorized", "server_error", "timeout", "connection", "tls"})
_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    429: "rate_limited",
}


class BrazeError(Exception):
    """What was asked could not be read.

    `reason` is one of `catalog.REASONS`, the message says what came instead and never holds the
    key; `sent` tells whether a request left at all, `answered` whether one got an answer other than
    401 or 5xx.
    """

    def __init__(self, reason: str, detail: str, *, sent: bool = True) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.sent = sent
        self.answered = sent and reason not in _NO_ANSWER


class Observer(Protocol):
    """Who is told of each request."""

    def requested(self, endpoint: str, seconds: float, reason: str | None) -> None:
        """A request to `endpoint` took `seconds`, and failed for `reason` unless that is None."""

    def rate_limit(self, limit: RateLimit) -> None:
        """An answer's headers said `limit`."""


class Client:
    """Reads one workspace; safe for threads.

    `key` gives the API key anew for each request, `zone` is the workspace's time zone, `now` and
    `monotonic` are the clocks (epoch seconds; seconds), `pause(seconds)` waits and returns True
    when it was interrupted, `chance` gives random numbers in [0, 1).
    """

    def __init__(
        self,
        http: HTTP,
        limiter: Limiter,
        observer: Observer,
        *,
        key: Callable[[], str],
        zone: ZoneInfo,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        pause: Callable[[float], bool],
        chance: Callable[[], float],
    ) -> None:
        self._http = http
        self._limiter = limiter
        self._observer = observer
        self._key = key
        self._zone = zone
        self._now = now
        self._monotonic = monotonic
        self._pause = pause
        self._chance = chance

    def data_series(self, series: Series, length: int, ending_at: float | None = None) -> Answer:
        """`length` points of `series`, up to `MOST_POINTS`: the newest, or before `ending_at`.

        For the newest, `ending_at` is left out: then Braze takes its own now, whatever our clock
        and time zone. Else it is an epoch second, not in the future. An answer without data has no
        points. Raises BrazeError, and Interrupted when the exporter stops.
        """
        family = series.family
        query = series.query | {"length": str(length)}
        if family.has_unit:
            query["unit"] = family.unit.value
        if ending_at is not None:
            query["ending_at"] = datetime.fromtimestamp(ending_at, UTC).strftime(_ENDING_AT)
        return self._get(family.endpoint, query, partial(_read_answer, family, self._zone))

    def segments(self, known: Sequence[Segment] = ()) -> tuple[Segment, ...]:
        """All segments, oldest first, each once; `known` are those that were found before.

        A segment can move from one page to another while the pages are read, and so come twice or
        not at all: then they are read once more, from the other end, where the same move hides
        another one; a segment counts that is found either time. Items that cannot be read are left
        out, and no known segment then counts as gone.
        Raises BrazeError where any page could not be read: half a list would look like segments
        that are gone. Raises Interrupted when the exporter stops.
        """
        before = {segment.id: segment for segment in known}
        found, pages, moved, odd = self._pages()
        if pages > 1 and (moved or not found.keys() >= before.keys()):
            found |= self._pages(again=True)[0]
        if odd:
            log.warning("segments in the list cannot be read", extra={"segments": odd})
            found = before | found
        return tuple(found.values())

    def _pages(self, again: bool = False) -> tuple[dict[str, Segment], int, bool, int]:
        """The segments by id, how many pages they took, whether one was on two of them, and how
        many items were none. `again` is from the other end.
        """
        found: dict[str, Segment] = {}
        order = {"sort_direction": "desc"} if again else {}
        twice, odd = False, 0
        for page in range(_PAGES):
            query = {"page": str(page)} | order
            items = self._get(LIST, query, partial(_read_page, found), answered=page > 0 or again)
            segments = {segment.id: segment for segment in items if segment is not None}
            odd += items.count(None)
            fresh = segments.keys() - found.keys()
            twice = twice or len(fresh) < len(segments)
            found |= {key: segment for key, segment in segments.items() if key in fresh}
            if len(items) < PAGE:
                return found, page + 1, twice, odd
        raise BrazeError("invalid_response", f"the list of segments has over {_PAGES} pages")

    def _get(
        self,
        path: str,
        query: Mapping[str, str],
        read: Callable[[dict[str, Any], float, str], T],
        answered: bool = False,
    ) -> T:
        """What `read` makes of the JSON object that came back after up to three tries, the moment
        it was asked for and the key that is not to be shown. `answered` says that what it is a part
        of got an answer before. Raises BrazeError.
        """
        attempt = 0
        failure = BrazeError("rate_limited", "paused, as Braze asked", sent=False)
        while True:
            if self._pause(0):  # who was stopped sends nothing more
                raise Interrupted
            try:
                self._limiter.acquire()
            except Paused:
                raise failure from None
            attempt += 1
            sent, begun = self._now(), self._monotonic()
            asked: float | None = None
            try:
                key = self._key()
                reply = self._http.get(path, query, key)
                limit = read_rate_limit(reply.headers)
                self._observer.rate_limit(limit)
                self._limiter.heed(limit)
                asked = _asked_wait(reply, self._now())
                result = read(_read_payload(reply, key), sent, key)
            except TransportError as error:
                if self._pause(0):  # cut off by us: no failure of Braze's
                    raise Interrupted from None
                failure = BrazeError(error.reason, hidden(str(error), key, short=True))
            except BrazeError as error:
                failure = error
            else:
                self._observer.requested(path, self._monotonic() - begun, None)
                return result
            self._observer.requested(path, self._monotonic() - begun, failure.reason)
            failure.answered = answered = answered or failure.answered
            wait = backoff(attempt, failure.reason, asked, self._chance())
            if wait is None:
                if failure.reason == "rate_limited" and asked is not None:
                    self._limiter.close(asked)
                raise failure
            if self._pause(wait):
                raise Interrupted


def _asked_wait(reply: Reply, now: float) -> float | None:
    """How long a refusal asks us to wait. The end of the window counts for a 429 only: a server
    that is down for a moment names it too.
    """
    if reply.status == 429:
        return asked_wait(reply.headers, now)
    if reply.status == 503:
        return asked_wait({"retry-after": reply.headers.get("retry-after", "")}, now)
    return None


def _read_payload(reply: Reply, key: str) -> dict[str, Any]:
    """The JSON object of a successful answer. Raises BrazeError for any other."""
    if reply.status == 200:
        try:
            payload = _loads(reply.body)
        except (ValueError, RecursionError):
            raise BrazeError("invalid_response", f"not JSON: {_excerpt(reply, key)}") from None
        if not isinstance(payload, dict) or payload.get("message") != "success":
            raise BrazeError("invalid_response", f"not a success: {_excerpt(reply, key)}")
        return payload
    if 300 <= reply.status < 400:
        raise BrazeError("redirect", f"status {reply.status}; redirects are not followed")
    if reply.status >= 500:
        reason = "server_error"
    else:
        reason = _STATUS.get(reply.status, "unexpected_status")
    raise BrazeError(reason, f"status {reply.status}: {_excerpt(reply, key)}")


def _loads(body: bytes) -> Any:
    """What JSON says; a whole number of more digits than Python's `int` reads is infinite to us."""
    try:
        return json.loads(body)
    except ValueError:
        return json.loads(body, parse_int=float)


def _excerpt(reply: Reply, key: str) -> str:
    """The beginning of a body, fit for a log line. Braze echoes an unknown key in its 401."""
    try:
        message = json.loads(reply.body)["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        message = reply.body.decode("utf-8", "replace")
    return (
        " ".join(hidden(str(message)[:_LOOKED_AT], key, short=True).split())[:200] or "empty body"
    )


def _read_answer(
    family: Family, zone: ZoneInfo, payload: dict[str, Any], sent: float, _key: str
) -> Answer:
    rows = payload.get("data")
    if rows is None:
        rows = []
    if not isinstance(rows, list):
        raise BrazeError("invalid_response", "data is not a list")
    points = read_points(rows, family.field, family.unit, zone, sent)
    if rows and not points:
        raise BrazeError("invalid_response", f"none of {len(rows)} points could be read")
    ahead = points[-1].start - sent if points else 0.0
    return Answer(sent, points, max(ahead, 0.0))


def _read_page(
    before: Container[str], payload: dict[str, Any], _sent: float, key: str
) -> tuple[Segment | None, ...]:
    """The segments of a page, None for an item that is none; `before` are the ids that came before.

    Raises BrazeError where there are items and not one is a segment, or a full page has no new one.
    """
    items = payload.get("segments")
    if not isinstance(items, list):
        raise BrazeError("invalid_response", "segments is not a list")
    segments = tuple(_read_segment(item, key) for item in items)
    if items and not any(segments):
        raise BrazeError("invalid_response", f"none of {len(items)} segments could be read")
    if len(items) >= PAGE and all(each is None or each.id in before for each in segments):
        raise BrazeError("invalid_response", "a page of the list repeats the one before")
    return segments


def _read_segment(item: object, key: str) -> Segment | None:
    identity = item.get("id") if isinstance(item, dict) else None
    # One that cannot be printed, such as half a character, cannot be asked for either.
    if (
        not isinstance(item, dict)
        or not isinstance(identity, str)
        or not identity
        or not identity.isprintable()
        or identity != hidden(identity, key)
    ):
        return None
    name, tracked = item.get("name"), item.get("analytics_tracking_enabled")
    tags = item["tags"] if isinstance(item.get("tags"), list) else ()
    return Segment(
        id=identity,
        name=hidden(name[:_LOOKED_AT], key) if isinstance(name, str) and name else identity,
        tracked=tracked if isinstance(tracked, bool) else None,
        tags=tuple(hidden(tag[:_LOOKED_AT], key) for tag in tags if isinstance(tag, str)),
    )
