"""Reload after reload, by signal and by POST, with settings that change, while all is scraped."""

import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from bench.processes import Caller, Running
from tests.soak.watched import SHOP, Shop, page_of, workspaces_on

_TAKEN_OVER = 15.0  # seconds until a signal must have been followed


@dataclass
class Reloads:
    """What came of it."""

    posts: int = 0
    signals: int = 0
    refused: int = 0
    added: int = 0
    removed: int = 0
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0


def reloads(
    process: Running,
    shop: Shop,
    many: int,
    every: float = 1.0,
    say: Callable[[str], None] = lambda _: None,
) -> Reloads:
    """Reload `many` times, one each `every` seconds; the last leaves only the shop.

    Each time other workspaces are there, under names that were never used before, and the settings
    of one change. Every tenth settings are bad: they must be refused, and nothing change.
    """
    found = Reloads()
    others: list[str] = []
    due = time.monotonic()
    for number in range(many):
        due += every
        bad = number % 10 == 5 and number != many - 1
        before = [SHOP, *others]
        if not bad:
            others = _next(others, number) if number != many - 1 else []
        changed = {"segments": {"limit": 1000 + number}}
        workspaces = {
            SHOP: shop.workspace(),
            **{name: shop.workspace(**(changed if name == others[0] else {})) for name in others},
        }
        shop.write(workspaces, **({"polls": "often"} if bad else {}))
        begun = time.monotonic()
        problem = _post(process, bad) if bad or number % 2 else _signal(process, set(workspaces))
        found.longest = max(found.longest, time.monotonic() - begun)
        found.refused += bad
        found.posts += not bad and number % 2
        found.signals += not bad and not number % 2
        after = [SHOP, *others]
        found.added += len(set(after) - set(before))
        found.removed += len(set(before) - set(after))
        page = page_of(process)
        if problem is None and workspaces_on(page) != set(after):
            problem = f"on the page are {sorted(workspaces_on(page))}, not {after}"
        if (problem := problem or shop.wrong(page)) is not None:
            found.wrong.append(f"reload {number}: {problem}")
        if number % 10 == 9:
            say(f"{number + 1:,} reloads")
        time.sleep(max(0.0, due - time.monotonic()))
    return found


def _next(others: list[str], number: int) -> list[str]:
    """One more while there are few, then one less, and now and then another in its place."""
    new = f"other_{number}"
    return [*others, new] if len(others) < 2 else [*others[1:], new] if number % 3 else others[1:]


def _post(process: Running, bad: bool) -> str | None:
    with closing(Caller(process.port, "/-/reload", method="POST")) as caller:
        answer = caller.ask()
    expected = 500 if bad else 200
    return None if answer.status == expected else f"POST: {answer.status}, {answer.body.decode()}"


def _signal(process: Running, wanted: set[str]) -> str | None:
    process.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + _TAKEN_OVER
    while workspaces_on(page_of(process)) != wanted:
        if time.monotonic() > deadline:
            return f"not within {_TAKEN_OVER:g} s after SIGHUP: {sorted(wanted)}"
        time.sleep(0.02)
    return None
