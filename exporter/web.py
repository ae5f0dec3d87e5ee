"""Which response a request gets: pure, apart from what the routes call."""

import html
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from exporter.negotiation import Format, accepts_gzip, negotiate

log = logging.getLogger(__name__)

_PATH = re.compile(r"/[^?#\x00-\x20\x7f-\U0010ffff]*")  # what can stand in a request line


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
    """What is answered; the headers name type and length of the body already."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def without_body(self) -> "Response":
        """The answer to HEAD: the same headers and nothing after (RFC 9110 section 9.3.2)."""
        return replace(self, body=b"")


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
    metrics: Callable[[Format, bool], bytes],
    healthy: Callable[[], str | None],
    ready: Callable[[], str | None],
    reload: Callable[[], str | None],
    version: str,
    docs_url: str,
    telemetry_path: str = "/metrics",
) -> Site:
    """The exporter's site.

    `metrics(format, gzip)` is the body of a scrape, compressed when `gzip`. `healthy` and `ready`
    return None, or what is wrong or still waited for. `reload` returns None when done, or why it
    could not be; it may take seconds, everything else must be quick. A telemetry path of `/` takes
    the landing page's place.

    Raises ValueError for a telemetry path that is none, or that another page needs.
    """
    site = {
        "/": {"GET": Route(_landing(version, docs_url, telemetry_path))},
        "/-/healthy": {"GET": Route(_check(healthy, "healthy"))},
        "/-/ready": {"GET": Route(_check(ready, "ready"))},
        "/-/reload": {"POST": Route(_reload(reload), blocks=True)},
    }
    if not _PATH.fullmatch(telemetry_path):
        raise ValueError(f"telemetry path {telemetry_path!r} is none: write it like /metrics")
    if telemetry_path != "/" and telemetry_path in site:
        raise ValueError(f"telemetry path {telemetry_path!r} is taken by the exporter itself")
    return Site({**site, telemetry_path: {"GET": Route(_scrape(metrics))}})


def reply(
    status: HTTPStatus, content_type: str, body: bytes, *headers: tuple[str, str]
) -> Response:
    """A response that no browser guesses about and no cache keeps."""
    fixed = (
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    )
    return Response(status.value, (*fixed, *headers), body)


def plain(status: HTTPStatus, text: str, *headers: tuple[str, str]) -> Response:
    """One line for people and shell scripts."""
    return reply(status, "text/plain; charset=utf-8", f"{text}\n".encode(), *headers)


def page(markup: str) -> Response:
    """An HTML page that runs no script and loads nothing from elsewhere; its styles stand in it."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    )
    body = markup.encode()
    headers = (("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer"))
    return reply(HTTPStatus.OK, "text/html; charset=utf-8", body, *headers)


def _allowed(methods: Mapping[str, Route]) -> tuple[str, ...]:
    return tuple(sorted({*methods, *({"HEAD"} if "GET" in methods else ())}))


def _scrape(metrics: Callable[[Format, bool], bytes]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        negotiated = negotiate(request.headers.get("accept"))
        gzip = accepts_gzip(request.headers.get("accept-encoding"))
        encoding = (("Content-Encoding", "gzip"),) if gzip else ()
        body = metrics(negotiated.format, gzip)
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


def _landing(version: str, docs_url: str, telemetry_path: str) -> Callable[[Request], Response]:
    links = (
        (telemetry_path, "Metrics", "what Prometheus scrapes"),
        ("/-/healthy", "Health", "the exporter is running"),
        ("/-/ready", "Readiness", "everything was polled once"),
        (docs_url, "Documentation", "settings, metrics, alerts"),
    )
    items = "\n".join(
        f'<li><a href="{html.escape(url)}">{name}</a> <span>{what}</span></li>'
        for url, name, what in links
    )
    response = page(_LANDING.replace("VERSION", html.escape(version)).replace("LINKS", items))
    return lambda _: response


_LANDING = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Braze exporter</title>
<style>
:root { color-scheme: light dark;
  --text: #1f2328; --quiet: #59636e; --ground: #fff; --link: #0a58ca }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8eb; --quiet: #9aa4af; --ground: #15181c; --link: #7ab4ff }
}
body { max-width: 36rem; margin: 12vh auto; padding: 0 1.5rem; font: 16px/1.6 system-ui, sans-serif;
  color: var(--text); background: var(--ground) }
h1 { margin: 0; font-size: 1.5rem; font-weight: 600 }
p, span { color: var(--quiet) }
p { margin: 0 0 1.5rem }
ul { margin: 0; padding: 0; list-style: none }
li { padding: .4rem 0; border-top: 1px solid color-mix(in srgb, var(--quiet) 30%, transparent) }
a { display: inline-block; min-width: 9rem; color: var(--link) }
</style>
</head>
<body>
<h1>Braze exporter</h1>
<p>Version VERSION. Braze's segment sizes and app sessions for Prometheus.</p>
<ul>
LINKS
</ul>
</body>
</html>
"""
