"""What a test needs of the machine beside Python, and free ports."""

import importlib
import os
import resource
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest


def linter(name: str) -> str:
    """The path of what `make check-tools` installs; without it as `program`."""
    path = Path(sys.executable).with_name(name)
    return str(path) if path.exists() else program(name, who="make check-tools brings it")


def program(name: str, package: str = "prometheus", who: str = "") -> str:
    """The path of a program; without it the test is skipped, or fails in CI, where nothing is."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not installed ({who or f'Debian has it as {package}'})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def library(name: str) -> Any:
    """A module that `make check-tools` installs; without it the test is skipped, or fails in CI."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        message = f"{name} is not installed (make check-tools)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def room_for(files: int) -> Iterator[None]:
    """So many more files can be opened, and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(files):
            os.close(taken.pop())
        yield
    finally:
        for one in taken:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
