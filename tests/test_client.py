"""The Braze REST API: what is sent, how answers are read, what is tried again and what is said."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pytest
import responses

from exporter import __version__
from exporter.client import BrazeError, Client
from exporter.families import FAMILY, LIST
from exporter.limiter import Interrupted, Limiter
from exporter.model import RateLimit, Segment, Series
from exporter.transport import HTTP, Reply, Transport, TransportError
from tests.fakes import NOW, TODAY, FakeClock, daily, hourly, size

KEY = "0f6b3c52-9d1e-4c0a-8a35-7be12c4d9e60"
SIZES = "/segments/data_series"
SESSIONS = "/sessions/data_series"
TO_THE_HOUR = 2400  # seconds from NOW to the end of Braze's window

Outcome = Reply | TransportError


def reply(payload: object, status: int = 200, /, **headers: str) -> Reply:
    """An answer of Braze; `retry_after` stands for the header `retry-after`."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def sizes(*values: object) -> Reply:
    """The answer for a segment's size, one value a day up to the last of them."""
    days = [f"2024-03-{13 - back:02}" for back in range(len(values))][::-1]
    rows = [{"time": day, "size": value} for day, value in zip(days, values, strict=True)]
    return reply({"message": "success", "data": rows})


def listing(*segments: object) -> Reply:
    return reply({"message": "success", "segments": list(segments)})


def segment_of(number: int) -> Segment:
    return Segment(f"id-{number}", f"Segment {number}", False, ())


def segment(number: int) -> dict[str, object]:
    return {
        "id": f"id-{number}",
        "name": f"Segment {number}",
        "analytics_tracking_enabled": False,
        "tags": [],
    }


REFUSED = reply({"message": "Rate Limited"}, 429)
BROKEN = reply({"message": "Internal Server Error"}, 500)


@dataclass
class Script:
    """Answers each request with the next outcome, and from the last one on always with that."""

    outcomes: list[Outcome]
    meanwhile: Callable[[], object] = lambda: None
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def get(self, path: str, query: Mapping[str, str], key: str) -> Reply:
        self.asked.append((path, dict(query)))
        self.keys.append(key)
        self.meanwhile()
        outcome = self.outcomes[min(len(self.asked), len(self.outcomes)) - 1]
        if isinstance(outcome, TransportError):
            raise outcome
        return outcome


@dataclass
class Notes:
    """What the client told its observer."""

    requested_: list[tuple[str, str | None]] = field(default_factory=list)
    limits: list[RateLimit] = field(default_factory=list)

    def requested(self, endpoint: str, _seconds: float, reason: str | None) -> None:
        self.requested_.append((endpoint, reason))

    def rate_limit(self, limit: RateLimit) -> None:
        self.limits.append(limit)

    @property
    def reasons(self) -> list[str | None]:
        return [reason for _, reason in self.requested_]


class Bench:
    """A client on a clock that stands still, between a scripted Braze and an observer."""

    def __init__(
        self,
        *outcomes: Outcome,
        http: HTTP | None = None,
        key: Callable[[], str] = lambda: KEY,
    ) -> None:
        self.braze = Script(list(outcomes))
        self.notes = Notes()
        self.clock = FakeClock()
        self.client = Client(
            http or self.braze,
            Limiter(
                250_000,
                0.1,
                now=self.clock.now,
                monotonic=self.clock.monotonic,
                pause=self.clock.pause,
                throttled=lambda _: None,
            ),
            self.notes,
            key=key,
            zone=ZoneInfo("UTC"),
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            pause=self.clock.pause,
            chance=lambda: 0.0,
        )

    @property
    def waits(self) -> list[float]:
        """The waits between requests; a wait of 0 only asks whether to stop."""
        return [seconds for seconds in self.clock.pauses if seconds]

    def values(self) -> list[float]:
        """The values of a segment's size, read anew."""
        return [point.value for point in self.client.data_series(size(), 14).points]

    def failure(self) -> BrazeError:
        """How reading a segment's size fails."""
        with pytest.raises(BrazeError) as raised:
            self.client.data_series(size(), 14)
        return raised.value


# What is sent


