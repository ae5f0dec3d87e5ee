"""Who is let in, and what guessing passwords costs the others."""

import asyncio
import base64
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from exporter import passwords
from exporter.admission import Guard, Policy
from exporter.web import Request, plain
from tests.certificates import HASH, PASSWORD

ALICE = Policy(users={b"alice": HASH.encode()})


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def request(authorization: str | None = None, path: str = "/metrics") -> Request:
    return Request("GET", path, "", {"authorization": authorization} if authorization else {})


def status(
    guard: Guard, policy: Policy, *requests: Request, address: str = "10.0.0.1"
) -> list[int | None]:
    """What becomes of requests that come at once: the status of a refusal, or None."""

    async def all_at_once() -> list[int | None]:
        refusals = await asyncio.gather(
            *(guard.refusal(policy, each, None, address) for each in requests)
        )
        return [refusal.status if refusal else None for refusal in refusals]

    return asyncio.run(all_at_once())


class Fits:
    """Stands for bcrypt: counts, and keeps a checker waiting for as long as it is told."""

    def __init__(self) -> None:
        self.checked: list[tuple[bytes, bytes]] = []
        self.threads: set[str] = set()
        self.at_once = self.most_at_once = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.threads.add(threading.current_thread().name)
        self.checked.append((password, hashed))
        assert self.go_on.wait(5)
        self.at_once -= 1
        return password == PASSWORD.encode()


@pytest.fixture
def fits() -> Fits:
    return Fits()


@pytest.fixture
def guard(fits: Fits) -> Iterator[Guard]:
    """One with places for three: one whose password is checked, and two that wait."""
    with guarding(Guard(fits, waiting=2, from_one=3)) as made:
        yield made


@contextmanager
def guarding(guard: Guard) -> Iterator[Guard]:
    try:
        yield guard
    finally:
        guard.close()


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (None, 401),
        (basic("alice", PASSWORD), None),
        (basic("alice", PASSWORD).replace("Basic", "bASIC"), None),
        (basic("alice", PASSWORD).replace("Basic ", "Basic   "), None),
        (basic("alice", PASSWORD + "r"), 401),
        (basic("alice", ""), 401),
        (basic("Alice", PASSWORD), 401),
        (basic("bob", PASSWORD), 401),
        (basic("", PASSWORD), 401),
        (f"Bearer {PASSWORD}", 401),
        ("Basic", 401),
        ("Basic !!!", 401),
        ("Basic \xff", 401),
        ("Basic YWxpY2U=", 401),  # alice, and no colon
        (f"{basic('alice', PASSWORD)}, {basic('alice', PASSWORD)}", 401),
    ],
)
def test_basic_auth(authorization: str | None, expected: int | None) -> None:
    """RFC 7617, with bcrypt itself."""
    with guarding(Guard()) as guard:
        assert status(guard, ALICE, request(authorization)) == [expected]


def test_a_refusal_says_what_is_wanted(guard: Guard) -> None:
    """So that browsers ask for it."""
    refusal = asyncio.run(guard.refusal(ALICE, request(), None, ""))

    assert refusal is not None
    assert ("WWW-Authenticate", 'Basic realm="braze-exporter", charset="UTF-8"') in refusal.headers


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_health_is_told_to_everybody(guard: Guard, path: str) -> None:
    """Probes have no password; a wrong one is not even checked."""
    assert status(guard, ALICE, request(path=path)) == [None]
    assert status(guard, ALICE, request(basic("alice", "guess"), path)) == [None]


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/-/reload", "/nowhere", "/-/healthy/", "/-/Healthy", "/-/healthy%20"]
)
def test_all_else_is_not(guard: Guard, path: str) -> None:
    """Not even whether a page exists."""
    assert status(guard, ALICE, request(path=path)) == [401]


def test_without_users_nobody_is_asked(guard: Guard) -> None:
    """An Authorization that somebody sends all the same does not matter."""
    assert status(guard, Policy(), request(), request(basic("alice", "x"))) == [None, None]


def test_a_password_is_checked_once(guard: Guard, fits: Fits) -> None:
    """A scrape costs no bcrypt, nor do two first ones that come at once."""
    right = request(basic("alice", PASSWORD))

    assert status(guard, ALICE, right, right) == [None, None]
    assert status(guard, ALICE, right) == [None]
    assert len(fits.checked) == 1


def test_a_wrong_password_does_not_make_the_right_one_forgotten(guard: Guard, fits: Fits) -> None:
    """Whoever guesses at alice's costs her nothing."""
    right, wrong = request(basic("alice", PASSWORD)), request(basic("alice", "guess"))

    assert status(guard, ALICE, right) == [None]
    assert status(guard, ALICE, wrong) == [401]
    assert status(guard, ALICE, right) == [None]
    assert len(fits.checked) == 2


def test_a_new_hash_is_a_new_password(guard: Guard, fits: Fits) -> None:
    """What was right for the old one is checked again; who is no user any more is nobody."""
    right = request(basic("alice", PASSWORD))
    fresh = Policy(users={b"alice": HASH.replace("$2b$", "$2y$").encode()})

    assert status(guard, ALICE, right) == [None]
    assert status(guard, fresh, right) == [None]
    assert len(fits.checked) == 2
    assert status(guard, Policy(users={b"bob": HASH.encode()}), right) == [401]


