"""The simulated API, asked without a socket: routing, keys, headers and limits."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from exporter.simulator import APP_IDS, Response, Simulator, World

NOW = datetime(2026, 9, 15, 12, 20, 30, tzinfo=UTC)
SEGMENTS, SESSIONS, LIST = "/segments/data_series", "/sessions/data_series", "/segments/list"
WORLD = World(1, NOW)
SEGMENT = WORLD.segments[0].id
IOS = APP_IDS["ios"]
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def braze(world: World = WORLD, now: datetime = NOW, **options: Any) -> Simulator:
    return Simulator(world, lambda: now, **options)


def ask(
    simulator: Simulator, target: str, key: str = "demo", method: str = "GET", **headers: str
) -> Response:
    path, _, query = target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    return simulator.respond(method, path, pairs, {"Authorization": f"Bearer {key}", **headers})


def content(response: Response) -> Any:
    return json.loads(response.body)


def rate_headers(response: Response) -> list[str | None]:
    return [response.header(name) for name in RATE_HEADERS]


# Routing and keys


@pytest.mark.parametrize("sent", ["wrong", '"demo"', "", "demo-with"])
def test_an_unknown_key_is_refused_and_repeated(sent: str) -> None:
    """401, its rate headers there and empty: both as recorded from Braze."""
    response = ask(braze(), LIST, key=sent)
    assert response.status == 401
    assert content(response) == {"message": f"Invalid API key: {sent}"}
    assert rate_headers(response) == ["", "", ""]
    assert response.header("Cache-Control") == "no-cache"


def test_a_key_counts_in_the_bearer_only() -> None:
    """Not in the query, where Braze once took it, nor with another scheme."""
    simulator = braze()
    query = [("api_key", "demo")]
    assert simulator.respond("GET", LIST, query, {}).status == 401
    assert simulator.respond("GET", LIST, [], {"Authorization": "Basic demo"}).status == 401
    assert simulator.respond("GET", LIST, [], {"authorization": "bearer demo"}).status == 200


@pytest.mark.parametrize(
    ("key", "denied"),
    [
        ("demo-without-segments.list", {LIST}),
        ("demo-without-sessions.data_series+segments.list", {LIST, SESSIONS}),
        ("demo-without-kpi.dau.data_series", {"/kpi/dau/data_series"}),
        ("demo-without-kpi.segments.list", set()),  # another permission with a longer name
        ("demo", set()),
    ],
)
def test_permissions_are_per_endpoint(key: str, denied: set[str]) -> None:
    """A key without one of them is refused there, and served elsewhere."""
    for target in (
        f"{SEGMENTS}?length=1&segment_id={SEGMENT}",
        f"{SESSIONS}?length=1",
        LIST,
        "/kpi/dau/data_series?length=1",
        "/kpi/mau/data_series?length=1",
    ):
        response = ask(braze(), target, key=key)
        if target.partition("?")[0] in denied:
            assert (response.status, content(response)) == (403, {"message": "Access Denied"})
        else:
            assert response.status == 200


def test_the_key_of_an_inactive_account_is_forbidden_everything() -> None:
    """403 with another text than a missing permission."""
    response = ask(braze(), LIST, key="demo-forbidden")
    assert (response.status, content(response)) == (403, {"message": "Forbidden"})


def test_a_simulator_may_have_other_keys() -> None:
    """Which bring their own kin, and the built-in one is unknown then."""
    simulator = braze(keys=("one", "two"))
    assert ask(simulator, LIST, key="two").status == 200
    assert ask(simulator, LIST, key="one-without-segments.list").status == 403
    assert ask(simulator, LIST, key="demo").status == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/segments//list"),
        ("GET", "/kpi/unknown"),
        ("POST", LIST),
        ("HEAD", LIST),
    ],
)
def test_what_is_not_there_is_not_found(method: str, path: str) -> None:
    """404, also for a double slash and for another method."""
    response = ask(braze(), path, method=method)
    assert (response.status, content(response)) == (404, {"message": "Not Found"})


# What every answer carries


def test_an_answer_looks_like_one_of_braze() -> None:
    """JSON, an id, a weak ETag and the rate limit, whose window ends on the clock hour."""
    response = ask(braze(), LIST)
    assert str(response.header("content-type")).startswith("application/json")
    assert len(str(response.header("X-Request-Id"))) == 36
    assert 0 < float(str(response.header("X-Runtime"))) < 1
    assert str(response.header("ETag")).startswith('W/"')
    assert response.header("Date") == "Tue, 15 Sep 2026 12:20:30 GMT"
    reset = int(datetime(2026, 9, 15, 13, tzinfo=UTC).timestamp())
    assert rate_headers(response) == ["250000", "249999", str(reset)]


def test_answers_vary_as_those_of_braze_do() -> None:
    """The message first or last, with or without charset and fields nobody announced."""
    simulator = braze()
    answers = [ask(simulator, f"{SESSIONS}?length=1") for _ in range(40)]
    bodies = [content(answer) for answer in answers]
    assert {next(iter(body)) for body in bodies} >= {"message", "data"}
    assert {len(body) for body in bodies} == {2, 3}
    assert {len(body["data"][0]) for body in bodies} == {2, 3}
    assert {body["message"] for body in bodies} == {"success"}
    assert {answer.header("Content-Type") for answer in answers} == {
        "application/json",
        "application/json; charset=utf-8",
    }
    again = braze()
    assert [ask(again, f"{SESSIONS}?length=1") for _ in range(40)] == answers


def test_an_answer_is_compressed_for_who_asks_for_it() -> None:
    """And for nobody else."""
    plain = ask(braze(), LIST, **{"Accept-Encoding": "gzip;q=0, identity"})
    packed = ask(braze(), LIST, **{"Accept-Encoding": "deflate, gzip"})
    assert plain.header("Content-Encoding") is None
    assert packed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body


def test_every_key_spends_from_the_same_limit() -> None:
    """Refusals and mistakes count, an unknown key does not, and the next clock hour starts anew."""
    moment = NOW
    simulator = Simulator(WORLD, lambda: moment, requests_per_hour=4)
    left = [
        ask(simulator, f"{SESSIONS}?length=0").header(RATE_HEADERS[1]),
        ask(simulator, LIST, key="demo-forbidden").header(RATE_HEADERS[1]),
        ask(simulator, LIST, key="wrong").header(RATE_HEADERS[1]),
        ask(simulator, "/nowhere").header(RATE_HEADERS[1]),
        ask(simulator, LIST).header(RATE_HEADERS[1]),
    ]
    assert left == ["3", "2", "", "1", "0"]
    over = ask(simulator, LIST)
    assert (over.status, over.header(RATE_HEADERS[1])) == (429, "0")
    assert over.header("Retry-After") is None
    moment = datetime(2026, 9, 15, 13, tzinfo=UTC)
    assert ask(simulator, LIST).header(RATE_HEADERS[1]) == "3"
