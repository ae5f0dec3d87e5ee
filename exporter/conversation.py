"""One client's connection: requests in, answers out, one after the other, within limits.

The client may be idle, send its request a byte at a time or never read its answer: it costs a
bounded amount of memory for a bounded time. With TLS a handshake comes first, limited as well. h11
reads the protocol (RFC 9112); here stands how long to wait for what.
"""

import asyncio
import logging
import math
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

import h11

from exporter.tls import Certificate
from exporter.web import Request, Response, plain

log = logging.getLogger(__name__)

_READ_BYTES = 4096  # at a time, so that a head is over its limit by at most this much


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may cost, in bytes and seconds."""

    connections: int = 256
    head_bytes: int = 16 * 1024
    request_seconds: float = 5.0  # from its first byte to its last; a new client begins within this
    idle_seconds: float = 330.0  # between requests; Prometheus hangs up first, after 300
    body_bytes: int = 64 * 1024  # of a request, read and thrown away
    write_seconds: float = 30.0  # for a whole answer
    chunk_bytes: int = 256 * 1024  # of an answer, given to a connection at a time
    kernel_bytes: int = 256 * 1024  # of an answer, taken by the kernel (Linux takes twice as much)
    answers_bytes: int = 32 * 1024 * 1024  # of all answers being sent, before one more is made
    linger_seconds: float = 1.0  # for a client to see that we hang up
    passwords: int = 16  # waiting to be checked, besides the one that is
    waiting: int = 16  # requests for blocking routes, besides the one being answered


class Client:
    """One connection: requests in, answers out, one after the other.

    `respond` answers a request; `dressed` gives an answer the headers that all have, also those
    that are made here.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        respond: Callable[[Request, "Client"], Awaitable[Response]],
        dressed: Callable[[Response], Response],
        limits: Limits,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._reader = reader
        self._accepted = self._writer = writer
        self.address = str((writer.get_extra_info("peername") or ("",))[0])
        self.tls = tls
        if tls is not None:  # what it sends is for TLS to read
            cast("asyncio.Transport", writer.transport).pause_reading()
        self._respond = respond
        self._dressed = dressed
        self._limits = limits
        self._wire = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._answering = False
        self._last = False
        self._head_only = False
        self.gone = False  # hung up on, if not yet at its end
        self.sending: tuple[bytes, ...] = ()  # the body on its way
        # When it last got further. Whole requests and whole chunks count, single bytes do not.
        self.progress = asyncio.get_running_loop().time()

    @property
    def certificate(self) -> Certificate | None:
        """The verified certificate that the client has shown."""
        shown: Certificate | None = self._writer.get_extra_info("peercert")
        return shown

    async def serve(self) -> None:
        """Answer until the client leaves or has to."""
        try:
            if self.tls is not None:
                await self._shake_hands(self.tls)
            # Makes drain() wait until all is handed on. (At 0, asyncio's TLS would wait for ever:
            # it takes an empty buffer for a full one.)
            self._writer.transport.set_write_buffer_limits(high=1)
            await self._begun(within=self._limits.request_seconds)
            while await self._exchange():
                # Pipelined requests might never wait for the network: others get their turn here.
                await asyncio.sleep(0)
                await self._begun(within=self._limits.idle_seconds)
            await self._part()
        except OSError as error:  # timeouts among them
            log.debug("a client is gone: %r", error)
        finally:
            self.hang_up()

    def finish(self) -> None:
        """Make the answer being given the last one; without one, hang up."""
        self._last = True
        if not self._answering:
            self.hang_up()

    def retire(self) -> None:
        """Make the next answer the last one."""
        self._last = True

    def hang_up(self) -> None:
        """Close the connection now; `serve` then comes to its end."""
        self.gone = True
        self._writer.transport.abort()

    async def _shake_hands(self, context: ssl.SSLContext) -> None:
        """Go on in TLS. Raises OSError if the client does not, or not in time."""
        # Here and not by asyncio's own server, which would tell of a client only afterwards: so
        # those who say nothing count among the connections too. The new reader and writer are made
        # as asyncio.open_connection makes them.
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(self._limits.head_bytes)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = await loop.start_tls(
            self._accepted.transport,
            protocol,
            context,
            server_side=True,
            ssl_handshake_timeout=self._limits.request_seconds,
            ssl_shutdown_timeout=self._limits.write_seconds,
        )
        if transport is None:  # hung up on meanwhile
            raise ConnectionAbortedError("no handshake")
        protocol.connection_made(transport)
        self._reader = reader
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _begun(self, within: float) -> None:
        """Wait for the first bytes of a request, unless they came behind the one before."""
        if not self._wire.trailing_data[0]:
            async with asyncio.timeout(within):
                await self._read()

    async def _exchange(self) -> bool:
        """One request and its answer; whether another request may follow."""
        refused = True
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                request = await self._request()
            if request is None:
                return False
            self._answering = True
            self.progress = math.inf  # it is our turn
            response = await self._respond(request, self)
            refused = False
        except h11.RemoteProtocolError as error:
            response = plain(HTTPStatus(error.error_status_hint), str(error))
        except TimeoutError:
            response = plain(HTTPStatus.REQUEST_TIMEOUT, "the request took too long")
        await self._send(self._dressed(response), hang_up=refused or self._last)
        self._answering = False
        if self._last or self._wire.our_state is not h11.DONE:
            return False
        self._wire.start_next_cycle()
        return True

    async def _request(self) -> Request | None:
        """The next request, its body thrown away; None when the client has no more.

        Raises h11.RemoteProtocolError with the status to refuse it with.
        """
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        if not head.http_version.startswith(b"1."):
            raise h11.RemoteProtocolError("only HTTP/1 is spoken here", 505)
        request = _parsed(head)
        self._head_only = request.method == "HEAD"
        if {"content-length", "transfer-encoding"} <= request.headers.keys():
            # Two lengths are how requests are smuggled past proxies: RFC 9112 section 6.3.
            raise h11.RemoteProtocolError("Content-Length and Transfer-Encoding", 400)
        room = self._limits.body_bytes
        if int(request.headers.get("content-length", 0)) <= room:
            while isinstance(event := await self._event(), h11.Data) and room >= 0:
                room -= len(event.data)
            if room >= 0:
                return request
        raise h11.RemoteProtocolError("the request's body is too large", 413)

    async def _event(self) -> h11.Event:
        while not isinstance(event := self._wire.next_event(), h11.Event):
            if self._wire.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                self._writer.write(self._wire.send(go_on) or b"")
            await self._read()
        return event

    async def _read(self) -> None:
        self._wire.receive_data(await self._reader.read(_READ_BYTES))

    async def _send(self, response: Response, *, hang_up: bool) -> None:
        close = [("Connection", "close")] if hang_up else []
        head = h11.Response(
            status_code=response.status,
            reason=HTTPStatus(response.status).phrase,
            headers=[("Date", formatdate(usegmt=True)), *response.headers, *close],
        )
        pieces = self._wire.send_with_data_passthrough(head) or []
        self.sending = () if self._head_only else response.parts
        # h11 is told how long the body is, and hands back what it is given: it never sees it.
        length = range(sum(map(len, self.sending)))
        self._wire.send_with_data_passthrough(h11.Data(cast("bytes", length)))
        async with asyncio.timeout(self._limits.write_seconds):
            for chunk in _chunks(self.sending, self._limits.chunk_bytes):
                self.progress = asyncio.get_running_loop().time()
                # Not writelines(): after it, drain() waits for nothing in Python 3.12.0 to 3.13.1
                # (CVE-2024-12254).
                self._writer.write(b"".join((*pieces, chunk)))
                await self._writer.drain()
                pieces = []
        self._wire.send(h11.EndOfMessage())
        self.progress = asyncio.get_running_loop().time()
        self.sending = ()

    async def _part(self) -> None:
        """Close so that what was sent arrives: RFC 9112 section 9.6."""
        async with asyncio.timeout(self._limits.linger_seconds):
            if self._writer.can_write_eof():
                self._writer.write_eof()
                while await self._reader.read(_READ_BYTES):
                    pass
            self._writer.close()
            await self._writer.wait_closed()


def _chunks(parts: Sequence[bytes], size: int) -> Iterator[bytes]:
    """What the parts hold, `size` bytes at a time; an empty chunk where they hold nothing."""
    kept: list[memoryview] = []
    room = size
    for part in parts:
        left = memoryview(part)
        while len(left) >= room:
            yield b"".join((*kept, left[:room]))
            left, kept, room = left[room:], [], size
        kept.append(left)
        room -= len(left)
    if room < size or not any(parts):
        yield b"".join(kept)


def _parsed(head: h11.Request) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    target = head.target.decode("latin-1")
    # A client that takes us for a proxy sends the whole URL: RFC 9112 section 3.2.2.
    path, _, query = re.sub("^https?://[^/?]*", "", target, flags=re.IGNORECASE).partition("?")
    return Request(head.method.decode("latin-1"), path or "/", query, headers)
