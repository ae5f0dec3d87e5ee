"""What can go wrong, by name: each fault does what it says."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest

from exporter.simulator import APP_IDS, FAULTS, Behaviour, Response, Simulator, World

NOW = datetime(2026, 9, 15, 12, 20, 30, tzinfo=UTC)
SEGMENTS, SESSIONS, LIST = "/segments/data_series", "/sessions/data_series", "/segments/list"
WORLD = World(1, NOW)
TRACKED, UNTRACKED = WORLD.segments[0].id, WORLD.segments[3].id
IOS = APP_IDS["ios"]
HOURS = f"{SESSIONS}?length=5&unit=hour"
ONE_SEGMENT = f"{SEGMENTS}?length=5&segment_id={TRACKED}"

# Between them these reach every fault.
TARGETS = (
    LIST,
    f"{LIST}?page=1",
    HOURS,
    ONE_SEGMENT,
    f"{SEGMENTS}?length=5&segment_id={UNTRACKED}",
    f"{SESSIONS}?length=5&app_id={IOS}",
    f"{SESSIONS}?length=5&ending_at=2026-09-15T12:20:33Z",
)


def braze(*faults: str, world: World = WORLD, **options: Any) -> Simulator:
    return Simulator(world, lambda: NOW, faults=faults, **options)


def ask(simulator: Simulator, target: str, key: str = "demo") -> Response:
    path, _, query = target.partition("?")
    headers = {"Authorization": f"Bearer {key}", "Host": "127.0.0.1:8080"}
    return simulator.respond("GET", path, parse_qsl(query, keep_blank_values=True), headers)


def content(response: Response) -> Any:
    return json.loads(response.body)


def data(*faults: str, target: str = HOURS, **options: Any) -> Any:
    """The `data` of an answer, without the fields nobody announced."""
    points = content(ask(braze(*faults, **options), target))["data"]
    if not isinstance(points, list):
        return points
    return [
        {k: v for k, v in point.items() if k != "provisional"} if isinstance(point, dict) else point
        for point in points
    ]


def sessions(*faults: str, target: str = HOURS) -> list[int]:
    return [point["sessions"] for point in data(*faults, target=target)]


# Every fault


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_changes_some_answer(name: str) -> None:
    """No fault is but a name, and none happens where there is nothing for it."""
    world = World(1, NOW, segments=150)
    without, with_fault = (
        Simulator(world, lambda: NOW, faults=faults, hour_format="hour-millis")
        for faults in ((), (name,))
    )
    if name == "hour-millis":
        without = Simulator(world, lambda: NOW)
    targets = [target.replace(UNTRACKED, untracked(world)) for target in TARGETS]
    changed = [ask(without, target) != ask(with_fault, target) for target in targets]
    assert any(changed)
    if name.startswith("list-"):
        assert not any(changed[2:])
    if name.startswith(("hour-", "data-", "time-")) or name.endswith(("-value", "-point")):
        assert not any(changed[:2])


def untracked(world: World) -> str:
    return next(segment.id for segment in world.segments if not segment.tracked and segment.share)


def test_every_fault_is_described_in_one_sentence() -> None:
    """The list of faults is read by people."""
    for name, description in FAULTS.items():
        assert description[0].isupper(), name
        assert description.endswith("."), name
        assert description.count(". ") == 0, name


# The points of a series


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("zero-filled", lambda v: [0 for _ in v]),
        ("newest-zero", lambda v: [*v[:-1], 0]),
        ("collapsed", lambda v: [*v[:-1], v[-1] // 10]),
        ("restated", lambda v: [*(each + each * 3 // 100 for each in v[:-1]), v[-1]]),
        ("null-value", lambda v: [*v[:-1], None]),
        ("all-null-values", lambda v: [None for _ in v]),
        ("float-value", lambda v: [*v[:-1], v[-1] + 0.5]),
        ("numeric-string", lambda v: [*v[:-1], str(v[-1])]),
        ("boolean-value", lambda v: [*v[:-1], True]),
        ("negative-value", lambda v: [*v[:-1], -1 - v[-1]]),
        ("infinite-value", lambda v: [*v[:-1], float("inf")]),
        ("descending", lambda v: v[::-1]),
        ("unsorted", lambda v: [*v[2:], *v[:2]]),
        ("fewer-points", lambda v: v[2:]),
        ("newest-missing", lambda v: v[:-1]),
        ("gap", lambda v: [*v[:3], v[4]]),
        ("duplicate-day", lambda v: [*v[:-1], v[-1] // 2 + 1, v[-1]]),
        ("future-bucket", lambda v: [*v, v[-1] // 10 + 1]),
        ("far-future-bucket", lambda v: [*v, v[-1] // 10 + 1]),
        ("data-empty", lambda v: v[:0]),
    ],
)
def test_the_values_of_a_series_can_be_wrong(
    fault: str, expected: Callable[[list[int]], list[Any]]
) -> None:
    """In the newest point, in all, in number or in order."""
    assert sessions(fault) == expected(sessions())


def test_points_can_be_no_points() -> None:
    """Null, a string, without value, without time."""
    whole = data()
    assert data("null-point") == [*whole[:-1], None]
    assert data("non-object-point") == [*whole[:-1], "not an object"]
    assert data("missing-value-field")[-1] == {"time": whole[-1]["time"]}
    assert data("missing-time-field")[-1] == {"sessions": whole[-1]["sessions"]}
    assert str(sessions("nan-value")[-1]) == "nan"


def test_data_can_be_no_list() -> None:
    """Null, an object, or not there."""
    assert data("data-null") is None
    assert data("data-not-a-list") == {"points": []}
    assert "data" not in content(ask(braze("data-missing"), HOURS))


@pytest.mark.parametrize(
    ("fault", "hour"),
    [
        ("hour-z", "2026-09-15T12:00:00Z"),
        ("hour-offset", "2026-09-15T14:00:00+02:00"),
        ("hour-offset-west", "2026-09-15T07:00:00-05:00"),
        ("hour-naive", "2026-09-15T14:00:00"),
        ("hour-millis", "2026-09-15T12:00:00.000Z"),
        ("hour-short-offset", "2026-09-15T07:00:00-5:00"),
        ("hour-compact-offset", "2026-09-15T14:00:00+0200"),
        ("time-plain-date", "2026-09-15"),
        ("time-numeric", 1789473600),
        ("time-garbage", "half past nine"),
        ("time-null", None),
    ],
)
def test_times_can_be_written_oddly(fault: str, hour: object) -> None:
    """In every form any source claims, and in forms none does."""
    world = World(1, NOW, zone=ZoneInfo("Europe/Berlin"))
    assert data(fault, world=world)[-1]["time"] == hour


def test_a_future_day_is_there_only_when_some_zone_has_it_already() -> None:
    """At noon the next day is 12 hours ahead; at nine it is 15, more than any zone."""
    moment = NOW
    simulator = Simulator(WORLD, lambda: moment, faults=["future-bucket"])
    for hour, number in ((12, 3), (9, 2)):
        moment = NOW.replace(hour=hour)
        assert len(content(ask(simulator, f"{SESSIONS}?length=2"))["data"]) == number
    assert data("far-future-bucket", target=ONE_SEGMENT)[-1]["time"] == "2026-10-05"


def test_untracked_segments_can_be_refused_zero_or_empty() -> None:
    """And only those."""
    target = f"{SEGMENTS}?length=5&segment_id={UNTRACKED}"
    assert ask(braze("untracked-400"), target).status == 400
    assert [point["size"] for point in data("untracked-zeros", target=target)] == [0] * 5
    assert data("untracked-empty", target=target) == []
    for fault in ("untracked-400", "untracked-zeros", "untracked-empty"):
        assert data(fault, target=ONE_SEGMENT) == data(target=ONE_SEGMENT)


def test_an_app_can_be_answered_as_if_unknown() -> None:
    """With 400, as it is by default for one that is, or with zeros, then also for one that is."""
    known, unknown = f"{SESSIONS}?length=2&app_id={IOS}", f"{SESSIONS}?length=2&app_id=nobody"
    assert ask(braze("unknown-app-400"), known).status == 400
    assert ask(braze("unknown-app-400"), HOURS).status == 200
    assert sessions("unknown-app-zeros", target=known) == [0, 0]
    assert sessions("unknown-app-zeros", target=unknown) == [0, 0]
    assert ask(braze("unknown-segment"), ONE_SEGMENT).status == 400


def test_an_ending_at_shortly_ahead_can_be_tolerated() -> None:
    """Three seconds are, a minute is not."""
    simulator = braze("future-tolerated")
    assert ask(simulator, f"{SESSIONS}?length=1&ending_at=2026-09-15T12:20:33Z").status == 200
    assert ask(simulator, f"{SESSIONS}?length=1&ending_at=2026-09-15T12:21:30Z").status == 400


# Lists and the object around the data


def test_a_segment_can_move_between_two_pages() -> None:
    """Then one segment comes twice and another not at all."""
    world = World(1, NOW, segments=150)
    simulator = braze("list-moves", world=world)
    ids = [
        item["id"]
        for page in (0, 1)
        for item in content(ask(simulator, f"{LIST}?page={page}"))["segments"]
    ]
    known = [segment.id for segment in world.segments]
    assert len(ids) == 150
    assert ids.count(known[0]) == 2
    assert set(known) - set(ids) == {known[100]}


def test_a_list_can_ignore_the_page() -> None:
    """So who reads on until a page is short never ends."""
    simulator = braze("list-page-ignored", world=World(1, NOW, segments=150))
    pages = [content(ask(simulator, f"{LIST}?page={page}"))["segments"] for page in (0, 1, 7)]
    assert pages[0] == pages[1] == pages[2]
    assert len(pages[0]) == 100


@pytest.mark.parametrize(
    ("fault", "first"),
    [
        ("list-tags-null", {"tags": None}),
        ("list-names-null", {"name": None}),
        ("list-without-names", {"name": ...}),
        ("list-without-ids", {"id": ...}),
        ("list-without-tracking", {"analytics_tracking_enabled": ...}),
    ],
)
def test_segments_can_lack_what_they_should_have(fault: str, first: dict[str, object]) -> None:
    """A field is null or, where the table says `...`, not there; all others are as they were."""
    whole = content(ask(braze(), LIST))["segments"][0]
    expected = {k: v for k, v in {**whole, **first}.items() if v is not ...}
    assert content(ask(braze(fault), LIST))["segments"][0] == expected


def test_a_list_can_be_empty_null_missing_or_hold_null() -> None:
    """Each of which is no list of segments."""
    assert content(ask(braze("list-empty"), LIST))["segments"] == []
    assert content(ask(braze("list-null"), LIST))["segments"] is None
    assert "segments" not in content(ask(braze("list-missing"), LIST))
    assert content(ask(braze("list-null-item"), LIST))["segments"][0] is None


def test_a_200_can_be_no_success() -> None:
    """Another message, none, errors beside success, a list instead of an object."""
    assert content(ask(braze("message-not-success"), HOURS))["message"] != "success"
    assert "message" not in content(ask(braze("message-missing"), HOURS))
    minor = content(ask(braze("errors-beside-success"), HOURS))
    assert (minor["message"], len(minor["errors"]), len(minor["data"])) == ("success", 1, 5)
    assert isinstance(content(ask(braze("not-an-object"), HOURS)), list)


# Whole answers


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("unauthorized", 401, "Invalid API key"),
        ("key-echo", 401, "Invalid API key: demo"),
        ("forbidden", 403, "Forbidden"),
        ("access-denied", 403, "Access Denied"),
        ("not-found", 404, "Not Found"),
        ("bad-request", 400, "Bad Request"),
        ("rate-limited", 429, "Rate Limited"),
        ("server-error-500", 500, "Internal Server Error"),
        ("server-error-502", 502, "Bad Gateway"),
        ("server-error-503", 503, "Service Unavailable"),
        ("server-error-504", 504, "Gateway Timeout"),
    ],
)
def test_an_answer_can_be_a_refusal(fault: str, status: int, text: str) -> None:
    """At every endpoint, in Braze's form."""
    for target in TARGETS:
        response = ask(braze(fault), target)
        assert (response.status, content(response)) == (status, {"message": text})


