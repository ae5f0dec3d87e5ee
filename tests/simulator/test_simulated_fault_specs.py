"""How faults are told where, when and how often to happen: specs, and faults together."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from exporter.simulator import APP_IDS, Behaviour, Faults, Response, Simulator, World

NOW = datetime(2026, 9, 15, 12, 20, 30, tzinfo=UTC)
SEGMENTS, SESSIONS, LIST = "/segments/data_series", "/sessions/data_series", "/segments/list"
WORLD = World(1, NOW)
TRACKED, UNTRACKED = WORLD.segments[0].id, WORLD.segments[3].id
IOS = APP_IDS["ios"]
HOURS = f"{SESSIONS}?length=5&unit=hour"
ONE_SEGMENT = f"{SEGMENTS}?length=5&segment_id={TRACKED}"


def braze(*faults: str) -> Simulator:
    return Simulator(WORLD, lambda: NOW, faults=faults)


def ask(simulator: Simulator, target: str) -> Response:
    path, _, query = target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    return simulator.respond("GET", path, pairs, {"Authorization": "Bearer demo"})


def content(response: Response) -> Any:
    return json.loads(response.body)


def sessions(*faults: str) -> list[Any]:
    return [point["sessions"] for point in content(ask(braze(*faults), HOURS))["data"]]


def statuses(simulator: Simulator, *targets: str) -> list[int]:
    return [ask(simulator, target).status for target in targets]


def test_a_fault_can_be_limited_to_an_endpoint() -> None:
    """All others are well."""
    assert statuses(braze(f"not-found@{SEGMENTS}"), ONE_SEGMENT, HOURS, LIST) == [404, 200, 200]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"segment={TRACKED}", [404, 200, 200, 200, 200]),
        (f"app={IOS}", [200, 200, 404, 200, 200]),
        ("unit=hour", [200, 200, 200, 404, 200]),
        ("length=2", [200, 200, 404, 200, 200]),
        ("page=0", [404, 404, 404, 404, 200]),
        ("page=1", [200, 200, 200, 200, 404]),
        ("unit=day:app=:length=3", [404, 404, 200, 200, 200]),
    ],
)
def test_a_fault_can_be_limited_to_what_is_asked_for(condition: str, expected: list[int]) -> None:
    """What is left out of a request has its default, or is empty."""
    targets = (
        f"{SEGMENTS}?length=3&segment_id={TRACKED}",
        f"{SEGMENTS}?length=3&segment_id={UNTRACKED}",
        f"{SESSIONS}?length=2&app_id={IOS}",
        f"{SESSIONS}?length=3&unit=hour",
        f"{LIST}?page=1",
    )
    assert statuses(braze(f"not-found:{condition}"), *targets) == expected


def test_a_fault_can_be_limited_to_the_first_requests_that_match() -> None:
    """Others do not count, and a spec that is used up is in force no more."""
    simulator = braze(f"rate-limited@{SEGMENTS}:segment={TRACKED}*2")
    targets = (HOURS, ONE_SEGMENT, LIST, ONE_SEGMENT, ONE_SEGMENT)
    assert statuses(simulator, *targets) == [200, 429, 200, 429, 200]
    assert simulator.faults.specs == ()
    twice = braze("slow*1", "slow*2")
    ask(twice, LIST)
    assert twice.faults.specs == ("slow*2",)


def test_answers_in_the_place_of_others_follow_one_another() -> None:
    """Of several whole answers the first added counts alone, so they make a script."""
    simulator = braze("rate-limited*2", "server-error-500*1", "null-value*1")
    assert statuses(simulator, HOURS, HOURS, HOURS) == [429, 429, 500]
    assert content(ask(simulator, HOURS))["data"][-1]["sessions"] is None
    assert content(ask(simulator, HOURS))["data"][-1]["sessions"] is not None


def test_faults_combine_whatever_the_order_in_which_they_are_added() -> None:
    """Values first, then the order of points, then the headers."""
    expected = [None, *sessions()[-2::-1]]
    assert sessions("null-value", "descending", "no-ratelimit-headers") == expected
    assert sessions("descending", "no-ratelimit-headers", "null-value") == expected
    both = ask(braze("rate-limited", "ratelimit-lower-case", "slow"), HOURS)
    assert both.status == 429
    assert ("x-ratelimit-remaining", "0") in both.headers
    assert both.behaviour is Behaviour.SLOW


def test_faults_can_be_added_and_cleared_at_any_time() -> None:
    """From the next request on."""
    simulator = braze()
    assert ask(simulator, LIST).status == 200
    simulator.faults.add("not-found")
    assert simulator.faults.specs == ("not-found",)
    assert ask(simulator, LIST).status == 404
    simulator.faults.clear()
    assert ask(simulator, LIST).status == 200


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hag", "no fault 'hag' (in 'hag'); close: hang"),
        ("server-error", "close: server-error-500, server-error-500-html, server-error-500-empty"),
        ("Hang", "close: hang"),
        ("zzz", "; some are hour-offset, hour-z, "),
        (
            "hang@/segment/list",
            f"no path '/segment/list' (in 'hang@/segment/list'); close: {LIST}",
        ),
        ("hang@", "no path ''"),
        (
            "hang:segments=1",
            "no condition 'segments' (in 'hang:segments=1'); close: segment",
        ),
        ("hang:segment", "is not of the form NAME[@PATH][:WHAT=VALUE]...[*TIMES]"),
        ("hang*0", "is not of the form"),
        ("hang*many", "is not of the form"),
        ("hang*1:unit=day", "is not of the form"),
        ("", "fault '' is not of the form"),
    ],
)
def test_a_spec_that_cannot_be_read_is_refused_with_what_is_close(spec: str, message: str) -> None:
    """At once, and nothing is in force because of it."""
    faults = Faults()
    with pytest.raises(ValueError) as refused:  # noqa: PT011 -- the message is compared below
        faults.add(spec)
    assert message in str(refused.value)
    assert faults.specs == ()