def test_an_unknown_user_costs_what_a_known_one_costs(guard: Guard, fits: Fits) -> None:
    """One check, of the hash of some user, always of the same; whatever comes of it, it is no."""
    dear = HASH.replace("$04$", "$10$").encode()
    users = Policy(users={b"alice": HASH.encode(), b"bob": dear})

    for _ in range(2):
        assert status(guard, users, request(basic("mallory", PASSWORD))) == [401]
    [(password, first), (_, second)] = fits.checked
    assert password == PASSWORD.encode()
    assert first == second
    for number in range(30):
        status(guard, users, request(basic(f"mallory{number}", "x")))
    assert {hashed for _, hashed in fits.checked} == {*users.users.values()}


def test_one_password_is_checked_at_a_time_and_few_wait(guard: Guard, fits: Fits) -> None:
    """In a thread of its own; the rest learn that they came at a bad time."""
    guesses = [request(basic("alice", f"guess {number}")) for number in range(10)]

    assert status(guard, ALICE, *guesses) == [401] * 3 + [503] * 7
    assert fits.most_at_once == 1
    assert all(name.startswith("web-passwords") for name in fits.threads)
    assert status(guard, ALICE, *guesses[:3]) == [401] * 3  # the places are free again


def test_who_is_known_passes_by_those_who_guess(guard: Guard, fits: Fits) -> None:
    """A scrape with a password that was right before waits for nobody."""
    right, wrong = request(basic("alice", PASSWORD)), request(basic("alice", "guess"))

    async def scrape_while_others_guess() -> tuple[int | None, list[int]]:
        assert await guard.refusal(ALICE, right, None, "10.0.0.1") is None
        fits.go_on.clear()
        guesses = [
            asyncio.create_task(_status(guard.refusal(ALICE, wrong, None, "10.0.0.2")))
            for _ in "12345"
        ]
        await asyncio.sleep(0)
        scrape = await asyncio.wait_for(_status(guard.refusal(ALICE, right, None, "10.0.0.1")), 2)
        assert not guesses[0].done()
        fits.go_on.set()
        return scrape, [found for found in await asyncio.gather(*guesses) if found]

    assert asyncio.run(scrape_while_others_guess()) == (None, [401, 401, 401, 503, 503])


def test_who_guesses_leaves_room_for_others(fits: Fits) -> None:
    """One address cannot fill the line: a Prometheus that comes anew finds a place."""

    async def come_while_others_guess(guard: Guard) -> tuple[list[int | None], int | None]:
        fits.go_on.clear()
        guesses = [request(basic("alice", f"guess {number}")) for number in range(5)]
        tasks = [
            asyncio.create_task(_status(guard.refusal(ALICE, guess, None, "10.0.0.2")))
            for guess in guesses
        ]
        right = guard.refusal(ALICE, request(basic("alice", PASSWORD)), None, "10.0.0.1")
        first = asyncio.create_task(_status(right))
        await asyncio.sleep(0)
        fits.go_on.set()
        return await asyncio.gather(*tasks), await first

    with guarding(Guard(fits, waiting=4, from_one=2)) as guard:
        assert asyncio.run(come_while_others_guess(guard)) == ([401] * 2 + [503] * 3, None)


async def _status(refusal: Awaitable[object]) -> int | None:
    return getattr(await refusal, "status", None)


def test_the_headers_of_the_policy_replace_the_answers_own() -> None:
    """Each stands once, in whatever case."""
    wanted = (("x-content-type-options", "nosniff"), ("Strict-Transport-Security", "max-age=1"))

    headers = Policy(headers=wanted).dressed(plain(HTTPStatus.OK, "well")).headers

    names = [name.lower() for name, _ in headers]
    assert sorted(set(names)) == sorted(names)
    assert set(wanted) < set(headers)


@pytest.mark.parametrize("password", ["", "a\0b", "ä" * 36, "x" * 72, "x" * 200])
def test_every_password_can_be_checked(password: str) -> None:
    """Also one that is longer than bcrypt looks: its first 72 bytes count, as everywhere."""
    assert not passwords.fits(password.encode(), HASH.encode())


@pytest.mark.parametrize(
    "hashed", [HASH, HASH.replace("$2b$", "$2a$"), HASH.replace("$2b$", "$2y$")]
)
def test_hashes_of_other_tools_fit(hashed: str) -> None:
    """Apache writes $2y$, Go $2a$, Python $2b$."""
    assert passwords.fault(hashed) == ""
    assert passwords.fits(PASSWORD.encode(), hashed.encode())


@pytest.mark.parametrize(
    "hashed", ["", "secret", HASH[:-1], HASH + "a", f"{HASH}\n", "$2x$" + HASH[4:]]
)
def test_what_is_no_hash_is_told_apart(hashed: str) -> None:
    """Before somebody is refused for ever, or bcrypt raises."""
    assert passwords.fault(hashed).startswith("is no bcrypt hash")