def test_a_server_error_can_be_html_or_empty() -> None:
    """As the proxies in front of Braze send it, without rate headers."""
    for status in (500, 502, 503, 504):
        page = ask(braze(f"server-error-{status}-html"), LIST)
        assert (page.status, page.header("Content-Type")) == (status, "text/html")
        assert page.header("X-RateLimit-Reset") is None
        empty = ask(braze(f"server-error-{status}-empty"), LIST)
        assert (empty.status, empty.body) == (status, b"")
    assert ask(braze("html-on-200"), LIST).body.startswith(b"<html>")


CLOCK_HOUR = str(int(datetime(2026, 9, 15, 13, tzinfo=UTC).timestamp()))


@pytest.mark.parametrize(
    ("fault", "retry_after", "reset"),
    [
        ("rate-limited", None, CLOCK_HOUR),
        ("rate-limited-reset-soon", None, str(int(NOW.timestamp()) + 2)),
        ("rate-limited-reset-past", None, str(int(NOW.timestamp()) - 60)),
        ("rate-limited-reset-garbage", None, "soon"),
        ("rate-limited-retry-after", "2", None),
        ("rate-limited-retry-after-long", "3600", None),
        ("rate-limited-retry-after-date", "Tue, 15 Sep 2026 12:20:32 GMT", None),
        ("rate-limited-retry-after-garbage", "later", None),
        ("rate-limited-both", "2", CLOCK_HOUR),
        ("rate-limited-bare", None, None),
        ("rate-limited-html", None, CLOCK_HOUR),
        ("rate-limited-empty", None, CLOCK_HOUR),
    ],
)
def test_a_429_can_say_when_to_come_back_in_many_ways(
    fault: str, retry_after: str | None, reset: str | None
) -> None:
    """With Retry-After, the reset, both, neither, or nonsense; nothing is left wherever it says."""
    response = ask(braze(fault), HOURS)
    assert response.status == 429
    assert response.header("Retry-After") == retry_after
    assert response.header("X-RateLimit-Reset") == reset
    assert response.header("X-RateLimit-Remaining") == ("0" if reset else None)


