"""Faults that replace the whole answer: refusals, rate limits, server errors and redirects."""

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus

from exporter.simulator import refusals
from exporter.simulator.allowance import LIMIT, REMAINING, RESET
from exporter.simulator.exchange import Exchange, Fault
from exporter.simulator.matching import (
    any_request,
    naming_app,
    naming_segment,
    naming_untracked,
    series,
)
from exporter.simulator.wire import Response, json_response

_SOON = timedelta(seconds=2)
_NESTING = 100_000  # far deeper than Python's json can follow

_Answer = Callable[[Exchange], Response]
_Headers = Callable[[Exchange], tuple[tuple[str, str], ...]]


def _html(status: int, *headers: tuple[str, str]) -> Response:
    """A page as the proxies in front of Braze send it."""
    title = f"{status} {HTTPStatus(status).phrase}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Response(status, (("Content-Type", "text/html"), *headers), page.encode())


def _refused(status: int, message: str) -> _Answer:
    return lambda exchange: refusals.refusal(exchange, status, message)


def _reset(exchange: Exchange, reset: str) -> tuple[tuple[str, str], ...]:
    return ((LIMIT, str(exchange.allowance.limit)), (REMAINING, "0"), (RESET, reset))


def _reset_on_the_hour(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    return _reset(exchange, str(int(exchange.allowance.reset.timestamp())))


def _reset_in(wait: timedelta) -> _Headers:
    return lambda exchange: _reset(exchange, str(int((exchange.now + wait).timestamp())))


def _retry_after(value: str) -> _Headers:
    return lambda _: (("Retry-After", value),)


def _retry_after_date(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    return (("Retry-After", format_datetime(exchange.now + _SOON, usegmt=True)),)


def _both(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    return (*_reset_on_the_hour(exchange), ("Retry-After", "2"))


def _rate_limited(name: str, how: str, headers: _Headers) -> Fault:
    def answer(exchange: Exchange) -> Response:
        return json_response(429, {"message": "Rate Limited"}, *headers(exchange))

    return Fault(f"rate-limited{name}", f"A 429 {how}.", any_request, answer=answer)


def _rate_limited_html(exchange: Exchange) -> Response:
    return _html(429, *_reset_on_the_hour(exchange))


def _rate_limited_empty(exchange: Exchange) -> Response:
    return Response(429, _reset_on_the_hour(exchange), b"")


def _server_errors(status: int) -> tuple[Fault, ...]:
    phrase = HTTPStatus(status).phrase
    return (
        Fault(
            f"server-error-{status}",
            f"A {status} with JSON.",
            any_request,
            answer=lambda _: json_response(status, {"message": phrase}),
        ),
        Fault(
            f"server-error-{status}-html",
            f"A {status} with a page of HTML.",
            any_request,
            answer=lambda _: _html(status),
        ),
        Fault(
            f"server-error-{status}-empty",
            f"A {status} without a body.",
            any_request,
            answer=lambda _: Response(status, (), b""),
        ),
    )


def _redirect(status: int) -> _Answer:
    def answer(exchange: Exchange) -> Response:
        host, _, port = exchange.request.headers.get("host", "").partition(":")
        # Another name of the same machine, so that a client that follows is seen doing it.
        other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(host, "elsewhere.invalid")
        target = f"http://{other}:{port or 80}{exchange.request.path}"
        return Response(status, (("Location", target),), b"")

    return answer


def _deep_json(_: Exchange) -> Response:
    body = b'{"message":"success","data":' + b"[" * _NESTING + b"]" * _NESTING + b"}"
    return Response(200, (("Content-Type", "application/json"),), body)


def _key_echo(exchange: Exchange) -> Response:
    return refusals.unknown_key(exchange.request.key)


def _key_echo_500(exchange: Exchange) -> Response:
    key = exchange.request.key
    body = f"<html><body>upstream refused: Authorization: Bearer {key}</body></html>"
    return Response(500, (("Content-Type", "text/html"), ("X-Debug", key)), body.encode())


ANSWER_FAULTS: tuple[Fault, ...] = (
    Fault(
        "unauthorized",
        "A 401 that does not repeat the key.",
        any_request,
        answer=lambda _: refusals.unauthorized("Invalid API key"),
    ),
    Fault("key-echo", "A 401 that repeats the key, as Braze does.", any_request, answer=_key_echo),
    Fault(
        "key-echo-500",
        "A 500 that repeats the key in its body and in a header.",
        any_request,
        answer=_key_echo_500,
    ),
    Fault(
        "forbidden",
        "A 403 as for an inactive account.",
        any_request,
        answer=_refused(403, "Forbidden"),
    ),
    Fault(
        "access-denied",
        "A 403 as for a key without the permission.",
        any_request,
        answer=_refused(403, "Access Denied"),
    ),
    Fault("not-found", "A 404.", any_request, answer=_refused(404, "Not Found")),
    Fault("bad-request", "A 400.", any_request, answer=_refused(400, "Bad Request")),
    Fault(
        "unknown-segment",
        "A segment_id is answered as if unknown, with 400.",
        naming_segment,
        answer=_refused(400, refusals.UNKNOWN_SEGMENT),
    ),
    Fault(
        "unknown-app-400",
        "An app_id is answered as if unknown, with 400.",
        naming_app,
        answer=_refused(400, refusals.UNKNOWN_APP),
    ),
    Fault(
        "untracked-400",
        "A segment without analytics tracking is answered with 400.",
        naming_untracked,
        answer=_refused(400, "segment_id must be of a segment with analytics tracking"),
    ),
    _rate_limited("", "with Remaining 0 and the reset on the next clock hour", _reset_on_the_hour),
    _rate_limited("-reset-soon", "with the reset in 2 seconds", _reset_in(_SOON)),
    _rate_limited("-reset-past", "with a reset one minute ago", _reset_in(-timedelta(minutes=1))),
    _rate_limited("-reset-garbage", "whose reset is no number", lambda e: _reset(e, "soon")),
    _rate_limited("-retry-after", "with Retry-After: 2 and no reset", _retry_after("2")),
    _rate_limited("-retry-after-long", "with Retry-After: 3600", _retry_after("3600")),
    _rate_limited(
        "-retry-after-date", "with a Retry-After in 2 seconds as date", _retry_after_date
    ),
    _rate_limited("-retry-after-garbage", "whose Retry-After is no time", _retry_after("later")),
    _rate_limited("-both", "with Retry-After: 2 and the reset on the next clock hour", _both),
    _rate_limited("-bare", "with neither Retry-After nor rate headers", lambda _: ()),
    Fault("rate-limited-html", "A 429 with HTML.", any_request, answer=_rate_limited_html),
    Fault("rate-limited-empty", "A 429 without body.", any_request, answer=_rate_limited_empty),
    *(fault for status in (500, 502, 503, 504) for fault in _server_errors(status)),
    Fault(
        "unexpected-status",
        "A 418.",
        any_request,
        answer=lambda _: json_response(418, {"message": "I'm a teapot"}),
    ),
    Fault("redirect", "A 302 to another host.", any_request, answer=_redirect(302)),
    Fault("redirect-301", "A 301 to another host.", any_request, answer=_redirect(301)),
    Fault("html-on-200", "A 200 with a page of HTML.", any_request, answer=lambda _: _html(200)),
    Fault("deep-json", "A 200 whose data is nested 100,000 deep.", series, answer=_deep_json),
)
