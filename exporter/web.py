"""Which response a request gets: pure, apart from what the routes call."""

import gzip
import logging
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http import HTTPStatus

from exporter.negotiation import Format, accepts_gzip, negotiate

log = logging.getLogger(__name__)

_PATH = re.compile(r"/[^?#\x00-\x20\x7f-\U0010ffff]*")  # what can stand in a request line


Body = bytes | tuple[bytes, ...]
"""A body, whole or in parts."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked.

    The query comes without its `?`, header names in lower case, repeated headers joined by `, `.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered; the headers name type and length of the body already.

    The body comes in parts, which answers may have in common.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    parts: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.parts)

    def without_body(self) -> "Response":
        """The answer to HEAD: the same headers and nothing after (RFC 9110 section 9.3.2)."""
        return replace(self, parts=())


@dataclass(frozen=True, slots=True)
class Route:
    """How one method of one path is answered, and whether that may take seconds."""

    answer: Callable[[Request], Response]
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """All there is to ask for: path -> method -> route. HEAD is answered wherever GET is."""

    routes: Mapping[str, Mapping[str, Route]]

    def respond(self, request: Request) -> Response:
        """The response to any request; never raises.

        What goes wrong inside a route is logged here, and the client learns only that it did.
        """
        methods = self.routes.get(request.path)
        if methods is None:
            response = plain(HTTPStatus.NOT_FOUND, "not found")
        elif (route := self._route(request)) is None:
            allow = ", ".join(_allowed(methods))
            response = plain(
                HTTPStatus.METHOD_NOT_ALLOWED, f"allowed here: {allow}", ("Allow", allow)
            )
        else:
            try:
                response = route.answer(request)
            except Exception:
                log.exception("cannot answer %s %s", request.method, request.path)
                response = plain(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the log")
        return response.without_body() if request.method == "HEAD" else response

    def blocks(self, request: Request) -> bool:
        """Whether answering may take seconds, so that a server must not let others wait for it."""
        route = self._route(request)
        return route is not None and route.blocks

    def _route(self, request: Request) -> Route | None:
        method = "GET" if request.method == "HEAD" else request.method
        return self.routes.get(request.path, {}).get(method)


def make_site(
    *,
    metrics: Callable[[Format, bool], Body],
    healthy: Callable[[], str | None],
    ready: Callable[[], str | None],
    reload: Callable[[], str | None],
    pages: Mapping[str, Callable[[Request], Response]],
    telemetry_path: str = "/metrics",
) -> Site:
    """The exporter's site.

    `metrics(format, gzip)` is the body of a scrape, compressed when `gzip`. `healthy` and `ready`
    return None, or what is wrong or still waited for. `reload` returns None when done, or why it
    could not be. `pages` are what else can be read, by path. Those and `reload` may take their
    time, everything else must be quick. A telemetry path of `/` takes the place of the page there.

    Raises ValueError for a telemetry path that is none, or that another page needs.
    """
    site = {
        **{path: {"GET": Route(answer, blocks=True)} for path, answer in pages.items()},
        "/-/healthy": {"GET": Route(_check(healthy, "healthy"))},
        "/-/ready": {"GET": Route(_check(ready, "ready"))},
        "/-/reload": {"POST": Route(_reload(reload), blocks=True)},
    }
    if not _PATH.fullmatch(telemetry_path):
        raise ValueError(f"telemetry path {telemetry_path!r} is none: write it like /metrics")
    if telemetry_path != "/" and telemetry_path in site:
        raise ValueError(f"telemetry path {telemetry_path!r} is taken by the exporter itself")
    return Site({**site, telemetry_path: {"GET": Route(_scrape(metrics))}})


def reply(status: HTTPStatus, content_type: str, body: Body, *headers: tuple[str, str]) -> Response:
    """A response that no browser guesses about and no cache keeps."""
    parts = (body,) if isinstance(body, bytes) else body
    fixed = (
        ("Content-Type", content_type),
        ("Content-Length", str(sum(map(len, parts)))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    )
    return Response(status.value, (*fixed, *headers), parts)


def plain(status: HTTPStatus, text: str, *headers: tuple[str, str]) -> Response:
    """One line for people and shell scripts."""
    return reply(status, "text/plain; charset=utf-8", f"{text}\n".encode(), *headers)


def page(markup: str, style: str = "", *headers: tuple[str, str]) -> Response:
    """An HTML page that runs no script and loads nothing from elsewhere; of styles only `style`,
    which stands in it, and of pictures only those that do.
    """
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    fixed = (("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer"))
    # A name from Braze may hold half a character (a lone surrogate of JSON), which no page can.
    body = markup.encode("utf-8", "replace")
    return reply(HTTPStatus.OK, "text/html; charset=utf-8", body, *fixed, *headers)


def packed(request: Request, response: Response) -> Response:
    """`response`, compressed if that is what the client likes best."""
    headers = (*response.headers, ("Vary", "Accept-Encoding"))
    if not accepts_gzip(request.headers.get("accept-encoding")):
        return replace(response, headers=headers)
    body = gzip.compress(response.body, compresslevel=6, mtime=0)
    length = ("Content-Length", str(len(body)))
    kept = (header for header in headers if header[0] != length[0])
    return replace(response, headers=(*kept, length, ("Content-Encoding", "gzip")), parts=(body,))


def _allowed(methods: Mapping[str, Route]) -> tuple[str, ...]:
    return tuple(sorted({*methods, *({"HEAD"} if "GET" in methods else ())}))


def _scrape(metrics: Callable[[Format, bool], Body]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        negotiated = negotiate(request.headers.get("accept"))
        gzipped = accepts_gzip(request.headers.get("accept-encoding"))
        encoding = (("Content-Encoding", "gzip"),) if gzipped else ()
        body = metrics(negotiated.format, gzipped)
        vary = ("Vary", "Accept, Accept-Encoding")
        return reply(HTTPStatus.OK, negotiated.content_type, body, vary, *encoding)

    return answer


def _check(wrong: Callable[[], str | None], word: str) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        reason = wrong()
        if reason is None:
            return plain(HTTPStatus.OK, word)
        return plain(HTTPStatus.SERVICE_UNAVAILABLE, f"not {word}: {reason}")

    return answer


def _reload(reload: Callable[[], str | None]) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        reason = reload()
        if reason is None:
            return plain(HTTPStatus.OK, "reloaded")
        return plain(HTTPStatus.INTERNAL_SERVER_ERROR, f"not reloaded: {reason}")

    return answer
