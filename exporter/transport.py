"""One GET to Braze over `requests`: bounded in time and size, to the configured host only."""

import io
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from exporter import __version__
from exporter.connections import OpenConnections
from exporter.steps import give_way

BODY_CAP = 8 * 1024 * 1024
"""Bytes of a body, as sent and unpacked: 100 points take 5 kB, 100 segments with long names and
tags some 100 kB.
"""

_PIECE = 64 * 1024
_REFUSED = re.compile("Tunnel connection failed: [0-9]+")


class TransportError(Exception):
    """No whole answer came. `reason` is one of timeout, connection, tls, too_large and
    invalid_response.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HTTP(Protocol):
    """What sends one GET: `Transport`, or a fake."""

    def get(self, path: str, query: Mapping[str, str], key: str) -> Reply:
        """The answer, whatever its status; raises TransportError for none."""


class Transport:
    """Keeps the connections to one workspace's REST endpoint; safe for threads.

    `endpoint` is the URL without a trailing slash; `connections` how many are kept open; `timeout`
    the seconds that a request may take, body included; `ca_file` a bundle to trust in place of the
    usual one. Proxies come from the environment. Cookies and `.netrc` are ignored, redirects are
    not followed.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        connections: int,
        timeout: float,
        monotonic: Callable[[], float],
        ca_file: Path | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._monotonic = monotonic
        self._open = OpenConnections(monotonic)
        # Not a requests.Session, which merges its settings anew into each request: twice the time,
        # for cookies, redirects and .netrc that are not to be heeded.
        self._adapter = _Adapter(self._open, connections)
        self._proxies = _proxies(endpoint)
        self._verify = str(ca_file) if ca_file else _usual_ca_bundle()
        self._headers = CaseInsensitiveDict(
            {
                **requests.utils.default_headers(),
                "User-Agent": f"braze-exporter/{__version__}",
                "Accept": "application/json",
            }
        )
        # What requests have in common is made once, for that takes time.
        self._urls: dict[str, str] = {}
        self._signed = ("", self._headers)

    def get(self, path: str, query: Mapping[str, str], key: str) -> Reply:
        """The answer to one GET, whatever its status.

        Raises TransportError where none came in time, in size, readable, or at all.
        """
        late = f"no whole answer within {self._timeout:g} s"
        with self._open.until(self._monotonic() + self._timeout) as request:
            try:
                reply = self._get(path, query, key)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                reason = "timeout" if request.late else _reason(error)
                discreet = any("@" in proxy for proxy in self._proxies.values())
                said = late if reason == "timeout" else _innermost(error, discreet)
                # The chain is cut: it repeats the message at length, and may hold the request with
                # its key.
                raise TransportError(reason, said) from None
            # A connection that was cut looks like a body that has ended, where no length was given.
            if request.late:
                raise TransportError("timeout", late)
            if request.cut_off:
                raise TransportError("connection", "cut off")
        give_way()  # what is made of it takes as long again
        return reply

    def abort(self) -> None:
        """End every request under way, and let no other begin; each raises TransportError."""
        self._open.shut()

    def close(self) -> None:
        """Give the connections back. Nothing may be under way."""
        self._adapter.close()
        self._open.close()

    def _get(self, path: str, query: Mapping[str, str], key: str) -> Reply:
        asked = requests.PreparedRequest()
        asked.method, asked.headers = "GET", self._headers_with(key)
        asked.url = f"{self._url(path)}?{urlencode(query)}" if query else self._url(path)
        with self._adapter.send(
            asked,
            stream=True,
            timeout=self._timeout,
            verify=self._verify,
            proxies=self._proxies,
        ) as response:
            # By name and not by item, of which a header that is repeated has several.
            headers = {name.lower(): response.headers[name] for name in response.headers}
            body = _read(response.raw)
        return Reply(response.status_code, headers, body)

    def _url(self, path: str) -> str:
        if path not in self._urls:
            asked = requests.Request("GET", self._endpoint + path).prepare()
            self._urls[path] = str(asked.url)
        return self._urls[path]

    def _headers_with(self, key: str) -> CaseInsensitiveDict[str]:
        signed_with, headers = self._signed
        if signed_with != key:
            headers = self._headers.copy()
            headers["Authorization"] = f"Bearer {key}"
            self._signed = (key, headers)
        return headers


