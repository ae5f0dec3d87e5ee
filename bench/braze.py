"""A Braze as fast as Python allows: canned answers over asyncio, in a process of its own.

The project's own simulator makes each answer anew, as Braze would; that costs more than the
exporter needs to read it. Here a request costs some 60 microseconds, so that what is measured is
who asks.
"""

import asyncio
import json
import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

DAYS = 35
KEY = "bench-key"
_PAGE = 100
_VARIANTS = 509  # different answers; a prime, so that neighbours differ
_SPARE = 1_000_000  # Braze's count of requests left, which never runs out here


def segment_id(number: int) -> str:
    """As long as Braze's."""
    return f"{number:08x}-0000-4000-8000-{number * 2654435761 % 2**48:012x}"


@dataclass(frozen=True)
class _Canned:
    """All that is ever answered, by the target of the request as far as it matters."""

    pages: tuple[bytes, ...]
    sizes: tuple[bytes, ...]

    def answer(self, target: bytes) -> bytes:
        """The bytes that go out."""
        path, _, query = target.partition(b"?")
        if path == b"/segments/list":
            page = int(query.partition(b"page=")[2].partition(b"&")[0])
            return self.pages[min(page, len(self.pages) - 1)]
        return self.sizes[int(query.partition(b"segment_id=")[2][:8], 16) % _VARIANTS]


def canned(segments: int, today: datetime) -> _Canned:
    """A workspace of so many segments, each with the sizes of 35 days."""
    found = [
        {"id": segment_id(number), "name": f"Segment {number}", "analytics_tracking_enabled": False}
        for number in range(segments)
    ]
    starts = (*range(0, segments, _PAGE), segments)
    pages: list[dict[str, object]] = [
        {"message": "success", "segments": found[at : at + _PAGE]} for at in starts
    ]
    return _Canned(
        tuple(map(_packet, pages)),
        tuple(
            _packet({"message": "success", "data": sizes(number, today)})
            for number in range(_VARIANTS)
        ),
    )


def sizes(number: int, today: datetime) -> list[dict[str, object]]:
    """35 days of a segment, as Braze writes them."""
    luck = random.Random(number)
    size = luck.uniform(2_000, 2_000_000)
    days = [(today - timedelta(days=back)).date().isoformat() for back in range(DAYS)][::-1]
    return [{"time": day, "size": round(size * luck.uniform(0.97, 1.03))} for day in days]


def _packet(payload: dict[str, object]) -> bytes:
    body = json.dumps(payload, separators=(",", ":")).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        f"X-RateLimit-Limit: {_SPARE}\r\nX-RateLimit-Remaining: {_SPARE}\r\n"
        f"X-RateLimit-Reset: {int(time.time()) + 3600}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Conversation(asyncio.Protocol):
    """Requests without a body, one after the other."""

    def __init__(self, canned: _Canned, latency: float) -> None:
        self._canned = canned
        self._latency = latency
        self._kept = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._kept = (self._kept + data).split(b"\r\n\r\n")
        assert self._transport is not None
        for request in requests:
            answer = self._canned.answer(request.split(b" ", 2)[1])
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


@contextmanager
def braze(segments: int, latency: float = 0.0) -> Iterator[str]:
    """Such a Braze, each of whose answers takes `latency` seconds; its URL."""
    here, there = multiprocessing.Pipe()
    # Spawned, for a forked process would begin with the memory of this one.
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(segments, latency, there), daemon=True
    )
    process.start()
    there.close()  # so that its end is noticed
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def _serve(segments: int, latency: float, pipe: Connection) -> None:
    answers = canned(segments, datetime.now(UTC))

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: _Conversation(answers, latency), "127.0.0.1", 0, backlog=1024
        )
        pipe.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await server.serve_forever()

    asyncio.run(serve())
