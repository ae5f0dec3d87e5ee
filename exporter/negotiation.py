"""Which exposition format and content encoding a request gets.

Content negotiation of RFC 9110 section 12.5, narrowed to what this exporter can send: OpenMetrics
1.0.0 or the Prometheus text format 0.0.4, compressed with gzip or not. A scrape is never refused
for its headers: what cannot be understood is skipped, and where nothing fits the answer is text,
uncompressed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import NamedTuple


class Format(Enum):
    """An exposition format this exporter writes."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The format to answer with and the `Content-Type` that says so."""

    format: Format
    content_type: str


# Each format's media type, and how closely a range asking for it by version ("" = none) describes
# what we send. OpenMetrics 0.0.1 was a draft of 1.0.0; Prometheus asks for both.
_NAMED: Mapping[Format, tuple[str, Mapping[str, int]]] = {
    Format.TEXT: ("text/plain", {"0.0.4": 3, "": 2}),
    Format.OPENMETRICS: ("application/openmetrics-text", {"1.0.0": 4, "0.0.1": 3, "": 2}),
}
_BY_NAME = 2  # the least of those; below it are `type/*` (1) and `*/*` (0)

# How names outside [a-zA-Z0-9_:] are to be written. All of ours are inside, so that each scheme
# leaves them as they are: https://prometheus.io/docs/instrumenting/escaping_schemes/
_ESCAPING = frozenset({"allow-utf-8", "underscores", "dots", "values"})

# The parts of a list, where a separator inside a quoted string separates nothing (RFC 9110 section
# 5.6.4). A string left open reaches to the end, which makes that part malformed.
_QUOTED = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'
_PARTS = {mark: re.compile(rf'(?:[^{mark}"]|{_QUOTED})+', re.DOTALL) for mark in ",;"}

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # what RFC 9110 section 5.6.2 calls a token
_BLANK = " \t"
_NAME = re.compile(rf"{_WORD}(?:/{_WORD})?")
_PARAMETER = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:({_WORD})|"((?:[^"\\]|\\.)*)")')
_QUALITY = re.compile(r"0(?:\.[0-9]*)?|1(?:\.0*)?")


class _Element(NamedTuple):
    """One well-formed element of an Accept or Accept-Encoding list, in lower case."""

    name: str
    parameters: Mapping[str, str]
    quality: float


class _Match(NamedTuple):
    """How well a format fits a request; of two the one with the greater first three fields wins."""

    quality: float = 0.0
    specificity: int = -1
    named: bool = False
    escaping: str = ""


@lru_cache(maxsize=64)  # a Prometheus asks in the same words each time
def negotiate(accept: str | None) -> Negotiated:
    """The format for a request with this `Accept` header (None: it has none).

    For each format the range that describes it most closely decides its quality (RFC 9110 section
    12.5.1): one with a version before one without, before `type/*`, before `*/*`; quality 0
    excludes. Parameters other than `version` exclude nothing. The higher quality wins; of equals
    the format described more closely; then OpenMetrics if it was named, else text. The `escaping`
    that the winning range asks for is repeated in the content type.
    """
    elements = tuple(_elements(accept or ""))
    matches = {format_: _match(format_, elements) for format_ in Format}
    # `max` keeps the first of equals, and the first format is text.
    best = max(Format, key=lambda format_: matches[format_][:3])
    escaping = matches[best].escaping
    suffix = f"; escaping={escaping}" if escaping in _ESCAPING else ""
    return Negotiated(best, best.value + suffix)


@lru_cache(maxsize=64)
def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether a request with this `Accept-Encoding` header is best answered with gzip.

    It is when gzip is acceptable (RFC 9110 section 12.5.3) and `identity` not named as the better.
    """
    qualities: dict[str, float] = {}
    for coding, _, quality in _elements(accept_encoding or ""):
        name = "gzip" if coding == "x-gzip" else coding  # the same: RFC 9110 section 8.4.1.3
        qualities[name] = max(quality, qualities.get(name, 0.0))
    gzip = qualities.get("gzip", qualities.get("*", 0.0))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def _match(format_: Format, elements: tuple[_Element, ...]) -> _Match:
    """What the range closest to the format says; of equally close ones the most generous."""
    media_type, versions = _NAMED[format_]
    wildcards = {"*/*": 0, media_type.partition("/")[0] + "/*": 1}
    best = _Match()
    for name, parameters, quality in elements:
        if name == media_type:
            specificity = versions.get(parameters.get("version", ""))
        else:
            specificity = wildcards.get(name)
        if specificity is None:
            continue
        if (specificity, quality) > (best.specificity, best.quality):
            named = format_ is Format.OPENMETRICS and specificity >= _BY_NAME
            best = _Match(quality, specificity, named, parameters.get("escaping", ""))
    # What is excluded competes no more than what was never mentioned.
    return best if best.quality > 0 else _Match()


def _elements(header: str) -> Iterator[_Element]:
    """The elements of a list header in their order, malformed ones left out."""
    for element in _PARTS[","].findall(header):
        name, _, rest = element.partition(";")
        parts = (part.strip(_BLANK) for part in _PARTS[";"].findall(rest))
        parameters = [_PARAMETER.fullmatch(part) for part in parts if part]
        if not _NAME.fullmatch(name.strip(_BLANK)) or not all(parameters):
            continue
        values = {m[1].lower(): (m[2] or m[3] or "").lower() for m in parameters if m}
        quality = values.pop("q", "1")
        if _QUALITY.fullmatch(quality):
            yield _Element(name.strip(_BLANK).lower(), values, float(quality))
