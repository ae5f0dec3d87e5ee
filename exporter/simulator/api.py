"""The simulated REST API of one Braze workspace: a request goes in, a response comes out."""

import gzip
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b

from exporter.simulator import refusals
from exporter.simulator.access import Access, access
from exporter.simulator.allowance import REQUESTS_PER_HOUR, Quota
from exporter.simulator.chance import random_uuid
from exporter.simulator.endpoints import ENDPOINTS, BadRequestError, Endpoint
from exporter.simulator.exchange import Exchange
from exporter.simulator.faults import Faults
from exporter.simulator.rendering import render
from exporter.simulator.times import HOUR_FORMS
from exporter.simulator.wire import Request, Response, json_response
from exporter.simulator.world import World

DEFAULT_KEY = "demo"


class Simulator:
    """A small Braze, written from what is known of the real one; safe to use from several threads.

    The answer to a request follows from the world, the moment, the faults in force and how many
    requests came before. `clock` says the moment, as an aware datetime. Each of `keys` may do
    everything, and has kin that may not (see `access`). `hour_format` is a name in `HOUR_FORMS`.
    `requests_per_hour` is the rate limit. `faults` are specs as `Faults.add` takes them.

    Raises ValueError when the hour format or a fault is unknown.
    """

    def __init__(
        self,
        world: World,
        clock: Callable[[], datetime],
        *,
        keys: Iterable[str] = (DEFAULT_KEY,),
        hour_format: str = "hour-offset",
        requests_per_hour: int = REQUESTS_PER_HOUR,
        faults: Iterable[str] = (),
    ) -> None:
        if hour_format not in HOUR_FORMS:
            raise ValueError(f"hour format {hour_format!r} is none of {', '.join(HOUR_FORMS)}")
        self.world = world
        self.clock = clock
        self.faults = Faults(faults)
        self._keys = tuple(keys)
        self._hour_format = hour_format
        self._quota = Quota(requests_per_hour)
        self._numbers = itertools.count(1)

    def respond(
        self,
        method: str,
        path: str,
        query: Iterable[tuple[str, str]],
        headers: Mapping[str, str],
    ) -> Response:
        """Answer one request; `path` is without query, and the query's pairs are decoded."""
        request = Request.of(method, path, query, headers)
        endpoint = ENDPOINTS.get(path) if method == "GET" else None
        verdict = access(request.key, endpoint.permission if endpoint else None, self._keys)
        now = self.clock().astimezone(UTC)
        exchange = Exchange(
            request,
            now,
            next(self._numbers),
            self.world,
            self._quota.spend(now, 0 if verdict is Access.UNKNOWN_KEY else 1),
            self.faults.take(request, self.world),
        )
        response = self._answer(exchange, endpoint, verdict)
        for fault in exchange.faults:
            if fault.response is not None:
                response = fault.response(exchange, response)
        return _dressed(exchange, response)

    def _answer(self, exchange: Exchange, endpoint: Endpoint | None, verdict: Access) -> Response:
        for fault in exchange.faults:
            if fault.answer is not None:
                return fault.answer(exchange)
        if verdict is Access.UNKNOWN_KEY:
            return refusals.unknown_key(exchange.request.key)
        if exchange.allowance.remaining < 0:
            return refusals.refusal(exchange, 429, "Rate Limited")
        if endpoint is None:
            return refusals.refusal(exchange, 404, "Not Found")
        if verdict is not Access.GRANTED:
            text = "Forbidden" if verdict is Access.INACTIVE else "Access Denied"
            return refusals.refusal(exchange, 403, text)
        try:
            answer = endpoint.answer(exchange)
        except BadRequestError as mistake:
            return refusals.refusal(exchange, 400, str(mistake))
        payload = render(exchange, answer, self._hour_format)
        kind = "application/json" + ("; charset=utf-8" if exchange.chance("charset") < 0.5 else "")
        headers = (("Content-Type", kind), *exchange.allowance.headers())
        return json_response(200, payload, *headers)


def _dressed(exchange: Exchange, response: Response) -> Response:
    """The response with the headers every answer has, and compressed for who asked for that."""
    runtime = 0.05 + 0.3 * exchange.chance("runtime")
    headers = [
        ("Server", "nginx"),
        ("Date", format_datetime(exchange.now, usegmt=True)),
        ("Cache-Control", "max-age=0, private, must-revalidate"),
        ("X-Request-Id", random_uuid(exchange.world.seed, "request", exchange.number)),
        ("X-Runtime", f"{runtime:.6f}"),
        ("Vary", "Origin,Accept-Encoding"),
    ]
    if response.status == 200:
        headers.append(("ETag", f'W/"{blake2b(response.body, digest_size=16).hexdigest()}"'))
    body = response.body
    if body and _accepts_gzip(exchange.request) and response.header("Content-Encoding") is None:
        headers.append(("Content-Encoding", "gzip"))
        body = gzip.compress(body, compresslevel=1, mtime=0)
    missing = [pair for pair in headers if response.header(pair[0]) is None]
    return replace(response, headers=(*response.headers, *missing), body=body)


def _accepts_gzip(request: Request) -> bool:
    offers = request.headers.get("accept-encoding", "").lower().split(",")
    codings = [offer.partition(";") for offer in offers]
    return any(
        name.strip() in ("gzip", "*") and parameter.replace(" ", "") not in ("q=0", "q=0.0")
        for name, _, parameter in codings
    )