@pytest.mark.parametrize(
    ("series", "path", "query"),
    [
        (size("s1"), SIZES, {"segment_id": "s1"}),
        (hourly("a1"), SESSIONS, {"app_id": "a1", "unit": "hour"}),
        (daily("a1"), SESSIONS, {"app_id": "a1", "unit": "day"}),
        (
            Series(FAMILY["braze_segment_sessions_hourly"], ("production", "s1", "a1")),
            SESSIONS,
            {"segment_id": "s1", "app_id": "a1", "unit": "hour"},
        ),
        (
            Series(FAMILY["braze_segment_sessions_daily"], ("production", "s1", "")),
            SESSIONS,
            {"segment_id": "s1", "unit": "day"},
        ),
        (
            Series(FAMILY["braze_workspace_sessions_daily"], ("production",)),
            SESSIONS,
            {"unit": "day"},
        ),
    ],
)
def test_a_series_is_asked_for_by_its_own_parameters(
    series: Series, path: str, query: dict[str, str]
) -> None:
    """`unit` is sent for sessions only, an empty id not at all, nor `ending_at` for the newest
    points: without it Braze takes its own now, whatever our clock and zone.
    """
    bench = Bench(reply({"message": "success", "data": []}))

    bench.client.data_series(series, 48)

    assert bench.braze.asked == [(path, query | {"length": "48"})]


def test_what_lies_further_back_is_asked_for_by_where_it_ends() -> None:
    """In UTC, in a form that needs no escaping."""
    bench = Bench(reply({"message": "success", "data": []}))

    bench.client.data_series(hourly("a1"), 100, ending_at=TODAY + 3600)

    [(_, query)] = bench.braze.asked
    assert query["ending_at"] == "2024-03-13T01:00:00Z"
    assert query["length"] == "100"


def test_the_key_stands_in_one_header_and_nowhere_else() -> None:
    """The key is a bearer token, never part of a URL; the client names itself and its version."""
    http = Transport(
        "https://rest.example.com", connections=1, timeout=5, monotonic=FakeClock().monotonic
    )
    with responses.RequestsMock() as braze:
        braze.get(f"https://rest.example.com{SIZES}", json={"message": "success", "data": []})
        Bench(http=http).client.data_series(size("s 1&é"), 7)
        sent = braze.calls[0].request
    http.close()

    assert sent.url == f"https://rest.example.com{SIZES}?segment_id=s+1%26%C3%A9&length=7"
    assert {name: value for name, value in sent.headers.items() if KEY in value} == {
        "Authorization": f"Bearer {KEY}"
    }
    assert sent.headers["User-Agent"] == f"braze-exporter/{__version__}"
    assert sent.headers["Accept"] == "application/json"
    assert sent.body is None


def test_the_key_is_asked_for_anew_for_each_request() -> None:
    """A key that was replaced on disk is in use at the next try already."""
    keys = iter(("old-key-1", "new-key-2"))
    bench = Bench(BROKEN, sizes(1), key=lambda: next(keys))

    assert bench.values() == [1]
    assert bench.braze.keys == ["old-key-1", "new-key-2"]


# Points


def test_points_come_with_the_moment_the_request_was_sent() -> None:
    """Completeness is judged by when we asked, so an answer carries that moment."""
    bench = Bench(sizes(10, 20))

    answer = bench.client.data_series(size(), 14)

    assert answer.sent == NOW
    assert [(point.start, point.value) for point in answer.points] == [
        (TODAY - 86400, 10),
        (TODAY, 20),
    ]
    assert answer.ahead == 0
    assert bench.notes.requested_ == [(SIZES, None)]


def test_a_retry_counts_as_the_moment_it_was_sent_itself() -> None:
    """Not the first try but the one that was answered is what the points are judged by."""
    bench = Bench(BROKEN, sizes(10))

    assert bench.client.data_series(size(), 14).sent == NOW + bench.waits[0]


def test_a_bucket_from_the_future_says_how_far_ahead_it_is() -> None:
    """It is the sign of a wrong time zone."""
    rows = [{"time": "2024-03-13T17:00:00", "sessions": 5}]
    bench = Bench(reply({"message": "success", "data": rows}))

    assert bench.client.data_series(hourly(), 48).ahead == 6 * 3600 + 2400


