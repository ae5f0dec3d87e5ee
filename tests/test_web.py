"""Requests and responses of the exporter's site."""

import gzip
import logging
import re
from collections.abc import Callable

import pytest

from exporter.negotiation import Format
from exporter.web import Request, Response, Site, make_site, packed, page

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def fine() -> str | None:
    return None


def rendered(format_: Format, gzipped: bool) -> bytes:
    return f"{format_.name} {'gzip' if gzipped else 'plain'}\n".encode()


def status(request: Request) -> Response:
    return packed(request, page(f"<p>You asked {request.query}</p>", "p { margin: 0 }"))


def site(
    *,
    metrics: Callable[[Format, bool], bytes] = rendered,
    healthy: Callable[[], str | None] = fine,
    ready: Callable[[], str | None] = fine,
    reload: Callable[[], str | None] = fine,
    telemetry_path: str = "/metrics",
) -> Site:
    return make_site(
        metrics=metrics,
        healthy=healthy,
        ready=ready,
        reload=reload,
        pages={"/": status, "/status.json": status},
        telemetry_path=telemetry_path,
    )


def get(path: str, site_: Site | None = None, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return (site_ or site()).respond(Request("GET", path, headers=names))


def header(response: Response, name: str) -> str | None:
    return dict(response.headers).get(name)


def test_a_scrape_gets_the_format_and_encoding_it_asks_for() -> None:
    """The route renders what negotiation chose, and the headers say so."""
    response = get("/metrics", accept="application/openmetrics-text", accept_encoding="gzip")
    assert response.status == 200
    assert response.body == b"OPENMETRICS gzip\n"
    assert header(response, "Content-Type") == OPENMETRICS
    assert header(response, "Content-Encoding") == "gzip"


def test_a_plain_scrape_is_text() -> None:
    """Without headers: text 0.0.4, and no Content-Encoding."""
    response = get("/metrics")
    assert response.body == b"TEXT plain\n"
    assert header(response, "Content-Type") == TEXT
    assert header(response, "Content-Encoding") is None


def test_caches_keep_no_scrape_and_know_what_it_depends_on() -> None:
    response = get("/metrics")
    assert header(response, "Vary") == "Accept, Accept-Encoding"
    assert header(response, "Cache-Control") == "no-store"


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/-/healthy", "/-/ready", "/nowhere", "/-/reload"]
)
def test_every_answer_is_typed_measured_and_not_guessed_about(path: str) -> None:
    response = get(path)
    assert header(response, "Content-Type")
    assert header(response, "Content-Length") == str(len(response.body))
    assert header(response, "X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/-/healthy", "/-/ready", "/nowhere", "/-/reload"]
)
def test_head_is_get_without_the_body(path: str) -> None:
    """Status and headers are the same, the length of the body left out included."""
    of_get = get(path)
    of_head = site().respond(Request("HEAD", path))
    assert (of_head.status, of_head.headers) == (of_get.status, of_get.headers)
    assert of_head.body == b""


def test_the_query_does_not_choose_the_page() -> None:
    assert site().respond(Request("GET", "/metrics", query="x=1")).status == 200


@pytest.mark.parametrize("path", ["/nowhere", "/metrics/", "/METRICS", "//metrics", "*", ""])
def test_unknown_paths_are_not_found(path: str) -> None:
    """The error is a line of plain text, which no Prometheus takes for metrics."""
    response = get(path)
    assert response.status == 404
    assert header(response, "Content-Type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/metrics", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("GET", "/-/reload", "POST"),
        ("HEAD", "/-/reload", "POST"),
        ("get", "/metrics", "GET, HEAD"),
    ],
)
def test_wrong_methods_are_told_the_right_ones(method: str, path: str, allow: str) -> None:
    response = site().respond(Request(method, path))
    assert response.status == 405
    assert header(response, "Allow") == allow


@pytest.mark.parametrize("word", ["healthy", "ready"])
def test_checks_answer_in_a_word(word: str) -> None:
    response = get(f"/-/{word}")
    assert (response.status, response.body) == (200, f"{word}\n".encode())


