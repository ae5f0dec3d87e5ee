"""Clients that cost a server patience: hundreds at once that say nothing, drip, or never read."""

import asyncio
import socket
import threading
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

_REQUEST = b"GET /metrics HTTP/1.1\r\nHost: soak\r\n\r\n"
_AGAIN = 5.0  # seconds until a client that was hung up on comes back
_DRIP = 1.0  # seconds between two bytes


async def _silent(reader: StreamReader, _: StreamWriter) -> None:
    """Connects, and that is all."""
    await reader.read()


async def _idle(reader: StreamReader, writer: StreamWriter) -> None:
    """Scrapes once and keeps the connection."""
    writer.write(_REQUEST)
    while await reader.read(65536):
        pass


async def _dripping(reader: StreamReader, writer: StreamWriter) -> None:
    """Sends its head a byte at a time and never comes to its end."""
    ended = asyncio.ensure_future(reader.read())
    try:
        for number in range(100_000):
            writer.write(_REQUEST[number : number + 1] or b"x")
            await asyncio.wait([ended], timeout=_DRIP)
            if ended.done():
                return
    finally:
        ended.cancel()


async def _deaf(_: StreamReader, writer: StreamWriter) -> None:
    """Asks for more pages than fit into the buffers on the way, and reads none."""
    writer.write(_REQUEST * 40)
    await writer.wait_closed()  # StreamReader holds as much as its limit, then reads no more


KINDS: tuple[Callable[[StreamReader, StreamWriter], Awaitable[None]], ...] = (
    _silent,
    _idle,
    _dripping,
    _deaf,
)


class Crowd:
    """So many clients of all kinds, in a thread, as long as it is entered as a context.

    Who is hung up on comes back some seconds later. `came` and `hung_up` count them by kind.
    """

    def __init__(self, port: int, clients: int) -> None:
        self.came: Counter[str] = Counter()
        self.hung_up: Counter[str] = Counter()
        self._port = port
        self._clients = clients
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._all(),))
        self._leave = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join()
        self._loop.close()

    async def _all(self) -> None:
        tasks = [
            asyncio.ensure_future(self._one(KINDS[number % len(KINDS)]))
            for number in range(self._clients)
        ]
        await self._leave.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self) -> tuple[StreamReader, StreamWriter]:
        """With little room for what is not read: Linux would take megabytes for who is deaf."""
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self._port))
        except BaseException:
            sock.close()
            raise
        return await asyncio.open_connection(sock=sock, limit=4096)

    async def _one(self, behave: Callable[[StreamReader, StreamWriter], Awaitable[None]]) -> None:
        name = behave.__name__.strip("_")
        while True:
            with suppress(OSError):
                reader, writer = await self._connected()
                self.came[name] += 1
                try:
                    await behave(reader, writer)
                finally:
                    writer.transport.abort()
            self.hung_up[name] += 1
            await asyncio.sleep(_AGAIN)
