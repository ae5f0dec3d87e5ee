"""What is wrong with the settings, one line each: the place, what is wrong, what to do.

A line repeats keys and places, never a value that was given: so no secret, wherever it was put
by mistake, reaches a log.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
"""The keys and list indexes that lead from the root to a value: `("log", "level")`."""

# Comparing is slow, and a file may hold thousands of unknown words beside thousands of known ones.
_MOST_COMPARED = 1000


class ConfigError(Exception):
    """The settings cannot be used. One line a mistake, all of them, never with a secret."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__(mistakes)
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join(self.mistakes)


class Mistake(NamedTuple):
    """One mistake in the merged settings, before anyone knows which source brought it.

    `of_key` tells that the key is wrong (or misses something beneath it), not its value.
    """

    path: KeyPath
    sentence: str
    of_key: bool = False


class Place(NamedTuple):
    """Where something was given; places sort as one reads: file, environment, flags.

    `implies` is the path that `text` makes plain by itself, as the name of a variable does.
    """

    rank: int
    line: int
    column: int
    text: str
    implies: KeyPath = ()


class Located(NamedTuple):
    """One mistake and where it was made."""

    place: Place
    path: KeyPath
    sentence: str

    def __str__(self) -> str:
        rest = spelled(self.path[len(self.place.implies) :])
        return ": ".join(part for part in (self.place.text, rest, self.sentence) if part)


@dataclass(frozen=True, slots=True)
class Source:
    """Settings from one origin: the tree, and the places of its keys and values."""

    origin: Place
    tree: Mapping[str, object] = field(default_factory=dict)
    keys: Mapping[KeyPath, Place] = field(default_factory=dict)
    values: Mapping[KeyPath, Place] = field(default_factory=dict)

    def holds(self, path: KeyPath) -> bool:
        """Whether this source gives something at exactly this path."""
        return value_at(self.tree, path[:-1]) is not None and path[-1] in _keys(
            value_at(self.tree, path[:-1])
        )

    def place(self, path: KeyPath, *, of_key: bool) -> Place:
        """The place of this path, given or not, or of the nearest thing around it."""
        places = self.keys if of_key else self.values
        around = (path[:length] for length in range(len(path), 0, -1))
        return next((places[each] for each in around if each in places), self.origin)


class Given(NamedTuple):
    """A source, None if it is unreadable, and what is wrong with it whatever it is about."""

    source: Source | None
    mistakes: tuple[Located, ...] = ()


def locate(mistake: Mistake, sources: Sequence[Source]) -> Located:
    """The mistake with its place in the strongest of the sources that hold it.

    `sources` come strongest first. What is missing is put where its section stands in the weakest,
    the file: there it is best added.
    """
    path = mistake.path
    for source in sources:
        if path and source.holds(path):
            return Located(source.place(path, of_key=mistake.of_key), path, mistake.sentence)
    for length in range(len(path) - 1, 0, -1):
        for source in reversed(sources):
            if source.holds(path[:length]):
                return Located(source.place(path, of_key=mistake.of_key), path, mistake.sentence)
    return Located(Place(0, 0, 0, ""), path, mistake.sentence)


def lines(mistakes: Iterable[Located]) -> tuple[str, ...]:
    """One line a mistake, in the order of the sources; the first found of several at one place."""
    first: dict[tuple[Place, KeyPath], Located] = {}
    for mistake in mistakes:
        first.setdefault((mistake.place, mistake.path), mistake)
    return tuple(str(mistake) for mistake in sorted(first.values(), key=lambda each: each.place))


def value_at(tree: object, path: KeyPath) -> object:
    """What stands at this path, or None."""
    for key in path:
        if isinstance(tree, Mapping):
            tree = tree.get(key)
        elif isinstance(tree, list) and isinstance(key, int) and key < len(tree):
            tree = tree[key]
        else:
            return None
    return tree


def _keys(tree: object) -> Iterable[str | int]:
    if isinstance(tree, list):
        return range(len(tree))
    return tree if isinstance(tree, Mapping) else ()


def spelled(path: KeyPath) -> str:
    """`("ids", 2)` -> `ids[2]`; other keys than plain words are quoted and cut short."""
    written = ""
    for key in path:
        if isinstance(key, int):
            written += f"[{key}]"
        else:
            plain = re.fullmatch(r"[\w-]{1,60}", key)
            written += f".{key if plain else json.dumps(key[:40])}"
    return written.removeprefix(".")


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`; did you mean segments?`, or nothing if no known word is close."""
    close = close_match(word, known)
    return f"; did you mean {close}?" if close else ""


def close_match(word: str, known: Collection[str]) -> str:
    """The known word that is most like this one, or nothing; case does not count.

    Where only digits differ, as in US-99 and US-10, nobody can tell what was meant.
    """
    if len(known) > _MOST_COMPARED:
        return ""
    by_lower = {each.lower(): each for each in known}
    bare = _without_digits(word)
    has_digits = bare != word.lower()
    if has_digits and word.lower() not in by_lower and bare in map(_without_digits, known):
        return ""
    close = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else ""


def _without_digits(word: str) -> str:
    return re.sub(r"[0-9]+", "", word.lower())
