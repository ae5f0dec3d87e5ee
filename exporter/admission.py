"""Who may ask the web server for what: client certificates, and basic auth at a bounded cost.

bcrypt is meant to be slow. So a password that was found right is remembered, one is checked at a
time, in a thread of its own, and few wait for that: guesses keep no scrape waiting.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from exporter import passwords
from exporter.tls import Certificate, alternative_names
from exporter.web import Request, Response, plain

# What probes ask; it says nothing about Braze.
OPEN = frozenset({"/-/healthy", "/-/ready"})

_CHALLENGE = ("WWW-Authenticate", 'Basic realm="braze-exporter", charset="UTF-8"')


@dataclass(frozen=True, slots=True)
class Policy:
    """What a web.config.file asks for, ready for use. By default nothing: plain HTTP for everybody.

    With `certificate` clients must show one, with `names` one that has one of these. `users` maps
    names to bcrypt hashes. `headers` go into every answer.
    """

    tls: ssl.SSLContext | None = None
    certificate: bool = False
    names: frozenset[str] = frozenset()
    users: Mapping[bytes, bytes] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()

    def refuses(self, certificate: Certificate | None) -> str:
        """Why a client with this verified certificate, or none, is not let in; empty if it is."""
        if self.certificate and not certificate:
            return "a client certificate is needed here"
        if self.names and self.names.isdisjoint(alternative_names(certificate or {})):
            return "this client certificate has none of the names that are let in"
        return ""

    def dressed(self, response: Response) -> Response:
        """The response with the policy's headers, in place of its own of the same names."""
        ours = {name.lower() for name, _ in self.headers}
        kept = (header for header in response.headers if header[0].lower() not in ours)
        return replace(response, headers=(*kept, *self.headers))


class Guard:
    """Answers for those who are not let in; remembers who was.

    `waiting` is how many passwords wait while one is checked by `fits`, and `from_one` how many of
    them all may come from one address: so whoever guesses leaves room for others.
    """

    def __init__(
        self,
        fits: Callable[[bytes, bytes], bool] = passwords.fits,
        waiting: int = 16,
        from_one: int = 4,
    ) -> None:
        self._fits = fits
        self._places = 1 + waiting
        self._from_one = from_one
        self._line: list[str] = []  # the addresses whose passwords wait, or are checked
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="web-passwords")
        self._secret = os.urandom(32)
        self._known: dict[bytes, bytes] = {}  # user -> what `_mark` made of hash and password

    async def refusal(
        self, policy: Policy, request: Request, certificate: Certificate | None, address: str
    ) -> Response | None:
        """What a request from `address` gets that `policy` does not let in; None if it does."""
        if request.path in OPEN:
            return None
        if reason := policy.refuses(certificate):
            return plain(HTTPStatus.FORBIDDEN, reason)
        if not policy.users:
            return None
        user, password = _credentials(request.headers.get("authorization", ""))
        if user is None:
            return _unauthorized()
        # A name that is unknown costs what a known one costs: it is checked against one of theirs.
        hashed = policy.users.get(user) or self._other(policy.users, user)
        mark = self._mark(hashed, password)
        if self._knows(user, mark):
            return None
        if len(self._line) >= self._places or self._line.count(address) >= self._from_one:
            busy = "too many passwords are being checked; try again later"
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, busy, ("Retry-After", "1"))
        self._line.append(address)
        try:
            loop = asyncio.get_running_loop()
            fit = await loop.run_in_executor(
                self._pool, self._check, policy.users, user, password, hashed, mark
            )
        finally:
            self._line.remove(address)
        return None if fit else _unauthorized()

    def close(self) -> None:
        """Check no more passwords; one that is being checked still is."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _check(
        self,
        users: Mapping[bytes, bytes],
        user: bytes,
        password: bytes,
        hashed: bytes,
        mark: bytes,
    ) -> bool:
        """Whether the password is the user's; remembered if so. Runs in the pool's one thread."""
        if self._knows(user, mark):  # from the one before in the line
            return True
        if not self._fits(password, hashed) or user not in users:
            return False
        kept = {name: old for name, old in self._known.items() if name in users}
        self._known = kept | {user: mark}
        return True

    def _knows(self, user: bytes, mark: bytes) -> bool:
        return hmac.compare_digest(self._known.get(user, b""), mark)

    def _mark(self, *parts: bytes) -> bytes:
        """Stands for the parts in memory, where no password is kept."""
        return hmac.digest(self._secret, b"\0".join(parts), hashlib.sha256)

    def _other(self, users: Mapping[bytes, bytes], unknown: bytes) -> bytes:
        """The hash of one of the users; always the same one for the same name."""
        return [*users.values()][self._mark(unknown)[0] % len(users)]


def _credentials(header: str) -> tuple[bytes | None, bytes]:
    """User and password of an `Authorization: Basic` (RFC 7617); None without any."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None, b""
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None, b""
    return (user, password) if colon else (None, b"")


def _unauthorized() -> Response:
    return plain(HTTPStatus.UNAUTHORIZED, "name and password are needed here", _CHALLENGE)