@pytest.mark.parametrize(
    "payload",
    [
        {"message": "success", "data": []},
        {"message": "success", "data": None},
        {"message": "success"},
    ],
)
def test_no_data_is_an_answer_without_points(payload: object) -> None:
    """Empty, null and missing `data` say that there is nothing; that is no failure."""
    bench = Bench(reply(payload))

    assert bench.values() == []
    assert bench.notes.reasons == [None]


def test_minor_errors_beside_success_change_nothing() -> None:
    """Braze lists minor errors beside a good answer."""
    rows = [{"time": "2024-03-13", "size": 7}]
    bench = Bench(reply({"message": "success", "errors": ["a part is late"], "data": rows}))

    assert bench.values() == [7]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html><body>Welcome</body></html>", id="html"),
        pytest.param(b'{"message":"success","data":[{"ti', id="cut off"),
        pytest.param(b"[" * 100_000, id="nested deeper than Python's stack"),
        pytest.param(b'[{"message":"success","data":[]}]', id="not an object"),
        pytest.param(b'{"message":"queued","data":[]}', id="message is not success"),
        pytest.param(b'{"data":[]}', id="no message"),
        pytest.param(b'{"message":"success","data":{}}', id="data is no list"),
        pytest.param(b'{"message":"success","data":[{"time":"2024-03-13"}]}', id="no readable row"),
        pytest.param(b"\xff\xfe\xfa", id="no text at all"),
    ],
)
def test_what_is_no_series_is_an_invalid_response(body: bytes) -> None:
    """A 200 that cannot be understood is a failure of the series, counted, and not tried again."""
    bench = Bench(reply(body))

    assert bench.failure().reason == "invalid_response"
    assert bench.notes.reasons == ["invalid_response"]


# The list of segments


def test_pages_are_read_from_0_until_one_is_short() -> None:
    """Page 0 is the first; one that starts at 1 loses a hundred segments without a word."""
    everything = [segment(number) for number in range(250)]
    bench = Bench(*(listing(*everything[start : start + 100]) for start in (0, 100, 200)))

    found = bench.client.segments()

    assert bench.braze.asked == [(LIST, {"page": page}) for page in ("0", "1", "2")]
    assert [each.id for each in found] == [f"id-{number}" for number in range(250)]


def test_a_full_last_page_is_followed_by_an_empty_one() -> None:
    """Exactly 100 segments take a second request, which finds nothing."""
    bench = Bench(listing(*map(segment, range(100))), listing())

    assert len(bench.client.segments()) == 100
    assert len(bench.braze.asked) == 2


def test_a_server_that_ignores_the_page_is_not_believed() -> None:
    """The same full page again is neither an endless list nor the whole one."""
    bench = Bench(listing(*map(segment, range(100))))

    with pytest.raises(BrazeError, match="repeats the one before") as raised:
        bench.client.segments()
    assert raised.value.reason == "invalid_response"
    assert bench.notes.requested_ == [(LIST, None), (LIST, "invalid_response")]


def test_a_segment_that_moves_between_two_pages_is_found_once() -> None:
    """The list may change while it is read. One that comes twice shows that another was missed, so
    the list is read once more from its other end: nobody comes twice, and nobody is lost.
    """
    first, second = [segment(n) for n in range(100)], [segment(n) for n in range(99, 150)]
    backwards = [segment(n) for n in range(151)][::-1]
    bench = Bench(
        listing(*first), listing(*second), listing(*backwards[:100]), listing(*backwards[100:])
    )

    ids = [each.id for each in bench.client.segments()]

    assert sorted(ids) == sorted(f"id-{number}" for number in range(151))
    assert bench.braze.asked[2:] == [
        (LIST, {"page": page, "sort_direction": "desc"}) for page in ("0", "1")
    ]


