"""Whether a process holds more than before: memory, threads and descriptors, first and last."""

import time
from dataclasses import dataclass
from typing import Self

from bench.processes import Measured

_BETWEEN = 0.1  # seconds between two looks


@dataclass(frozen=True)
class Holding:
    """What a process holds; memory in MiB."""

    megabytes: float
    threads: int
    descriptors: int
    sockets: int

    @classmethod
    def of(cls, process: Measured, looks: int = 10) -> Self:
        """The least of what is seen in a second, or in so many looks.

        What is in use for a moment comes and goes; what leaked is there at every look.
        """
        seen = []
        for _ in range(looks):
            time.sleep(_BETWEEN)
            now = process.megabytes, process.threads, process.descriptors, process.sockets
            seen.append(now)
        memory, threads, descriptors, sockets = map(min, zip(*seen, strict=True))
        return cls(memory, int(threads), int(descriptors), int(sockets))


def growth(first: Holding, last: Holding, spare: Holding) -> list[str]:
    """What grew by more than `spare`, a line each; nothing where all is flat."""
    return [
        f"{name}: {before:g} at first, {after:g} at last, {allowed:g} more allowed"
        for name, allowed in vars(spare).items()
        if (after := getattr(last, name)) > (before := getattr(first, name)) + allowed
    ]


def spare(workspaces: int, concurrency: int, megabytes: float = 8.0) -> Holding:
    """What may come on top of what a warmed-up exporter holds, though nothing leaks.

    Threads and connections are made when they are needed first: of each workspace as many as its
    `concurrency`, and a thread for each of its three collectors. Memory: the allocator's own
    scatter.
    """
    polls = workspaces * concurrency
    return Holding(megabytes, polls + 3 * workspaces, polls, polls)