def test_a_redirect_leads_to_another_name_of_the_same_machine() -> None:
    """So that a client that follows it with the key is seen doing so."""
    for fault, status in (("redirect", 302), ("redirect-301", 301)):
        response = ask(braze(fault), LIST)
        assert response.status == status
        assert response.header("Location") == f"http://localhost:8080{LIST}"


def test_the_key_can_be_repeated_where_nobody_expects_it() -> None:
    """In the body and in a header of a 500."""
    response = ask(braze("key-echo-500"), LIST, key="demo-without-segments.list")
    assert response.status == 500
    assert b"demo-without-segments.list" in response.body
    assert response.header("X-Debug") == "demo-without-segments.list"


# Headers and bytes


def test_rate_headers_can_be_odd() -> None:
    """Empty, no numbers, in lower case, missing, or nearly used up."""
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")

    def headers(fault: str) -> list[str | None]:
        return [ask(braze(fault), LIST).header(name) for name in names]

    assert headers("ratelimit-empty-headers") == ["", "", ""]
    assert headers("ratelimit-garbage-headers") == ["many", "many", "many"]
    assert headers("no-ratelimit-headers") == [None, None, None]
    assert headers("remaining-0") == ["250000", "0", CLOCK_HOUR]
    assert headers("remaining-low") == ["250000", "12500", CLOCK_HOUR]
    lower = dict(ask(braze("ratelimit-lower-case"), LIST).headers)
    assert lower["x-ratelimit-remaining"] == "249999"
    assert not set(names) & set(lower)


