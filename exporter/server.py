"""Sockets: serves a site, so that no client can make the others wait.

asyncio in one daemon thread. Each connection looks after its own limits; their number is limited
here: when they run out, the one that has stood still longest goes.
"""

import asyncio
import errno
import logging
import math
import os
import re
import selectors
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from exporter.admission import Guard, Policy
from exporter.conversation import Client, Limits
from exporter.steps import leave_way, take_way
from exporter.web import Request, Response, Site, plain

__all__ = ["Limits", "ListenError", "Server"]

log = logging.getLogger(__name__)

# Connections waiting to be accepted. With asyncio's 100, a burst of them costs a scrape the second
# until the kernel repeats its first packet.
_BACKLOG = 1024
# Of those, accepted before it is seen whether there is room for them. asyncio accepts as many at a
# time as may wait, each a descriptor, and we may not have so many.
_ACCEPTED = 16
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_QUIET = 60.0  # seconds between two warnings that connections wait: asyncio tries every second


class _Selector(selectors.DefaultSelector):
    """Has others give way while there is something to do, from the moment in which it is seen; not
    anew before there was nothing, or clients that never pause would keep polls from their work.
    """

    _at_work = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What can be read or written, waited for up to `timeout` (seconds; None: for ever)."""
        if timeout != 0:
            leave_way()
            self._at_work = False
        found = super().select(timeout)
        if found and not self._at_work:
            self._at_work = True
            take_way()
        return found


class ListenError(Exception):
    """An address that cannot be listened on: which, why, and what to do."""


class Server:
    """Serves a site on some addresses, from `start` to `stop`.

    An address is `host:port`, `[IPv6]:port`, or `:port` for all interfaces; port 0 takes a free
    one. `policy` says who may ask, and whether TLS is spoken; it may change, and connections made
    with other certificates then end with their next answer. Blocking routes are answered one at a
    time in a thread of their own, and must come to an end by themselves.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        site: Site,
        limits: Limits | None = None,
        policy: Callable[[], Policy] = Policy,
    ) -> None:
        self.addresses: tuple[str, ...] = ()  # really bound, once started
        self._wanted = tuple(addresses)
        self._site = site
        self._limits = limits or Limits()
        self._policy = policy
        self._guard = Guard(waiting=self._limits.passwords)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="web-blocking")
        self._places = 1 + self._limits.waiting
        self._clients: dict[Client, asyncio.Task[None]] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving = threading.Event()
        self._stopping = asyncio.Event()
        self._warned = -math.inf  # when it last was, on the clock of the loop
        self._door = asyncio.Lock()  # one answer after the other
        self._turn = asyncio.Lock()  # of blocking routes as well

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Listen on every address, then serve in the background.

        Raises ListenError, and listens on none, if one of them cannot be had.
        """
        sockets = _listen_on_all(self._wanted)
        for sock in sockets:  # whose connections inherit it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.kernel_bytes)
        self.addresses = tuple(_name(sock) for sock in sockets)
        self._thread = threading.Thread(target=self._run, args=(sockets,), name="web", daemon=True)
        self._thread.start()
        self._serving.wait()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop listening, let running answers finish for `timeout` seconds, close what is left."""
        if self._thread is None or self._loop is None:
            return
        with suppress(RuntimeError):  # the loop is closed: stopped already
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._loop.call_soon_threadsafe(self._loop.call_later, timeout, self._cut)
        self._thread.join(timeout + 5.0)
        if self._thread.is_alive():
            log.error("the web server does not stop: a page does not return")

    def _run(self, sockets: Iterable[socket.socket]) -> None:
        try:
            loop = partial(asyncio.SelectorEventLoop, _Selector())
            with asyncio.Runner(loop_factory=loop) as runner:
                runner.run(self._serve(sockets))
        finally:
            leave_way()
            self._serving.set()

    async def _serve(self, sockets: Iterable[socket.socket]) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._tell)
        servers = [
            await self._loop.create_server(self._protocol, sock=sock, backlog=_ACCEPTED)
            for sock in sockets
        ]
        for sock in sockets:
            sock.listen(_BACKLOG)
        self._serving.set()
        await self._stopping.wait()
        for sock in sockets:
            self._loop.remove_reader(sock)  # accept no more
        for client in self._clients:
            client.finish()
        # What was accepted a moment ago gets its transport now: once the server is closed, asyncio
        # could neither give it one nor close it.
        await asyncio.sleep(0)
        for server in servers:
            server.close()
        if self._clients:
            await asyncio.wait(self._clients.values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._guard.close()

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(self._limits.head_bytes)
        return asyncio.StreamReaderProtocol(reader, self._welcome)

    def _tell(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what nobody caught; that no connection can be accepted in one line, now and then."""
        error = context.get("exception")
        if "socket" not in context or getattr(error, "errno", None) not in _EXHAUSTED:
            loop.default_exception_handler(context)
        elif loop.time() >= self._warned + _QUIET:
            self._warned = loop.time()
            remedy = "raise the limit of open files (ulimit -n)"
            log.warning("new connections wait", extra={"reason": f"{error}; {remedy}"})

    def _cut(self) -> None:
        for task in self._clients.values():
            task.cancel()

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stopping.is_set():
            writer.transport.abort()
            return
        present = [client for client in self._clients if not client.gone]
        if len(present) >= self._limits.connections:
            _hang_up_on_the_slowest(present)
        client = Client(
            reader, writer, self._respond, self._dressed, self._limits, self._policy().tls
        )
        self._clients[client] = asyncio.create_task(client.serve())
        self._clients[client].add_done_callback(lambda _: self._clients.pop(client, None))

    async def _make_room(self) -> None:
        """Wait until the answers being sent leave room for one more, the slowest readers gone."""
        while _kept(self._clients) >= self._limits.answers_bytes:
            readers = [client for client in self._clients if client.sending and not client.gone]
            if _kept(readers) >= self._limits.answers_bytes:
                _hang_up_on_the_slowest(readers)
            else:
                await asyncio.sleep(0)  # those hung up on have not let go of theirs yet

    async def _respond(self, request: Request, client: Client) -> Response:
        policy = self._policy()
        if policy.tls is not client.tls:
            client.retire()
        refusal = await self._guard.refusal(policy, request, client.certificate, client.address)
        return refusal or await self._answer(request)

    def _dressed(self, response: Response) -> Response:
        return self._policy().dressed(response)

    async def _answer(self, request: Request) -> Response:
        if not self._site.blocks(request):
            async with self._door:
                await self._make_room()
                return self._site.respond(request)
        if not self._places:
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, "busy; try again later")
        self._places -= 1
        try:
            async with self._turn:  # or those in line would be made before the first one counts
                async with self._door:
                    await self._make_room()
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._pool, self._site.respond, request)
        finally:
            self._places += 1


def _hang_up_on_the_slowest(clients: Iterable[Client]) -> None:
    log.debug("hanging up on the client that has stood still longest")
    min(clients, key=lambda client: client.progress).hang_up()


def _kept(clients: Iterable[Client]) -> int:
    """The bytes of their answers; parts that answers have in common count once."""
    return sum({id(part): len(part) for client in clients for part in client.sending}.values())


def _listen_on_all(addresses: Sequence[str]) -> list[socket.socket]:
    with ExitStack() as opened:
        sockets = [opened.enter_context(_listen(address)) for address in addresses]
        opened.pop_all()  # they stay open: all went well
    return sockets


_ADDRESS = re.compile(r"(?:\[([^\]]+)\]|([^:/\[\]]*)):([0-9]{1,5})")
_REMEDIES = {
    errno.EADDRINUSE: "stop what uses it, perhaps another exporter, or choose another port",
    errno.EACCES: "choose a port above 1023",
    errno.EADDRNOTAVAIL: "choose an address of this machine, or :PORT for all of them",
}


def _listen(address: str) -> socket.socket:
    failure = f"cannot listen on {address}"
    parts = _ADDRESS.fullmatch(address)
    if parts is None or int(parts[3]) > 65535:
        raise ListenError(f"{failure}: write it as HOST:PORT, [IPv6]:PORT or :PORT")
    host, port = parts[1] or parts[2], int(parts[3])
    try:
        if not host and socket.has_dualstack_ipv6():
            both = ("", port)
            return socket.create_server(both, family=socket.AF_INET6, dualstack_ipv6=True)
        flags = socket.AI_PASSIVE  # no host is every address, not loopback
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
        # A name such as localhost may stand for several: one of them, IPv4 before IPv6, as in Go.
        family, _, _, _, where = min(found, key=lambda each: each[0] is not socket.AF_INET)
        return socket.create_server(where[:2], family=family)
    except (socket.gaierror, ValueError) as error:
        raise ListenError(f"{failure}: no such host; check its spelling") from error
    except OSError as error:
        code = error.errno or 0
        remedy = _REMEDIES.get(code, "choose another address")
        raise ListenError(f"{failure}: {os.strerror(code)}; {remedy}") from error


def _name(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
