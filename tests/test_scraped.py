"""What a Prometheus is asked about the exporter it scrapes."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from exporter.scraped import PrometheusError, Storage, prometheus, storage, target_labels
from tests.fakes import NOW

BUILD = {
    "__name__": "braze_exporter_build_info",
    "version": "1.0.0",
    "revision": "abc",
    "pythonversion": "3.13.1",
}


class Asked:
    """A Prometheus that knows these series, and what it was asked."""

    def __init__(self, *targets: Mapping[str, str]) -> None:
        self.paths: list[str] = []
        self._series = [{**BUILD, **target} for target in targets]

    def __call__(self, path: str) -> object:
        self.paths.append(path)
        return self._series


def test_the_labels_are_those_that_prometheus_added() -> None:
    """All but the metric's own: on Kubernetes also namespace, pod and service."""
    target = {"job": "braze", "instance": "10.0.0.7:10068", "namespace": "monitoring"}

    assert target_labels(Asked(target), {}, NOW) == target


def test_only_series_of_the_last_hour_count() -> None:
    """A target that is gone does not make the answer ambiguous."""
    ask = Asked({"job": "braze"})
    target_labels(ask, {"job": 'b"r'}, NOW)

    query = parse_qs(urlsplit(ask.paths[0]).query)
    assert query == {
        "match[]": ['braze_exporter_build_info{job="b\\"r"}'],
        "start": [str(NOW - 3600)],
    }


def test_two_versions_of_one_target_are_one_target() -> None:
    """An update within the hour leaves two series of the build."""

    def ask(_: str) -> object:
        return [BUILD | {"job": "braze"}, BUILD | {"job": "braze", "version": "1.1.0"}]

    assert target_labels(ask, {}, NOW) == {"job": "braze"}


def test_of_several_exporters_one_must_be_named() -> None:
    """The message lists them, and what to do."""
    with pytest.raises(PrometheusError) as raised:
        target_labels(Asked({"job": "b", "instance": "1"}, {"job": "b", "instance": "2"}), {}, NOW)

    assert str(raised.value) == (
        "that Prometheus scrapes more than one; say which by --job, --instance or --label:\n"
        '  {instance="1", job="b"}\n'
        '  {instance="2", job="b"}'
    )


@pytest.mark.parametrize("answer", [[], None, {}, "no"])
def test_no_exporter_is_said_so(answer: object) -> None:
    """Nothing scraped, or an answer that is none."""
    with pytest.raises(PrometheusError, match="has not scraped such an exporter"):
        target_labels(lambda _: answer, {}, NOW)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (
            {"storage.tsdb.path": "/prometheus", "storage.tsdb.retention.time": "30d"},
            Storage("/prometheus", "30d"),
        ),
        (
            {"storage.tsdb.path": "data/", "storage.tsdb.retention.time": "0s"},
            Storage("data/", ""),
        ),
        ({}, Storage()),
        (None, Storage()),
    ],
)
def test_storage_is_read_from_the_flags(flags: object, expected: Storage) -> None:
    """0s stands for a retention that was not set."""
    assert storage(lambda _: flags) == expected


def test_what_does_not_tell_its_flags_is_no_obstacle() -> None:
    """VictoriaMetrics and Mimir answer queries like Prometheus, but have other flags."""

    def ask(_: str) -> object:
        raise PrometheusError("status 404")

    assert storage(ask) == Storage()


# Over HTTP


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that gives one answer; its URL, and the paths it was asked."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_it_is_asked_under_the_path_of_its_url() -> None:
    """Prometheus often stands behind a prefix."""
    with answering(200, json.dumps({"status": "success", "data": ["x"]}).encode()) as (url, paths):
        assert prometheus(f"{url}/some/prefix/")("/api/v1/series?a=b") == ["x"]

    assert paths == ["/some/prefix/api/v1/series?a=b"]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (200, b"<html>", "what answers at URL is no Prometheus"),
        (200, b"[1]", "what answers at URL is no Prometheus"),
        (200, b'{"status":"success"}', "what answers at URL is no Prometheus"),
        (401, b"", "URL answered with status 401"),
        (503, b"", "URL answered with status 503"),
        (302, b"", "URL answered with status 302"),
    ],
)
def test_another_answer_is_a_clear_error(status: int, body: bytes, message: str) -> None:
    """Redirects are not followed."""
    with answering(status, body) as (url, _), pytest.raises(PrometheusError) as raised:
        prometheus(url)("/api/v1/status/flags")

    assert str(raised.value).replace(url, "URL") == message


def test_nobody_there_is_a_clear_error() -> None:
    """With the URL, and what the machine says."""
    with answering(200, b"") as (url, _):
        pass
    with pytest.raises(PrometheusError, match=f"no answer from {url}: .*refused"):
        prometheus(url)("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "prometheus:9090",
        "ftp://host",
        "http://",
        "/api",
        "http://[::1",
        "http://a b:1/",
        "http://host:x",
        "http://host:99999",
        "http://host/?a=b",
        "http://ü/",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match=r"--prometheus: .* is no URL such as"):
        prometheus(url)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    """It would stand in the process list and in messages."""
    with pytest.raises(ValueError, match="--prometheus: takes no password") as raised:
        prometheus("http://me:hush@127.0.0.1:9090")

    assert "hush" not in str(raised.value)