def test_a_known_segment_that_is_missing_is_looked_for_once_more() -> None:
    """On a list of several pages it may have slipped through; only then it is gone."""
    pages = (listing(*map(segment, range(100))), listing(segment(100)))
    bench = Bench(*pages, *pages)

    assert len(bench.client.segments((Segment("id-7", "7"), Segment("id-lost", "lost")))) == 101
    assert len(bench.braze.asked) == 4


def test_one_page_is_read_once() -> None:
    """There is no other page to slip to."""
    bench = Bench(listing(segment(1)))

    assert len(bench.client.segments((Segment("id-1", "1"), Segment("id-lost", "lost")))) == 1
    assert len(bench.braze.asked) == 1


def test_a_segment_is_read_with_all_that_braze_says_of_it() -> None:
    """Name, tags and tracking are taken over where they are what they should be."""
    bench = Bench(
        listing(
            {"id": "a", "name": "VIP", "analytics_tracking_enabled": True, "tags": ["x", 5]},
            {"id": "b", "name": None, "analytics_tracking_enabled": "yes", "tags": None},
            {"id": "c", "name": "", "archived": False},
        )
    )

    assert bench.client.segments() == (
        Segment("a", "VIP", True, ("x",)),
        Segment("b", "b", None, ()),
        Segment("c", "c", None, ()),
    )


@pytest.mark.parametrize(
    "item", [None, "id-7", {}, {"id": ""}, {"id": 7}, {"id": None}, {"id": "half\ud800"}]
)
def test_an_item_that_cannot_be_read_is_left_out(item: object) -> None:
    """It hides no other segment, and no known one counts as gone: this could have been it."""
    known = (Segment("id-1", "old name"), Segment("id-9", "nine"))

    assert Bench(listing(segment(1), item)).client.segments() == (segment_of(1),)
    assert set(Bench(listing(segment(1), item)).client.segments(known)) == {segment_of(1), known[1]}


def test_a_list_of_which_nothing_can_be_read_is_a_failure() -> None:
    """It is no list of no segments."""
    with pytest.raises(BrazeError, match="none of 2 segments could be read") as raised:
        Bench(listing(None, {})).client.segments()
    assert raised.value.reason == "invalid_response"


def test_a_page_that_fails_spoils_the_list() -> None:
    """What the other pages held is not half of an answer but none."""
    bench = Bench(listing(*map(segment, range(100))), reply({"message": "Access Denied"}, 403))

    with pytest.raises(BrazeError, match="status 403: Access Denied") as raised:
        bench.client.segments()
    assert raised.value.answered


@pytest.mark.parametrize("outcome", [BROKEN, TransportError("timeout", "")])
def test_a_list_of_which_a_later_page_fails_was_answered(outcome: Outcome) -> None:
    """Braze is not down that answered the pages before: `braze_up`."""
    bench = Bench(listing(*map(segment, range(100))), outcome)

    with pytest.raises(BrazeError) as raised:
        bench.client.segments()
    assert raised.value.answered


def test_a_list_whose_second_reading_fails_was_answered() -> None:
    """Its first one was."""
    first = listing(*map(segment, range(100))), listing(segment(0))
    bench = Bench(*first, TransportError("timeout", ""))

    with pytest.raises(BrazeError) as raised:
        bench.client.segments()
    assert raised.value.answered


# What fails, and what is tried again

ONCE, THRICE = 1, 3
STATUSES = {
    301: ("redirect", ONCE),
    302: ("redirect", ONCE),
    400: ("bad_request", ONCE),
    401: ("unauthorized", ONCE),
    403: ("forbidden", ONCE),
    404: ("not_found", ONCE),
    418: ("unexpected_status", ONCE),
    204: ("unexpected_status", ONCE),
    429: ("rate_limited", THRICE),
    500: ("server_error", THRICE),
    502: ("server_error", THRICE),
    503: ("server_error", THRICE),
    504: ("server_error", THRICE),
}
BROKEN_OFF = {
    "timeout": ONCE,
    "connection": THRICE,
    "tls": ONCE,
    "too_large": ONCE,
    "invalid_response": ONCE,
}


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_its_reason(status: int) -> None:
    """Only 429 and 5xx are worth another try, three in all, each of them counted."""
    reason, requests = STATUSES[status]
    bench = Bench(reply({"message": "No"}, status))

    assert bench.failure().reason == reason
    assert bench.notes.requested_ == [(SIZES, reason)] * requests


