"""An API key that is given as text or in a file, and read again when the file changes."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from exporter import files

_LARGEST = 4096


class KeyFileError(Exception):
    """No key can be read from the file; the text says why, and neither the key nor the path."""


def key_fault(key: str) -> str:
    """What is wrong with this key, without repeating it; empty if nothing is."""
    if not key:
        return "is empty"
    if key.lower().startswith("bearer "):
        return "begins with `Bearer`; give the key alone"
    if re.search(r"\s", key):
        return "contains white space; give the key alone"
    if not re.fullmatch(r"[!-~]+", key):
        return "contains characters that are no visible ASCII; copy the key again"
    if key[0] in "\"'`" or key[-1] in "\"'`":
        return "is in quotes that belong to the key; remove them"
    return ""


def key_in(path: Path) -> str:
    """The key this file holds, without the newline at its end. Raises KeyFileError."""
    return _read(path)[1]


class ApiKey:
    """The key of one workspace. Any thread may `read` it; its repr does not show it."""

    def __init__(
        self, key: str, path: Path | None = None, version: files.Version | None = None,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        self._key = key
        self._path = path
        self._version = version
        self._on_problem = on_problem
        self._problem = ""
        self._lock = threading.Lock()

    @classmethod
    def of(cls, value: str) -> Self:
        """A key that never changes."""
        return cls(value)

    @classmethod
    def in_file(cls, path: Path, on_problem: Callable[[str], None] | None = None) -> Self:
        """The key in this file. Raises KeyFileError if there is none now.

        Later problems are told to `on_problem`, each once, while the last good key stays in use:
        a secret being rotated may be gone for a moment.
        """
        version, key = _read(path)
        return cls(key, path, version, on_problem)

    def read(self) -> str:
        """The key as it is now; the file is only read if its time, size or inode changed."""
        if self._path is None:
            return self._key
        with self._lock:
            problem = self._refresh(self._path)
            is_news = problem not in ("", self._problem)
            self._problem = problem
            key = self._key
        # Outside the lock, so that the observer may do what it likes, even read the key.
        if is_news and self._on_problem is not None:
            self._on_problem(problem)
        return key

    def _refresh(self, path: Path) -> str:
        """Takes over a changed file; what is wrong with it otherwise."""
        try:
            if files.version(path) != self._version:
                self._version, self._key = _read(path)
        except (files.FileError, KeyFileError) as error:
            return str(error)
        return ""

    def __repr__(self) -> str:
        return f"ApiKey(in_file={str(self._path)!r})" if self._path else "ApiKey(of='**********')"


def _read(path: Path) -> tuple[files.Version, str]:
    """The file's key, and the version of the file that holds it."""
    try:
        version, content = files.content(path, _LARGEST)
    except files.FileError as error:
        raise KeyFileError(str(error)) from None
    if len(content) > _LARGEST:
        raise KeyFileError("is larger than 4 KiB; it must hold the key alone")
    try:
        key = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise KeyFileError("is not text; it must hold the key alone") from None
    if "\n" in key or "\r" in key:
        raise KeyFileError("has several lines; it must hold the key alone")
    if fault := key_fault(key):
        raise KeyFileError(fault)
    return version, key