def test_unhealthy_says_why() -> None:
    response = get("/-/healthy", site(healthy=lambda: "the scheduler has stopped"))
    assert (response.status, response.body) == (503, b"not healthy: the scheduler has stopped\n")


def test_not_ready_says_what_is_waited_for() -> None:
    response = get("/-/ready", site(ready=lambda: "production: segments not polled yet"))
    assert response.status == 503
    assert response.body == b"not ready: production: segments not polled yet\n"


def test_reload_is_done_when_it_answers() -> None:
    calls: list[str] = []
    reloading = site(reload=lambda: calls.append("reload"))
    response = reloading.respond(Request("POST", "/-/reload"))
    assert (response.status, response.body) == (200, b"reloaded\n")
    assert calls == ["reload"]


def test_a_refused_reload_says_why() -> None:
    refusing = site(reload=lambda: "exporter.yaml:3:5: unknown key")
    response = refusing.respond(Request("POST", "/-/reload"))
    assert response.status == 500
    assert response.body == b"not reloaded: exporter.yaml:3:5: unknown key\n"


def test_reload_and_the_pages_block() -> None:
    """The server answers everything else at once, on the thread that serves all clients."""
    blocking = {
        (method, path)
        for method in ("GET", "HEAD", "POST")
        for path in ("/", "/status.json", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/no")
        if site().blocks(Request(method, path))
    }
    assert blocking == {
        ("POST", "/-/reload"),
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/status.json"),
        ("HEAD", "/status.json"),
    }


def test_a_bug_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """The client learns nothing of what went wrong; the log has all of it."""

    def broken(_: Format, __: bool) -> bytes:
        raise RuntimeError("at 10.0.0.7 with key s3cret")

    with caplog.at_level(logging.ERROR):
        response = get("/metrics", site(metrics=broken))
    assert response.status == 500
    assert response.body == b"internal error; see the log\n"
    assert header(response, "Content-Type") == "text/plain; charset=utf-8"
    assert caplog.records[0].exc_info
    assert "GET /metrics" in caplog.text


def test_the_telemetry_path_can_be_chosen() -> None:
    moved = site(telemetry_path="/braze/metrics")
    assert get("/braze/metrics", moved).status == 200
    assert get("/metrics", moved).status == 404


def test_metrics_can_take_the_place_of_the_page() -> None:
    assert get("/", site(telemetry_path="/")).body == b"TEXT plain\n"


@pytest.mark.parametrize(
    "path", ["metrics", "", "/a?b", "/a#b", "/a b", "/ä", "/-/reload", "/status.json"]
)
def test_telemetry_paths_that_cannot_work_are_refused(path: str) -> None:
    """One that no request can name, or that is taken already, is a mistake."""
    with pytest.raises(ValueError, match=re.escape(repr(path))):
        site(telemetry_path=path)


def test_a_page_is_told_the_query() -> None:
    response = site().respond(Request("GET", "/", query="q=a"))
    assert response.body == b"<p>You asked q=a</p>"
    assert header(response, "Content-Type") == "text/html; charset=utf-8"


def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing() -> None:
    """Not even a style that somebody smuggled in: the policy names the hash of ours."""
    policy = header(get("/"), "Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in policy
    assert "unsafe" not in policy
    assert header(get("/"), "Referrer-Policy") == "no-referrer"


def test_a_page_is_compressed_for_who_likes_that() -> None:
    plain, small = get("/"), get("/", accept_encoding="gzip")
    assert gzip.decompress(small.body) == plain.body
    assert header(small, "Content-Encoding") == "gzip"
    assert header(small, "Content-Length") == str(len(small.body))
    assert header(plain, "Content-Encoding") is None
    assert header(plain, "Vary") == header(small, "Vary") == "Accept-Encoding"


def test_half_a_character_breaks_no_page() -> None:
    """Braze's JSON can hold a lone surrogate in a name."""
    assert page("a\ud83d").body == b"a?"
