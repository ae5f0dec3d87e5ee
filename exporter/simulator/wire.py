"""A request as the simulator sees it, and a response as the server is to send it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Flag, auto
from types import MappingProxyType
from typing import TypeAlias

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | int | float | bool | None"


class Behaviour(Flag):
    """What the server does to the connection besides sending the response; they combine."""

    PLAIN = 0
    SLOW = auto()  # waits before the first byte
    HANG = auto()  # sends nothing until the server is closed
    RESET = auto()  # resets the connection instead of answering
    DRIP_HEAD = auto()  # sends the head byte by byte
    DRIP_BODY = auto()  # sends the body byte by byte
    CUT = auto()  # announces more body than it sends, then closes the connection
    ENDLESS = auto()  # goes on sending white space after the body until the client leaves


@dataclass(frozen=True, slots=True)
class Request:
    """A request; of a repeated parameter the last counts, header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @classmethod
    def of(
        cls,
        method: str,
        path: str,
        query: Iterable[tuple[str, str]],
        headers: Mapping[str, str],
    ) -> "Request":
        """A request of what a server or a test holds in its hands."""
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method, path, MappingProxyType(dict(query)), MappingProxyType(lower))

    @property
    def key(self) -> str:
        """The API key as sent, empty without a bearer; one in the query does not count (DOCS)."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class Response:
    """A response: `behaviour` is for the server, all the rest for the client."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    behaviour: Behaviour = Behaviour.PLAIN

    def header(self, name: str) -> str | None:
        """The value of a header, whatever the case of its name; None when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_headers(self, *headers: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        """Its headers with these set, each in the place of an older one of the same name."""
        names = {name.lower() for name, _ in headers}
        return (*(pair for pair in self.headers if pair[0].lower() not in names), *headers)


def json_response(status: int, payload: Json, *headers: tuple[str, str]) -> Response:
    """A response with a JSON body, written compactly and in UTF-8 as Rails does."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    plain = Response(status, (("Content-Type", "application/json"),), body)
    return replace(plain, headers=plain.with_headers(*headers))
