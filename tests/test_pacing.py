"""When to try again, how long to wait, how much of the limit to leave."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.catalog import REASONS
from exporter.model import RateLimit
from exporter.pacing import (
    ATTEMPTS,
    PATIENCE,
    asked_wait,
    backoff,
    burst,
    read_rate_limit,
    reserve_wait,
)
from tests.fakes import HOUR, NOW

chances = st.floats(0, 1, exclude_max=True)


@given(st.sampled_from(REASONS), st.lists(chances, min_size=10, max_size=10))
def test_a_series_costs_at_most_3_requests_and_2_seconds(
    reason: str, chances_: list[float]
) -> None:
    """Isolation: whatever the failure and the dice, a poll sends a series at most three requests
    and backs off at most two seconds in all.
    """
    waits: list[float] = []
    while (wait := backoff(len(waits) + 1, reason, None, chances_[len(waits)])) is not None:
        waits.append(wait)

    assert len(waits) + 1 <= 3 == ATTEMPTS
    assert sum(waits) <= 2
    assert all(wait > 0 for wait in waits)


@pytest.mark.parametrize(
    ("reason", "again"),
    [
        ("connection", True),
        ("rate_limited", True),
        ("server_error", True),
        ("timeout", False),  # has cost its whole time already
        ("unauthorized", False),
        ("forbidden", False),
        ("not_found", False),
        ("bad_request", False),
        ("unexpected_status", False),
        ("redirect", False),
        ("tls", False),
        ("invalid_response", False),
        ("too_large", False),
    ],
)
def test_what_is_tried_again(reason: str, again: bool) -> None:
    """Isolation: only what may pass by itself is tried again; a timeout is not."""
    assert (backoff(1, reason, None, 0.5) is not None) == again


def test_every_reason_is_decided_upon() -> None:
    """Isolation: a reason of the catalogue is either tried again or not; none is unknown."""
    again = {reason for reason in REASONS if backoff(1, reason, None, 0.5) is not None}
    assert again == {"connection", "rate_limited", "server_error"}


@pytest.mark.parametrize(("attempt", "longest"), [(1, 0.5), (2, 1.0)])
def test_the_wait_doubles_and_is_random_down_to_half(attempt: int, longest: float) -> None:
    """Isolation: threads that failed together part."""
    assert backoff(attempt, "connection", None, 0.0) == longest
    assert backoff(attempt, "connection", None, 0.5) == longest * 0.75


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(0.0, 0.0), (3.0, 3.0), (10.0, 10.0), (10.001, None), (600.0, None), (3600.0, None)],
)
@pytest.mark.parametrize("reason", ["rate_limited", "server_error"])
def test_a_wait_that_braze_asks_for_is_kept_up_to_10_seconds(
    reason: str, asked: float, expected: float | None
) -> None:
    """Isolation: a `Retry-After` or reset of up to 10 s is waited for, longer means failed."""
    assert PATIENCE == 10
    assert backoff(1, reason, asked, 0.5) == expected
    assert backoff(2, reason, asked, 0.5) == expected


def test_a_wait_that_braze_asks_for_buys_no_fourth_request() -> None:
    """Isolation: three requests are all, whatever Braze asks."""
    assert backoff(3, "rate_limited", 1.0, 0.5) is None


# NOW is 2024-03-13 10:20 UTC
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 7 "}, 7),
        ({"retry-after": "0"}, None),
        ({"retry-after": "7200"}, HOUR),
        ({"retry-after": "9" * 400}, HOUR),
        ({"retry-after": "Wed, 13 Mar 2024 10:20:07 GMT"}, 7),
        ({"retry-after": "Wed, 13 Mar 2024 10:20:07 -0000"}, 7),
        ({"retry-after": "Wed, 13 Mar 2024 10:20:07"}, 7),
        ({"retry-after": "Wed, 13 Mar 2024 11:20:07 +0100"}, 7),
        ({"retry-after": "Fri, 13 Mar 2026 10:20:07 GMT"}, HOUR),
        ({"x-ratelimit-reset": str(NOW + 40)}, 40),
        ({"x-ratelimit-reset": str(NOW + 9 * HOUR)}, HOUR),
        # Retry-After comes first
        ({"retry-after": "7", "x-ratelimit-reset": str(NOW + 40)}, 7),
        ({"retry-after": "60", "x-ratelimit-reset": str(NOW + 40)}, 60),
        ({"retry-after": "1"}, 1),
        ({"retry-after": "1", "x-ratelimit-reset": str(NOW + 40)}, 1),
        ({"retry-after": "0", "x-ratelimit-reset": str(NOW + 40)}, 40),
        # What cannot be read, or lies in the past, asks nothing
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "\N{ARABIC-INDIC DIGIT SEVEN}"}, None),
        ({"retry-after": "Wed, 13 Mar 2024 10:19:00 GMT"}, None),
        ({"retry-after": "Wed, 13 Mar 99999999 10:19:00 GMT"}, None),
        ({"x-ratelimit-reset": ""}, None),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": str(NOW * 1000)}, None),  # milliseconds
        ({"x-ratelimit-reset": str(NOW)}, None),
        ({"x-ratelimit-reset": str(NOW - 1)}, None),
        # … and leaves the word to the other
        ({"retry-after": "soon", "x-ratelimit-reset": str(NOW + 40)}, 40),
        ({"retry-after": "Wed, 13 Mar 2024 10:19:00 GMT", "x-ratelimit-reset": str(NOW + 9)}, 9),
    ],
)
def test_how_long_an_answer_asks_to_wait(headers: dict[str, str], expected: float | None) -> None:
    """Isolation: `Retry-After` in seconds or as a date (which is GMT), else the time to
    `X-RateLimit-Reset`; never more than Braze's window of an hour.
    """
    assert asked_wait(headers, NOW) == expected


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_a_date_is_gmt_wherever_the_exporter_runs(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Isolation: a `Retry-After` date that names no zone is not taken for the machine's own."""
    with monkeypatch.context() as machine:
        machine.setenv("TZ", zone)
        time.tzset()
        wait = asked_wait({"retry-after": "Wed, 13 Mar 2024 10:20:07"}, NOW)
    time.tzset()
    assert wait == 7


