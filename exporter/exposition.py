"""Metrics and samples -> the lines of Prometheus' text format and of OpenMetrics.

All our published metrics are gauges and infos, whose sample lines are the same in both formats:
they are written once, and only the headers differ. (prometheus_client's encoder takes ten times as
long for each format, holding the interpreter; its parsers check this one in the tests.)
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby

from exporter.catalog import Metric
from exporter.negotiation import Format

_LABEL_ESCAPES = {"\\": r"\\", "\n": r"\n", '"': r"\""}
OPENMETRICS_SUFFIX = {"info": "_info", "counter": "_total"}
_SPECIAL = re.compile(r'[\\\n"]')


def sample(metric: Metric, labels: Sequence[str], value: float) -> str:
    """One line. Raises ValueError where the number of labels isn't that of the metric."""
    return line(metric.name, written(zip(metric.labels, labels, strict=True)), value)


def line(name: str, labels: str, value: float) -> str:
    """The same, of labels that are `written` already."""
    return f"{name}{{{labels}}} {number(value)}\n" if labels else f"{name} {number(value)}\n"


def identity(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """A series as its line begins: the metric's name, and its labels with their values."""
    pairs = written(labels)
    return f"{name}{{{pairs}}}" if pairs else name


def written(labels: Iterable[tuple[str, str]]) -> str:
    """Labels with their values, as they stand between the braces."""
    return ",".join(
        f'{label}="{_SPECIAL.sub(_escaped, text) if _SPECIAL.search(text) else text}"'
        for label, text in labels
    )


def number(value: float) -> str:
    """A finite value as Prometheus writes it: whole numbers without an exponent as long as they are
    exact.
    """
    # An int is a float to the type checker, but has no `is_integer` before Python 3.12.
    exact = float(value)
    return str(int(exact)) if exact.is_integer() and abs(exact) < 2**53 else repr(exact)


def header(metric: Metric, form: Format) -> str:
    """The HELP and TYPE lines of a metric in `form`."""
    help_text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    if form is Format.OPENMETRICS:
        # The family of an info or a counter has no suffix there, its samples do.
        name = metric.name.removesuffix(OPENMETRICS_SUFFIX.get(metric.type, ""))
        help_text = help_text.replace('"', r"\"")
        return f"# HELP {name} {help_text}\n# TYPE {name} {metric.type}\n"
    kind = "gauge" if metric.type == "info" else metric.type
    return f"# HELP {metric.name} {help_text}\n# TYPE {metric.name} {kind}\n"


_LARGE = 16 * 1024
"""Bytes from which on a piece is packed by itself: below, its neighbours help to make it small."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of pages that stands until it is rendered again, packed once where it is large."""

    plain: bytes
    packed: bytes | None

    @classmethod
    def of(cls, plain: bytes) -> "Piece":
        """The piece of this text."""
        return cls(plain, _packed(plain) if len(plain) >= _LARGE else None)


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a page that stands until the next publish, plain and packed, each as the parts
    that it consists of: what pages have in common is one object, and no scrape copies it.
    """

    parts: tuple[bytes, ...]
    packed: tuple[bytes, ...]
    size: int
    crc: int

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> "Page":
        """The page made of `pieces`. Large ones are not packed again."""
        known = tuple(pieces)
        packed: list[bytes] = []
        for large, run in groupby(known, key=lambda piece: piece.packed is not None):
            if large:
                packed += (piece.packed or b"" for piece in run)
            else:
                packed.append(_packed(b"".join(piece.plain for piece in run)))
        parts = tuple(piece.plain for piece in known)
        crc = reduce(lambda before, part: zlib.crc32(part, before), parts, 0)
        return cls(parts, tuple(packed), sum(map(len, parts)), crc)

    @property
    def plain(self) -> bytes:
        """The whole, not packed."""
        return b"".join(self.parts)

    def with_tail(self, tail: bytes, gzipped: bool) -> tuple[bytes, ...]:
        """The parts of the page followed by `tail`, as one gzip member when `gzipped`.

        Only the tail is compressed now, and fast: it is short. One member, because curl shows no
        more than the first (RFC 1952 allows several).
        """
        if not gzipped:
            return (*self.parts, tail)
        size = (self.size + len(tail)) & 0xFFFFFFFF
        return (
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff",
            *self.packed,
            zlib.compress(tail, 1, wbits=-15),
            zlib.crc32(tail, self.crc).to_bytes(4, "little"),
            size.to_bytes(4, "little"),
        )


def _packed(plain: bytes) -> bytes:
    """Deflated, to the end of a byte and with nothing that refers to what comes before: so pieces
    can follow one another in any order (RFC 1951).
    """
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    return deflate.compress(plain) + deflate.flush(zlib.Z_FULL_FLUSH)


def _escaped(found: re.Match[str]) -> str:
    return _LABEL_ESCAPES[found.group()]
