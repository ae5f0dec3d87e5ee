"""Rows of text as columns of a terminal: pure."""

import unicodedata
from collections.abc import Iterable, Sequence


def aligned(rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """A line for each row; columns as wide as their widest cell, those in `right` to the right."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    to_right = frozenset(right)
    return "".join(
        "  ".join(
            " " * (width - _width(cell)) + cell
            if number in to_right
            else cell + " " * (width - _width(cell))
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        + "\n"
        for row in cells
    )


def printable(text: str) -> str:
    """In one line and without control characters: names come from Braze, and terminals obey some
    of those.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def _width(text: str) -> int:
    """How many columns `text` takes: those of East Asia two, what combines with another none."""
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )
