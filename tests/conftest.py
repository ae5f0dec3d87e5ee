"""A simulated Braze, running exporters and processes, all of which end with the test."""

import json
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from exporter import baselines, buckets, negotiation, redaction
from exporter.simulator import Server
from tests.doubles import Process, Running, no_thread_left, simulated
from tests.tries import load_profile

load_profile()  # before a module of tests is read, whose properties take their settings from it


def pytest_configure() -> None:
    """Let the processes of tests be interrupted, though whoever began the tests cannot be: a shell
    that runs them in the background ignores SIGINT, and what is ignored stays so in children.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """The loggers are afterwards as they were: commands set up the log, and pytest has its own."""
    touched = [logging.getLogger(name) for name in (None, "urllib3", "apscheduler")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in touched]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


_REMEMBERING = (
    baselines._earlier,
    buckets._spans,
    buckets._read_time,
    negotiation.negotiate,
    negotiation.accepts_gzip,
    redaction._spellings,
    redaction._runs,
)


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """A mutant does not find the answers of the code it was made of (`make mutants`)."""
    if "MUTANT_UNDER_TEST" in os.environ:
        for cached in _REMEMBERING:
            cached.cache_clear()


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own environment configures nothing."""
    for name in os.environ:
        if name.startswith("BRAZE_EXPORTER_"):
            monkeypatch.delenv(name)


@pytest.fixture
def threads() -> Iterator[None]:
    """Fail the test if a thread is left that was begun in it."""
    with no_thread_left():
        yield


@pytest.fixture
def simulator() -> Iterator[Server]:
    """A small Braze on a free port."""
    with no_thread_left(), simulated() as server:
        yield server


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, object]], Path]:
    """Writes the settings file, and again when called again. JSON is YAML."""

    def written(settings: Mapping[str, object]) -> Path:
        path = tmp_path / "exporter.yml"
        path.write_text(json.dumps(settings))
        return path

    return written


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    """Starts exporters with a settings file, in threads of this process."""
    started: list[Running] = []

    def start(
        config_file: Path, environ: Mapping[str, str] | None = None, hostname: str = "here"
    ) -> Running:
        started.append(Running(config_file, environ, hostname))
        return started[-1]

    with no_thread_left():
        yield start
        for each in started:
            each.stop()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts commands, each in a process of its own."""
    started: list[Process] = []

    def start(*words: str, environ: Mapping[str, str] | None = None) -> Process:
        folder = tmp_path / f"process-{len(started)}"
        folder.mkdir()
        started.append(Process(folder, *words, environ=environ))
        return started[-1]

    yield start
    for each in started:
        each.kill()