def test_the_bytes_of_a_body_can_be_no_json() -> None:
    """Cut, empty, not UTF-8, too deep, or with a number too long."""
    for fault in ("truncated-json", "empty-body", "invalid-utf8", "huge-number"):
        with pytest.raises(ValueError):  # noqa: PT011 -- each a different one
            content(ask(braze(fault), HOURS))
    with pytest.raises(RecursionError):
        content(ask(braze("deep-json"), HOURS))
    assert ask(braze("byte-order-mark"), HOURS).body.startswith(b"\xef\xbb\xbf{")
    assert ask(braze("not-json-type"), HOURS).header("Content-Type") == "text/plain"


def test_a_body_can_be_large() -> None:
    """32 MiB as they are, or 1 MiB that unpacks to 1 GiB (which is not tried here)."""
    large = ask(braze("large-body"), HOURS)
    assert len(large.body) > 32 * 2**20
    assert len(content(large)["data"]) == 5
    bomb = ask(braze("gzip-bomb"), HOURS)
    assert bomb.header("Content-Encoding") == "gzip"
    assert len(bomb.body) < 2 * 2**20


@pytest.mark.parametrize(
    ("fault", "behaviour"),
    [
        ("slow", Behaviour.SLOW),
        ("hang", Behaviour.HANG),
        ("drip", Behaviour.DRIP_BODY),
        ("drip-head", Behaviour.DRIP_HEAD),
        ("endless-body", Behaviour.ENDLESS),
        ("endless-gzip", Behaviour.ENDLESS),
        ("truncated-connection", Behaviour.CUT),
        ("connection-reset", Behaviour.RESET),
    ],
)
def test_the_connection_can_misbehave(fault: str, behaviour: Behaviour) -> None:
    """The response says so; the server does it. Two at once are possible."""
    assert ask(braze(fault), LIST).behaviour is behaviour
    assert ask(braze(fault, "slow"), LIST).behaviour == behaviour | Behaviour.SLOW


def test_the_moment_of_a_fault_is_that_of_the_simulator() -> None:
    """A clock an hour ahead of the simulator's own shows in the Date header alone."""
    response = ask(braze("clock-ahead"), LIST)
    assert response.header("Date") == "Tue, 15 Sep 2026 13:20:30 GMT"
    assert response.header("X-RateLimit-Reset") == str(
        int((NOW + timedelta(hours=1)).timestamp()) // 3600 * 3600
    )
