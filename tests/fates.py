"""What each fault of the simulator does to a value: the table that tests of faults go by."""

from enum import Enum, auto


class Fate(Enum):
    """What becomes of the value of the series that meets the fault."""

    READ = auto()  # it is read all the same: the truth of today
    DAY_BEFORE = auto()  # today's point is left out: the truth of yesterday, with its date
    HELD = auto()  # it could not be read: what was read yesterday stands
    GONE = auto()  # Braze said that there is nothing


READ = {
    "unsorted": "the greatest time counts, not the last place",
    "descending": "",
    "duplicate-day": "the last in the list wins",
    "fewer-points": "",
    "gap": "",
    "far-future-bucket": "a point 20 days ahead is unreadable, the others are not",
    "errors-beside-success": "minor errors are no failure",
    "not-json-type": "",
    "byte-order-mark": "",
    "huge-number": "a field that nobody knows is ignored",
    "ratelimit-empty-headers": "",
    "ratelimit-garbage-headers": "",
    "ratelimit-lower-case": "",
    "no-ratelimit-headers": "",
    "set-cookie": "",
    "clock-ahead": "",
}
DAY_BEFORE = {
    "null-value": "null is unknown, not 0",
    "missing-value-field": "",
    "missing-time-field": "",
    "null-point": "",
    "non-object-point": "",
    "numeric-string": "a string is no number",
    "boolean-value": "",
    "negative-value": "",
    "nan-value": "",
    "infinite-value": "",
    "newest-missing": "",
    "newest-zero": "a sudden 0 for a day that is not over is not believed yet",
}
GONE = {"data-empty": "an empty answer is an answer", "data-missing": "", "data-null": ""}
ONCE, THRICE = 1, 3
HELD = {  # fault: the reason it is counted under, and how many requests are sent
    "all-null-values": ("invalid_response", ONCE),
    "time-garbage": ("invalid_response", ONCE),
    "time-numeric": ("invalid_response", ONCE),
    "time-null": ("invalid_response", ONCE),
    "data-not-a-list": ("invalid_response", ONCE),
    "message-not-success": ("invalid_response", ONCE),
    "message-missing": ("invalid_response", ONCE),
    "not-an-object": ("invalid_response", ONCE),
    "html-on-200": ("invalid_response", ONCE),
    "truncated-json": ("invalid_response", ONCE),
    "deep-json": ("invalid_response", ONCE),
    "empty-body": ("invalid_response", ONCE),
    "invalid-utf8": ("invalid_response", ONCE),
    "bad-gzip": ("invalid_response", ONCE),
    "large-body": ("too_large", ONCE),
    "gzip-bomb": ("too_large", ONCE),
    "endless-body": ("too_large", ONCE),
    "endless-gzip": ("too_large", ONCE),
    "truncated-connection": ("connection", THRICE),
    "connection-reset": ("connection", THRICE),
    "hang": ("timeout", ONCE),
    "slow": ("timeout", ONCE),
    "drip": ("timeout", ONCE),
    "drip-head": ("timeout", ONCE),
    "redirect": ("redirect", ONCE),
    "redirect-301": ("redirect", ONCE),
    "unauthorized": ("unauthorized", ONCE),
    "key-echo": ("unauthorized", ONCE),
    "key-echo-500": ("server_error", THRICE),
    "forbidden": ("forbidden", ONCE),
    "access-denied": ("forbidden", ONCE),
    "not-found": ("not_found", ONCE),
    "bad-request": ("bad_request", ONCE),
    "unknown-segment": ("bad_request", ONCE),
    "unexpected-status": ("unexpected_status", ONCE),
    "rate-limited-bare": ("rate_limited", THRICE),
    "rate-limited-retry-after": ("rate_limited", THRICE),
    "rate-limited-retry-after-date": ("rate_limited", THRICE),
    **{
        f"server-error-{status}{body}": ("server_error", THRICE)
        for status in (500, 502, 503, 504)
        for body in ("", "-html", "-empty")
    },
}
TABLE = [
    *((fault, Fate.READ, None, 1) for fault in READ),
    *((fault, Fate.DAY_BEFORE, None, 1) for fault in DAY_BEFORE),
    *((fault, Fate.GONE, None, 1) for fault in GONE),
    *((fault, Fate.HELD, reason, requests) for fault, (reason, requests) in HELD.items()),
]