@pytest.mark.parametrize("reason", BROKEN_OFF)
def test_each_broken_off_request_has_its_reason(reason: str) -> None:
    """A lost connection is worth another try; a timeout has cost its whole time already."""
    bench = Bench(TransportError(reason, "went wrong"))

    assert str(bench.failure()) == f"{reason}: went wrong"
    assert bench.notes.requested_ == [(SIZES, reason)] * BROKEN_OFF[reason]


@pytest.mark.parametrize(
    ("outcome", "answered"),
    [
        (reply({"message": "No"}, 400), True),
        (reply({"message": "No"}, 403), True),
        (reply({"message": "No"}, 404), True),
        (reply({"message": "No"}, 429), True),
        (reply(b"<html>"), True),
        (TransportError("too_large", ""), True),
        (reply({"message": "No"}, 401), False),
        (BROKEN, False),
        (TransportError("timeout", ""), False),
        (TransportError("connection", ""), False),
        (TransportError("tls", ""), False),
    ],
)
def test_what_counts_as_an_answer(outcome: Outcome, answered: bool) -> None:
    """Whatever Braze says but 401 and 5xx shows that it is there and knows us: `braze_up`."""
    failure = Bench(outcome).failure()

    assert (failure.sent, failure.answered) == (True, answered)


def test_one_answer_among_the_tries_is_an_answer() -> None:
    """A 429 followed by 500s: Braze did answer."""
    failure = Bench(REFUSED, BROKEN).failure()

    assert (failure.reason, failure.answered) == ("server_error", True)


@pytest.mark.parametrize("failures", [1, 2])
@pytest.mark.parametrize("failure", [BROKEN, REFUSED, TransportError("connection", "reset")])
def test_a_failure_that_passes_is_none(failure: Outcome, failures: int) -> None:
    """The second or third try answers; what went before is counted and forgotten."""
    bench = Bench(*[failure] * failures, sizes(42))

    assert bench.values() == [42]
    assert len(bench.notes.reasons) == failures + 1
    assert bench.notes.reasons[-1] is None


def test_the_waits_between_the_tries_are_short() -> None:
    """In all at most 2 s of a poll's time go into one series' own waits."""
    bench = Bench(BROKEN)
    bench.failure()

    assert len(bench.waits) == 2
    assert all(seconds > 0 for seconds in bench.waits)
    assert sum(bench.waits) <= 2


# Waits that Braze asks for


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "7"},
        {"x_ratelimit_reset": str(NOW + 7)},
        {"retry_after": "Wed, 13 Mar 2024 10:20:07 GMT"},
        {"retry_after": "7", "x_ratelimit_reset": str(NOW + TO_THE_HOUR)},
    ],
)
def test_a_wait_of_up_to_10_s_is_waited_for(headers: dict[str, str]) -> None:
    """In whichever header Braze says so, and exactly that long; `Retry-After` goes first."""
    bench = Bench(reply({"message": "Rate Limited"}, 429, **headers), sizes(42))

    assert bench.values() == [42]
    assert bench.waits == [7]


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "11"},
        {"retry_after": "3600"},
        {"x_ratelimit_reset": str(NOW + TO_THE_HOUR)},
        {"retry_after": "Wed, 13 Mar 2024 11:00:00 GMT"},
    ],
)
def test_a_longer_wait_is_a_failure_and_pauses_the_limiter(headers: dict[str, str]) -> None:
    """No poll sleeps for minutes: it fails at once, and until the time is over none of the
    workspace's requests leaves.
    """
    refusal = reply({"message": "Rate Limited"}, 429, **headers)
    bench = Bench(refusal, sizes(42))

    assert bench.failure().reason == "rate_limited"
    assert bench.waits == []

    paused = bench.failure()
    assert str(paused) == "rate_limited: paused, as Braze asked"
    assert (paused.sent, paused.answered) == (False, False)
    assert len(bench.braze.asked) == 1
    assert bench.notes.reasons == ["rate_limited"]

    bench.clock.advance(3600)
    assert bench.values() == [42]


