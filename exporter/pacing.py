"""When to try again, how long to wait, how much of the limit to leave: pure arithmetic."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from exporter.model import RateLimit

ATTEMPTS = 3
"""Requests sent for one series in one poll, at the most."""

PATIENCE = 10.0
"""The longest wait that Braze may ask for within a poll; for a longer one the limiter pauses
instead.
"""

_BACKOFF = 2.0  # more than all of our own waits for one series
_WINDOW = 3600.0  # Braze counts by the clock hour: no wait it asks for can be longer
_WORTH_ANOTHER_TRY = frozenset({"connection", "rate_limited", "server_error"})


def backoff(attempt: int, reason: str, asked: float | None, chance: float) -> float | None:
    """Seconds to wait before the next try, or None where there is to be none.

    `attempt` counts the tries so far, `asked` is the wait that Braze asked for (None for none),
    `chance` a random number in [0, 1). A timeout is not tried again: it has cost its whole time
    already.
    """
    if attempt >= ATTEMPTS or reason not in _WORTH_ANOTHER_TRY:
        return None
    if asked is not None:
        return asked if asked <= PATIENCE else None
    # At most 0.5 s after the first try and 1 s after the second; at random down to half, so that
    # threads part.
    return _BACKOFF * 0.5 ** (ATTEMPTS - attempt) * (1 - chance / 2)


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """How long an answer asks us to wait: `Retry-After`, else the time to `X-RateLimit-Reset`, else
    None.

    `headers` have lower-case names; `now` is in epoch seconds. What cannot be read, or lies in the
    past, asks nothing.
    """
    text = headers.get("retry-after", "").strip()
    wait = float(text) if text.isascii() and text.isdigit() else _date(text) - now
    if wait <= 0:
        reset = read_rate_limit(headers).reset
        wait = reset - now if reset is not None else 0.0
    return min(wait, _WINDOW) if wait > 0 else None


def read_rate_limit(headers: Mapping[str, str]) -> RateLimit:
    """Braze's `X-RateLimit-*` headers. On a 401 they are there and empty: that is None, not 0.

    A reset of more than ten digits is no epoch second, and may be none that a calendar has.
    """

    def number(name: str, digits: int) -> int | None:
        text = headers.get(name, "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None

    return RateLimit(
        number("x-ratelimit-limit", 15),
        number("x-ratelimit-remaining", 15),
        number("x-ratelimit-reset", 10),
    )


def reserve_wait(limit: RateLimit, reserve: float, now: float) -> float:
    """How long to leave Braze alone because less than `reserve` (a share) of its limit is left."""
    if limit.limit is None or limit.remaining is None or limit.reset is None:
        return 0.0
    if limit.remaining >= limit.limit * reserve and limit.remaining > 0:
        return 0.0
    return min(max(limit.reset - now, 0.0), _WINDOW)


def burst(requests_per_hour: int) -> float:
    """How many requests may leave at once after a quiet time."""
    return max(50.0, requests_per_hour / 20)


def _date(text: str) -> float:
    try:
        moment = parsedate_to_datetime(text)
        # An HTTP date is in GMT; one that does not say so must not be taken for our local time.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