def proxy_for(endpoint: str) -> str | None:
    """The URL of the proxy through which requests to `endpoint` go, None for none.

    It may hold a password.
    """
    url = requests.utils.select_proxy(endpoint, _proxies(endpoint))
    return url if not url or "://" in url else f"http://{url}"


def ca_bundle(ca_file: Path | None) -> Path:
    """The CA certificates that are trusted: a file, or a folder of them."""
    usual = _usual_ca_bundle()
    return ca_file or Path(requests.utils.DEFAULT_CA_BUNDLE_PATH if usual is True else str(usual))


class _Adapter(HTTPAdapter):
    """An adapter to one host, whose connections can be cut off; one for each thread, all kept.

    What `requests` finds out anew for each request is found out once; that is a quarter of its
    time.
    """

    def __init__(self, watched: OpenConnections, connections: int) -> None:
        self._watched = watched
        self._pool: Any = None
        self._before: int | None = None
        super().__init__(pool_connections=1, pool_maxsize=connections)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """What stands in the request line: the end of the URL, or all of it for a proxy."""
        url = str(request.url)
        if self._before is None:
            self._before = len(url) - len(super().request_url(request, proxies))
        return url[self._before :]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Without the cookies, which are ignored."""
        response = requests.Response()
        response.status_code, response.headers, response.raw = resp.status, resp.headers, resp
        response.request, response.url = req, str(req.url)
        return response

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watched.watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        if isinstance(manager, urllib3.ProxyManager):  # that of a SOCKS proxy has its own ways
            self._watched.watch(manager)
        return manager

    def close(self) -> None:
        """Close the connections that are kept; `urllib3` leaves that to the garbage collector."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for pool in map(manager.pools.get, manager.pools.keys()):
                pool.close()
        super().close()


def _read(raw: urllib3.BaseHTTPResponse) -> bytes:
    """The body, unpacked.

    It is read whole before: what unpacks to nothing may be without end, and is read on in there.
    """
    sent = _bounded(partial(raw.read1, decode_content=False))
    coding = raw.headers.get("Content-Encoding")
    if coding is None:
        return sent
    packed = urllib3.HTTPResponse(
        io.BytesIO(sent), {"Content-Encoding": coding}, preload_content=False
    )
    return _bounded(partial(packed.read1, decode_content=True))


def _bounded(read: Callable[[int], bytes]) -> bytes:
    body = bytearray()
    while piece := read(_PIECE):
        body += piece
        if len(body) > BODY_CAP:
            raise TransportError("too_large", f"the body is over {BODY_CAP} bytes")
    return bytes(body)


def _proxies(endpoint: str) -> dict[str, str]:
    found = requests.utils.get_environ_proxies(endpoint)
    return {scheme: str(url) for scheme, url in found.items()}


def _usual_ca_bundle() -> str | bool:
    """What `requests` itself would trust, were `trust_env` on."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return "tls"
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return "timeout"
    return "invalid_response" if isinstance(error, urllib3.exceptions.DecodeError) else "connection"


def _innermost(error: BaseException, discreet: bool) -> str:
    """What went wrong in the end: the outer layers repeat the URL and the names of objects.

    A proxy may repeat what it is sent: its words are left out, and where that is a password, so is
    all that is not said by this machine.
    """
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        reason = getattr(error, "reason", None)
        inner = reason if isinstance(reason, BaseException) else error.__cause__
        inner = inner or error.__context__
        first = error.args[0] if error.args else None
        if inner is None and isinstance(first, BaseException):
            inner = first
        if inner is None:
            break
        error = inner
    if isinstance(error, requests.exceptions.InvalidURL | urllib3.exceptions.LocationParseError):
        # It repeats parts of the URL, and that of a proxy may hold a password.
        return "the URL of the endpoint or of a proxy cannot be read"
    name, said = type(error).__name__, str(error)
    if refused := _REFUSED.match(said):
        return f"{name}: {refused[0]}"
    foreign = not (isinstance(error, OSError) and error.errno)
    return name if not said or (foreign and discreet) else f"{name}: {said}"
