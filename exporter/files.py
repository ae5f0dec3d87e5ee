"""Small files that are read again when they change: their content, and which version it is."""

import os
import stat
from pathlib import Path
from typing import NamedTuple


class Version(NamedTuple):
    """What differs between two versions of a file; a mounted Kubernetes secret swaps the inode."""

    modified_ns: int
    size: int
    inode: int


class FileError(Exception):
    """A file cannot be read; the text says why, and names neither the file nor its content."""


def version(path: Path) -> Version:
    """The version that is there now. Raises FileError."""
    try:
        return _version(path.stat())
    except (OSError, ValueError) as error:
        raise FileError(_reason(error)) from None


def content(path: Path, largest: int) -> tuple[Version, bytes]:
    """What a regular file holds, and the version that was read: that one, and no later.

    Of a file larger than `largest` bytes comes one byte more than that. Raises FileError.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileError("is no regular file; a pipe cannot be read again")
            return _version(status), file.read(largest + 1)
    except (OSError, ValueError) as error:
        raise FileError(_reason(error)) from None


def _without_waiting(path: str, flags: int) -> int:
    """Opens a pipe at once instead of waiting for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _version(status: os.stat_result) -> Version:
    return Version(status.st_mtime_ns, status.st_size, status.st_ino)


def _reason(error: OSError | ValueError) -> str:
    """Why the file cannot be read; ValueError is a path with a null character."""
    known: dict[type[Exception], str] = {
        FileNotFoundError: "does not exist",
        PermissionError: "may not be read by this user",
        IsADirectoryError: "is a directory",
    }
    return f"cannot be read: it {known.get(type(error), 'is no readable file')}"