def test_refused_three_times_the_limiter_waits_as_well() -> None:
    """After the last try there is nobody left to wait, but the next series must not go at once."""
    bench = Bench(reply({"message": "Rate Limited"}, 429, retry_after="3"))
    bench.failure()
    assert bench.waits == [3, 3]

    bench.failure()

    assert bench.waits == [3, 3, 3, 3, 3]


def test_refused_without_a_time_our_own_waits_count() -> None:
    """A 429 that says nothing, or nothing readable, is tried again like a 500."""
    for headers in (
        {},
        {"retry_after": "later"},
        {"x_ratelimit_reset": ""},
        {"x_ratelimit_reset": str(NOW - 60)},
    ):
        bench = Bench(reply({"message": "Rate Limited"}, 429, **headers))
        bench.failure()

        assert len(bench.braze.asked) == THRICE
        assert sum(bench.waits) <= 2


def test_a_server_that_is_down_is_asked_again_although_its_window_ends_later() -> None:
    """Every answer names the end of the window; only in a 429 does it mean to wait for it."""
    down = reply({"message": "Down"}, 503, x_ratelimit_reset=str(NOW + TO_THE_HOUR))
    bench = Bench(down, sizes(42))

    assert bench.values() == [42]
    assert sum(bench.waits) <= 2


def test_a_server_that_is_down_for_long_is_left_alone() -> None:
    """A 503 with `Retry-After` is obeyed: 5 s are waited for, an hour is not."""
    assert Bench(reply(b"", 503, retry_after="5"), sizes(1)).values() == [1]

    bench = Bench(reply(b"", 503, retry_after="3600"), sizes(1))
    assert bench.failure().reason == "server_error"
    assert len(bench.braze.asked) == 1


def test_the_reserve_is_left_to_others() -> None:
    """With less than a tenth of the limit left this answer counts, and then nothing is sent."""
    low = {
        "x_ratelimit_limit": "250000",
        "x_ratelimit_remaining": "24999",
        "x_ratelimit_reset": str(NOW + TO_THE_HOUR),
    }
    data = {"message": "success", "data": [{"time": "2024-03-13", "size": 7}]}
    bench = Bench(reply(data, **low), sizes(8))

    assert bench.values() == [7]
    assert not bench.failure().sent
    bench.clock.advance(TO_THE_HOUR)
    assert bench.values() == [8]


def test_a_pause_between_two_tries_keeps_the_first_one_s_failure() -> None:
    """Who was refused by Braze says so, and not that nothing was sent."""
    refusal = reply(
        {"message": "Rate Limited"},
        429,
        retry_after="2",
        x_ratelimit_limit="250000",
        x_ratelimit_remaining="0",
        x_ratelimit_reset=str(NOW + TO_THE_HOUR),
    )
    failure = Bench(refusal).failure()

    assert (failure.sent, failure.answered) == (True, True)
    assert str(failure) == "rate_limited: status 429: Rate Limited"


def test_the_rate_headers_are_passed_on() -> None:
    """Whatever the status: what Braze says of the limit becomes a metric."""
    said = {"x_ratelimit_limit": "250000", "x_ratelimit_remaining": "249938"}
    bench = Bench(reply({"message": "No"}, 400, **said))
    bench.failure()

    assert bench.notes.limits == [RateLimit(250_000, 249_938, None)]


def test_the_empty_rate_headers_of_a_401_say_nothing() -> None:
    """Braze sends the three headers empty with a 401: that is unknown, neither 0 nor a pause."""
    empty = {"x_ratelimit_limit": "", "x_ratelimit_remaining": "", "x_ratelimit_reset": ""}
    bench = Bench(reply({"message": "Invalid API key"}, 401, **empty), sizes(42))
    bench.failure()

    assert bench.notes.limits == [RateLimit(None, None, None)]
    assert bench.values() == [42]


# What is said


