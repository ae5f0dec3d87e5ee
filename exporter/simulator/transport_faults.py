"""Faults in the headers, the bytes of the body, and the connection, whatever the answer."""

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

from exporter.simulator.allowance import LIMIT, REMAINING, RESET
from exporter.simulator.exchange import Exchange, Fault
from exporter.simulator.matching import any_request
from exporter.simulator.wire import Behaviour, Response

_RATE_HEADERS = (LIMIT, REMAINING, RESET)
_LARGE = 32 * 2**20  # bytes of white space
_BOMB_PIECE = 2**20  # bytes that compress to about a thousand
_BOMB_PIECES = 1024

_Effect = Callable[[Exchange, Response], Response]


def _rate_headers(change: Callable[[str, str], tuple[str, str] | None]) -> _Effect:
    """The effect of changing the rate headers the response has; None drops one."""

    def changed(_: Exchange, response: Response) -> Response:
        pairs = (
            change(name, value) if name in _RATE_HEADERS else (name, value)
            for name, value in response.headers
        )
        return replace(response, headers=tuple(pair for pair in pairs if pair is not None))

    return changed


def _remaining(share: float) -> _Effect:
    """The effect of having this share of the allowance left."""

    def changed(exchange: Exchange, response: Response) -> Response:
        if response.header(REMAINING) is None:
            return response
        left = str(int(exchange.allowance.limit * share))
        return replace(response, headers=response.with_headers((REMAINING, left)))

    return changed


def _headers(*headers: tuple[str, str]) -> _Effect:
    return lambda _, response: replace(response, headers=response.with_headers(*headers))


def _clock_ahead(exchange: Exchange, response: Response) -> Response:
    date = format_datetime(exchange.now + timedelta(hours=1), usegmt=True)
    return replace(response, headers=response.with_headers(("Date", date)))


def _body(change: Callable[[bytes], bytes]) -> _Effect:
    return lambda _, response: replace(response, body=change(response.body))


def _padded(_: Exchange, response: Response) -> Response:
    # Said to be not compressed, or else it would become small.
    headers = response.with_headers(("Content-Encoding", "identity"))
    return replace(response, headers=headers, body=response.body + b" " * _LARGE)


def _bomb(_: Exchange, response: Response) -> Response:
    # A gzip stream may have many members, so a gigabyte is written at the price of a megabyte.
    member = gzip.compress(b" " * _BOMB_PIECE, mtime=0)
    headers = response.with_headers(("Content-Encoding", "gzip"))
    body = gzip.compress(response.body, mtime=0) + member * _BOMB_PIECES
    return replace(response, headers=headers, body=body)


def _endless(_: Exchange, response: Response) -> Response:
    # Said to be not compressed, or else what follows would not count as body.
    headers = response.with_headers(("Content-Encoding", "identity"))
    behaviour = response.behaviour | Behaviour.ENDLESS
    return replace(response, headers=headers, behaviour=behaviour)


def _endless_gzip(_: Exchange, response: Response) -> Response:
    headers = response.with_headers(("Content-Encoding", "gzip"))
    behaviour = response.behaviour | Behaviour.ENDLESS
    body = gzip.compress(response.body, mtime=0)
    return replace(response, headers=headers, body=body, behaviour=behaviour)


def _huge_number(body: bytes) -> bytes:
    return re.sub(rb"\}\s*$", b',"serial":' + b"9" * 5000 + b"}", body)


def _invalid_utf8(body: bytes) -> bytes:
    return re.sub(rb"\}\s*$", b',"remark":"caf\xe9"}', body)


def _behaving(behaviour: Behaviour) -> _Effect:
    return lambda _, response: replace(response, behaviour=response.behaviour | behaviour)


def _fault(name: str, description: str, effect: _Effect) -> Fault:
    return Fault(name, description, any_request, response=effect)


TRANSPORT_FAULTS: tuple[Fault, ...] = (
    _fault(
        "ratelimit-empty-headers",
        "The rate headers are there and empty.",
        _rate_headers(lambda name, _: (name, "")),
    ),
    _fault(
        "ratelimit-garbage-headers",
        "The rate headers are no numbers.",
        _rate_headers(lambda name, _: (name, "many")),
    ),
    _fault("remaining-0", "Of the rate limit nothing is left.", _remaining(0.0)),
    _fault("remaining-low", "Of the rate limit 5% is left.", _remaining(0.05)),
    _fault(
        "ratelimit-lower-case",
        "The names of the rate headers are in lower case.",
        _rate_headers(lambda name, value: (name.lower(), value)),
    ),
    _fault("no-ratelimit-headers", "There are no rate headers.", _rate_headers(lambda *_: None)),
    _fault(
        "set-cookie",
        "The answer sets a cookie.",
        _headers(("Set-Cookie", "session=1234; Path=/")),
    ),
    _fault("clock-ahead", "The Date header is an hour ahead.", _clock_ahead),
    _fault(
        "not-json-type",
        "The body is said to be plain text.",
        _headers(("Content-Type", "text/plain")),
    ),
    _fault("empty-body", "There is no body.", _body(lambda _: b"")),
    _fault(
        "truncated-json",
        "The body ends in its middle, with a Content-Length to match.",
        _body(lambda body: body[: len(body) // 2]),
    ),
    _fault("huge-number", "A field nobody knows is a number of 5,000 digits.", _body(_huge_number)),
    _fault("invalid-utf8", "A field nobody knows is not UTF-8.", _body(_invalid_utf8)),
    _fault(
        "byte-order-mark",
        "The body begins with a byte order mark.",
        _body(lambda body: b"\xef\xbb\xbf" + body),
    ),
    _fault("large-body", "The body has 32 MiB, nearly all of it white space.", _padded),
    _fault("gzip-bomb", "The body has 1 MiB and unpacks to 1 GiB of white space.", _bomb),
    _fault(
        "bad-gzip",
        "The body is said to be gzip and is not.",
        _headers(("Content-Encoding", "gzip")),
    ),
    _fault("slow", "The answer begins after 2 seconds.", _behaving(Behaviour.SLOW)),
    _fault("hang", "The answer never begins.", _behaving(Behaviour.HANG)),
    _fault(
        "drip-head",
        "The head comes byte by byte, 20 a second.",
        _behaving(Behaviour.DRIP_HEAD),
    ),
    _fault("drip", "The body comes byte by byte, 20 a second.", _behaving(Behaviour.DRIP_BODY)),
    _fault("endless-body", "The body is followed by white space without end.", _endless),
    _fault(
        "endless-gzip",
        "The body is gzip, which ends, followed by bytes that do not.",
        _endless_gzip,
    ),
    _fault(
        "truncated-connection",
        "The connection ends before the Content-Length is reached.",
        _behaving(Behaviour.CUT),
    ),
    _fault(
        "connection-reset",
        "The connection is reset instead of an answer.",
        _behaving(Behaviour.RESET),
    ),
)
