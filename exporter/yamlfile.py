"""A YAML file with the line and column of every key and value.

Stricter than YAML 1.1: what it would silently make of `no:`, `012`, `1:30` or `2026-01-01` is a
mistake here with the advice to quote it, and a key stands once. Anchors, aliases, merge keys and
tags are refused: settings are short, and an alias can make a small file huge. Sentences never
repeat what the file says, apart from the keys on the way to a mistake.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from exporter.mistakes import KeyPath, spelled

_LARGEST = 1024 * 1024
_DEEPEST = 20
# Quoted, because where PyYAML has no C library it has no CSafeLoader either.
_Loader: "type[yaml.CSafeLoader | yaml.SafeLoader]" = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset({"str", "int", "float", "bool", "null"})
_READ_AS = {
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "null": "nothing",
    "timestamp": "a date",
}


class Position(NamedTuple):
    """Line and column in the file, from 1."""

    line: int
    column: int


class Flaw(NamedTuple):
    """One thing wrong with the file: where, under which keys, and what to do about it."""

    position: Position
    path: KeyPath
    sentence: str


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file and where each key and value of it stands."""

    root: dict[str, object]
    keys: Mapping[KeyPath, Position]
    values: Mapping[KeyPath, Position]


class YamlError(Exception):
    """The file is not what it should be: all its `flaws`, and the `rest` that could be read.

    `rest` is None if the flaw makes everything after it unreadable (a syntax error).
    """

    def __init__(self, flaws: tuple[Flaw, ...], rest: Document | None = None) -> None:
        super().__init__(flaws)
        self.flaws = flaws
        self.rest = rest

    def __str__(self) -> str:
        return "\n".join(
            f"{flaw.position.line}:{flaw.position.column}: {_under(flaw.path)}{flaw.sentence}"
            for flaw in self.flaws
        )


def read(path: Path) -> Document:
    """The document in this file. Raises OSError if it cannot be read, YamlError if it is wrong."""
    with path.open("rb") as file:
        return parse(file.read(_LARGEST + 1))