@given(st.text() | st.from_regex(r"\A[A-Za-z]{3}, .{0,30}(GMT|[+-][0-9]{4})\Z"), st.text())
def test_no_header_breaks_the_wait(retry_after: str, reset: str) -> None:
    """Isolation: headers are someone else's text; an unreadable one is no exception."""
    wait = asked_wait({"retry-after": retry_after, "x-ratelimit-reset": reset}, NOW)
    assert wait is None or 0 <= wait <= HOUR


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {
                "x-ratelimit-limit": "250000",
                "x-ratelimit-remaining": "249938",
                "x-ratelimit-reset": "1592427600",
            },
            RateLimit(250_000, 249_938, 1_592_427_600),
        ),
        # A 401 of Braze
        (
            {"x-ratelimit-limit": "", "x-ratelimit-remaining": "", "x-ratelimit-reset": ""},
            RateLimit(),
        ),
        ({}, RateLimit()),
        ({"x-ratelimit-remaining": "0"}, RateLimit(remaining=0)),
        ({"x-ratelimit-limit": " 250000 "}, RateLimit(limit=250_000)),
        ({"x-ratelimit-limit": "250,000", "x-ratelimit-remaining": "-1"}, RateLimit()),
        ({"x-ratelimit-limit": "9" * 5000, "x-ratelimit-reset": "²"}, RateLimit()),
        # Fifteen digits are exact in any float, ten are an epoch second
        (
            {"x-ratelimit-limit": "9" * 15, "x-ratelimit-remaining": "9" * 15},
            RateLimit(10**15 - 1, 10**15 - 1),
        ),
        ({"x-ratelimit-limit": "9" * 16, "x-ratelimit-remaining": "9" * 16}, RateLimit()),
        ({"x-ratelimit-reset": "9" * 10}, RateLimit(reset=10**10 - 1)),
        ({"x-ratelimit-reset": "1" + "0" * 10}, RateLimit()),
        # No calendar has these seconds: the year 10000, and beyond
        ({"x-ratelimit-reset": "253402300800"}, RateLimit()),
        ({"x-ratelimit-reset": "99999999999999"}, RateLimit()),
    ],
)
def test_an_empty_or_unreadable_rate_header_is_unknown_not_zero(
    headers: dict[str, str], expected: RateLimit
) -> None:
    """Honest start: Braze's 401 brings the headers empty; a 0 would mean a spent limit."""
    assert read_rate_limit(headers) == expected


@pytest.mark.parametrize(
    ("limit", "reserve", "expected"),
    [
        (RateLimit(250_000, 249_000, NOW + 600), 0.1, 0),
        (RateLimit(250_000, 25_000, NOW + 600), 0.1, 0),
        (RateLimit(250_000, 24_999, NOW + 600), 0.1, 600),
        (RateLimit(250_000, 0, NOW + 600), 0.1, 600),
        # Without a reserve, only a limit that is spent
        (RateLimit(250_000, 1, NOW + 600), 0.0, 0),
        (RateLimit(250_000, 0, NOW + 600), 0.0, 600),
        # A window that is over, or longer than Braze's
        (RateLimit(250_000, 0, NOW - 1), 0.1, 0),
        (RateLimit(250_000, 0, NOW + 9 * HOUR), 0.1, HOUR),
        # Unknown
        (RateLimit(None, 0, NOW + 600), 0.1, 0),
        (RateLimit(250_000, None, NOW + 600), 0.1, 0),
        (RateLimit(250_000, 0, None), 0.1, 0),
    ],
)
def test_a_share_of_brazes_limit_is_left_untouched(
    limit: RateLimit, reserve: float, expected: float
) -> None:
    """Isolation: below the reserve we leave Braze alone until its window ends: the limit is shared
    with the customer's production traffic.
    """
    assert reserve_wait(limit, reserve, NOW) == expected


@pytest.mark.parametrize(
    ("requests_per_hour", "expected"),
    [(1, 50), (1000, 50), (1001, 50.05), (10_000, 500), (250_000, 12_500)],
)
def test_the_burst_is_a_twentieth_of_an_hours_requests_but_at_least_50(
    requests_per_hour: int, expected: float
) -> None:
    """A first poll of a usual workspace leaves at once, not over an hour."""
    assert burst(requests_per_hour) == pytest.approx(expected)
