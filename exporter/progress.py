"""A bar on a terminal for work that takes long."""

from typing import Protocol

_WIDTH = 30
_EVERY = 0.1  # seconds between two drawings


class Terminal(Protocol):
    """Where the bar is drawn, such as `sys.stderr`."""

    def write(self, text: str, /) -> object:
        """Write it."""

    def flush(self) -> object:
        """Show it."""

    def isatty(self) -> bool:
        """Whether a person sees it."""


class Progress:
    """Shows how much of `total` is done, where `terminal` is one; else nothing.

    Moments are in seconds, of any clock that only goes forward.
    """

    def __init__(self, what: str, total: int, terminal: Terminal, begun: float) -> None:
        self._what = what
        self._total = total
        self._terminal = terminal
        self._begun = self._drawn = begun
        self._shows = terminal.isatty()

    def done(self, count: int, now: float) -> None:
        """So much is done; draws ten times a second at the most."""
        if not self._shows or now < self._drawn + _EVERY:
            return
        self._drawn = now
        filled = _WIDTH * count // max(self._total, 1)
        left = (now - self._begun) / max(count, 1) * (self._total - count)
        bar = "#" * filled + "." * (_WIDTH - filled)
        text = f"{self._what} [{bar}] {count}/{self._total}, {left:.0f} s left"
        self._terminal.write(f"\r{text}\x1b[K")
        self._terminal.flush()

    def clear(self) -> None:
        """Take the bar away."""
        if self._shows:
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()