@pytest.mark.parametrize(
    "outcome",
    [
        reply({"message": f"Invalid API key: {KEY}"}, 401),
        reply({"message": "No", "key": KEY}, 401),
        reply(f"<p>upstream refused: Authorization: Bearer {KEY}</p>".encode(), 502),
        reply({"message": f"{KEY} is unknown"}),
        reply(f"not JSON: {KEY}".encode()),
        reply(b" " * 290 + KEY.encode(), 500),
        reply(b"x" * 190 + KEY.encode(), 500),
        reply({"message": {"text": [KEY]}}, 400),
        TransportError("connection", f"bad header: Bearer {KEY}"),
    ],
)
def test_an_echoed_key_is_never_repeated(outcome: Outcome) -> None:
    """Braze repeats the key in its 401: wherever it comes, not even a part of it gets out."""
    failure = Bench(outcome).failure()

    assert KEY[:8] not in str(failure)
    assert KEY[:8] not in repr(failure)
    assert failure.__cause__ is None


@pytest.mark.parametrize(
    "echo",
    [
        rb'{"message": "Invalid API key: abc\\def\"ghi/jkl&mno',  # JSON that breaks off
        rb'{"message": "Invalid API key: abc\\def\"ghi\/jkl&mno',
        rb"<p>Invalid API key: abc\def&quot;ghi/jkl&amp;mno</p>",
        rb'<p>Invalid API key: abc\def"ghi/jkl&amp;mno</p>',
    ],
)
def test_a_key_that_is_echoed_in_another_spelling_is_not_repeated(echo: bytes) -> None:
    """JSON and HTML escape some characters that a key may hold."""
    failure = str(Bench(reply(echo, 401), key=lambda: r"abc\def" + '"ghi/jkl&mno').failure())

    assert "Invalid API key: (key not shown)" in failure
    assert "ghi" not in failure


def test_a_segment_that_is_called_like_the_key_does_not_show_it() -> None:
    """Names stand on every page, and so would an id: without it, it is no segment."""
    named = segment(1) | {"name": f"made with {KEY}", "tags": [KEY.upper(), "vip"]}
    called = segment(2) | {"id": f"id-{KEY}"}
    found = Bench(listing(named, called)).client.segments()

    shown = "(not shown: the key is in it, in other letters)"
    assert found == (Segment("id-1", "made with (key not shown)", False, (shown, "vip")),)


def test_the_message_says_what_came_on_one_line() -> None:
    """Braze's own message where there is one, else the beginning of the body, without breaks."""
    said = {
        "bad_request: status 400: segment_id must be a string": reply(
            {"message": "segment_id must\nbe a string", "errors": []}, 400
        ),
        "server_error: status 502: <html> <h1>Bad Gateway</h1>": reply(
            b"<html>\r\n<h1>Bad Gateway</h1>\r\n", 502
        ),
        "server_error: status 503: empty body": reply(b"", 503),
        "redirect: status 302; redirects are not followed": reply(b"", 302),
        "invalid_response: not a success: queued": reply({"message": "queued"}),
        "invalid_response: none of 1 points could be read": sizes(None),
    }
    for message, outcome in said.items():
        assert str(Bench(outcome).failure()) == message


def test_a_long_message_is_cut() -> None:
    """A page of HTML does not become a page of log."""
    assert len(str(Bench(reply(b"word " * 100_000, 500)).failure())) < 250


# Being stopped


def test_a_stopped_client_sends_nothing_more() -> None:
    """Once the exporter stops, the queue of a poll comes to nothing."""
    bench = Bench(sizes(1))
    bench.clock.interrupt()

    with pytest.raises(Interrupted):
        bench.values()
    assert bench.braze.asked == []


def test_a_stop_ends_a_wait_between_two_tries() -> None:
    """And there is no further try."""
    bench = Bench(BROKEN)
    bench.braze.meanwhile = bench.clock.interrupt

    with pytest.raises(Interrupted):
        bench.values()
    assert len(bench.braze.asked) == 1


def test_a_request_that_the_stop_cut_off_is_no_failure_of_braze() -> None:
    """The transport reports a lost connection; nobody counts it."""
    bench = Bench(TransportError("connection", "cut off"))
    bench.braze.meanwhile = bench.clock.interrupt

    with pytest.raises(Interrupted):
        bench.values()
    assert bench.notes.reasons == []