def parse(content: bytes) -> Document:
    """The document with this content; one without any is empty. Raises YamlError."""
    if len(content) > _LARGEST:
        raise YamlError(
            (Flaw(Position(1, 1), (), "is larger than 1 MiB; that is no settings file"),)
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        readable = content[: error.start].decode("utf-8-sig")
        position = Position(readable.count("\n") + 1, len(readable.rpartition("\n")[2]) + 1)
        raise YamlError((Flaw(position, (), "is not UTF-8; save the file as UTF-8"),)) from None
    return _Reader(text).document()


class _Reader:
    """One pass over YAML's events.

    Not `yaml.compose`: its C version recurses without limit, and 100,000 opening brackets end the
    process. This one keeps count.
    """

    _loader: "yaml.CSafeLoader | yaml.SafeLoader"

    def __init__(self, text: str) -> None:
        self._text = text
        self._flaws: list[Flaw] = []
        self._keys: dict[KeyPath, Position] = {}
        self._values: dict[KeyPath, Position] = {}

    def document(self) -> Document:
        """The whole file. Raises YamlError with every flaw."""
        try:
            root = self._root()
        except yaml.YAMLError as error:
            self._flaws.append(_syntax_flaw(error))
            raise YamlError(tuple(self._flaws)) from None
        except _TooDeepError as error:
            self._flaws.append(Flaw(error.position, (), f"is nested deeper than {_DEEPEST} levels"))
            raise YamlError(tuple(self._flaws)) from None
        document = Document(root, self._keys, self._values)
        if self._flaws:
            raise YamlError(tuple(self._flaws), document)
        return document

    def _root(self) -> dict[str, object]:
        """What the only document holds; other roots than a map are a flaw."""
        # Here, because the Python version reads ahead and may find the first flaw already.
        self._loader = _Loader(self._text)
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return {}
        first = self._next()
        value = self._value(first, ())
        self._next()
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            self._flaw(after, (), "is a second document; keep one, without `---` between")
            raise YamlError(tuple(self._flaws))
        if isinstance(value, dict):
            return value
        if value is not None:
            self._flaw(first, (), "must be settings, one `key: value` a line")
            raise YamlError(tuple(self._flaws))
        return {}

    def _next(self) -> yaml.Event:
        # The stubs allow for the None that follows the end of the stream; nobody reads so far.
        return cast("yaml.Event", self._loader.get_event())

    def _value(self, event: yaml.Event, path: KeyPath) -> object:
        """The value that begins with this event; reads on to its end."""
        if len(path) > _DEEPEST:
            raise _TooDeepError(_position(event))
        self._values.setdefault(path, _position(event))
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._flaw(event, path, "is an alias (`*name`), which is not supported; write it out")
            return None
        if event.anchor is not None:
            self._flaw(event, path, "has an anchor (`&name`), which is not supported; remove it")
        if event.tag not in (None, _TAG + "str"):
            self._flaw(event, path, "has a tag (`!name`), which is not supported; remove it")
        if isinstance(event, yaml.MappingStartEvent):
            return self._map(path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        return self._list(path)

    def _list(self, path: KeyPath) -> list[object]:
        items: list[object] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _map(self, path: KeyPath) -> dict[str, object]:
        """The map whose start was read. The first of several equal keys counts."""
        entries: dict[str, object] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key in entries:
                first = self._keys[*path, key].line
                self._flaw(event, (*path, key), f"stands twice, first in line {first}; keep one")
            self._keys.setdefault((*path, key), _position(event))
            value = self._value(self._next(), (*path, key))
            entries.setdefault(key, value)
        return entries

    def _key(self, event: yaml.Event, path: KeyPath) -> str:
        """The key as written, so that what stands beneath it can be looked at too."""
        if not isinstance(event, yaml.ScalarEvent):
            self._value(event, path)
            self._flaw(event, path, "has a key that is not a plain word")
            return ""
        kind = self._kind(event)
        if kind == "merge":
            self._flaw(event, path, "has a merge key (`<<`), which is not supported; write it out")
        elif kind in _READ_AS:
            sentence = f"YAML reads this key as {_READ_AS[kind]}; put it in quotes"
            self._flaw(event, (*path, event.value), sentence)
        return str(event.value)

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> object:
        """What YAML makes of a scalar, or its text where that would be a surprise."""
        kind = self._kind(event)
        if surprise := _surprise(kind, event.value):
            self._flaw(event, path, f"YAML reads this as {surprise}; put it in quotes")
        elif kind in _PLAIN - {"str"}:
            try:
                node = yaml.ScalarNode(_TAG + kind, event.value)
                return self._loader.construct_object(node)
            except ValueError:
                # Python reads no number of more than 4,300 digits, and `0x_` has none.
                sentence = "YAML reads this as a number, but cannot; put it in quotes"
                self._flaw(event, path, sentence)
        return event.value

    def _kind(self, event: yaml.ScalarEvent) -> str:
        """The name of the type YAML 1.1 gives this scalar, such as `str`, `int` or `timestamp`."""
        resolve: Callable[..., str] = self._loader.resolve  # untyped in the stubs
        tag = event.tag or resolve(yaml.ScalarNode, event.value, event.implicit)
        return tag.removeprefix(_TAG)

    def _flaw(self, event: yaml.Event, path: KeyPath, sentence: str) -> None:
        self._flaws.append(Flaw(_position(event), path, sentence))


class _TooDeepError(Exception):
    """Nothing here needs so many levels."""

    def __init__(self, position: Position) -> None:
        super().__init__()
        self.position = position


def _surprise(kind: str, written: str) -> str:
    """What YAML 1.1 makes of it if nobody means that, else nothing."""
    if kind == "timestamp":
        return "a date"
    if kind in ("int", "float") and ":" in written:
        return "a number in base 60"
    if kind == "int" and re.fullmatch(r"[-+]?0[0-7_]+", written):
        return "a number in base 8"
    return ""


def _syntax_flaw(error: yaml.YAMLError) -> Flaw:
    position = _at(getattr(error, "problem_mark", None))
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", "unreadable"))
    # The Python version quotes what it found; one character, such as ':', is no secret.
    problem = re.sub(r"(['\"])(?!.\1).*\1", "something else", problem)
    tabs = "; indent with spaces, not tabs" if "cannot start any token" in problem else ""
    return Flaw(position, (), f"is not YAML: {problem}{tabs}")


def _position(event: yaml.Event) -> Position:
    return _at(event.start_mark)


def _at(mark: Any) -> Position:  # each loader has its own class of marks, both with these numbers
    return Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)


def _under(path: KeyPath) -> str:
    return f"{spelled(path)}: " if path else ""
