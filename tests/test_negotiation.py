"""Which exposition format and content encoding a request gets."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.negotiation import Format, accepts_gzip, negotiate
from tests.tries import tries

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_UNDERSCORES = PROMETHEUS_3.replace("allow-utf-8", "underscores")
PROMETHEUS_3_TEXT_FIRST = (
    "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;"
    "escaping=allow-utf-8;q=0.5,*/*;q=0.4"
)
OPENMETRICS_DRAFT_LIKED_BETTER = (  # but what we send is 1.0.0
    "application/openmetrics-text;version=0.0.1,text/plain;q=0.5,"
    "application/openmetrics-text;version=1.0.0;q=0.1"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;"
    "q=0.8,application/signed-exchange;v=b3;q=0.7"
)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        # Whoever scrapes and looks
        (PROMETHEUS_2_42, OPENMETRICS),
        (PROMETHEUS_3, f"{OPENMETRICS}; escaping=allow-utf-8"),
        (PROMETHEUS_3_UNDERSCORES, f"{OPENMETRICS}; escaping=underscores"),
        (PROMETHEUS_3_TEXT_FIRST, TEXT),
        ("*/*", TEXT),  # curl
        (FIREFOX, TEXT),
        (CHROME, TEXT),
        (None, TEXT),
        ("", TEXT),
        # OpenMetrics: without version, as 1.0.0 and as its draft 0.0.1; nothing else is ours
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0", OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", OPENMETRICS),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/openmetrics-text;version=9.9.9", TEXT),
        ("application/openmetrics-text;version=1.x", TEXT),
        ("application/openmetrics-text;version=2.0.0,application/openmetrics-text", OPENMETRICS),
        # Text: without version and as 0.0.4
        ("text/plain", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("text/plain;version=1.0.0,application/openmetrics-text;q=0.1", OPENMETRICS),
        # The higher quality wins, wherever it stands
        ("text/plain;q=0.4,application/openmetrics-text;q=0.5", OPENMETRICS),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.5", TEXT),
        ("application/openmetrics-text;q=0.5,*/*;q=0.9", TEXT),
        ("application/openmetrics-text;q=0.999,text/plain;q=1.000", TEXT),
        # What describes a format most closely decides its quality
        ("application/*;q=0.9,application/openmetrics-text;q=0.1,text/plain;q=0.5", TEXT),
        ("text/*;q=0.9,text/plain;q=0.1,application/openmetrics-text;q=0.5", OPENMETRICS),
        (
            "application/openmetrics-text,application/openmetrics-text;version=1.0.0;q=0.1,*/*;q=0.5",
            TEXT,
        ),
        (
            "application/openmetrics-text;version=0.0.1,application/openmetrics-text;q=0.1,text/plain;q=0.5",
            OPENMETRICS,
        ),
        (OPENMETRICS_DRAFT_LIKED_BETTER, TEXT),
        ("text/*;q=0.2,*/*;q=0.8", OPENMETRICS),
        # Of equal qualities: the closer description, then OpenMetrics if it was named, else text
        ("application/openmetrics-text,*/*", OPENMETRICS),
        ("text/plain,*/*", TEXT),
        ("text/plain,application/openmetrics-text", OPENMETRICS),
        ("text/plain;version=0.0.4,application/openmetrics-text", TEXT),
        ("text/*,application/*", TEXT),
        ("application/*", OPENMETRICS),
        # Quality 0 excludes
        ("text/plain;q=0,*/*", OPENMETRICS),
        ("application/openmetrics-text;q=0,application/*", TEXT),
        ("application/openmetrics-text;q=0.0,text/plain;q=0.001", TEXT),
        # Nothing fits: text all the same, because a scrape is never refused
        ("*/*;q=0", TEXT),
        ("text/plain;q=0", TEXT),
        ("application/json", TEXT),
        # Case, blanks, quotes and other parameters do not matter
        ("Application/OpenMetrics-Text ; Version=1.0.0 ; Q=1", OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"', OPENMETRICS),
        ('application/openmetrics-text; version="9.9.9"', TEXT),
        ('application/openmetrics-text; version=""', OPENMETRICS),
        ("application/openmetrics-text;charset=utf-8;version=1.0.0", OPENMETRICS),
        ('application/openmetrics-text;note="a, b; \\"c\\"";version=2.0.0', TEXT),
        # The escaping asked for is repeated, if there is such a one; all our names need none
        ("text/plain;version=0.0.4;escaping=values", f"{TEXT}; escaping=values"),
        ("application/openmetrics-text;escaping=dots", f"{OPENMETRICS}; escaping=dots"),
        ("application/openmetrics-text;escaping=rot13", OPENMETRICS),
        ("application/openmetrics-text,text/plain;q=0.5;escaping=dots", OPENMETRICS),
        ("text/plain;escaping=dots,text/plain;escaping=values", f"{TEXT}; escaping=dots"),
        # Malformed elements are skipped, the others count
        ("application/openmetrics-text;\vversion=1.0.0,text/plain;q=0.1", TEXT),
        ("\vapplication/openmetrics-text,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=much,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=2,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;version,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text extra,text/plain;q=0.1", TEXT),
        ("/,;,=;q,,;;q=1,application/openmetrics-text", OPENMETRICS),
        ('application/openmetrics-text;q=0.1,text/plain;x="open, text/plain', OPENMETRICS),
    ],
)
def test_format_follows_the_accept_header(accept: str | None, content_type: str) -> None:
    assert negotiate(accept).content_type == content_type


@pytest.mark.parametrize("accept", [PROMETHEUS_3, None])
def test_content_type_names_the_chosen_format(accept: str | None) -> None:
    """What the header says and what the caller renders is the same."""
    chosen = negotiate(accept)
    assert chosen.content_type.startswith(chosen.format.value)


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip", True),  # Prometheus
        ("gzip, deflate, br, zstd", True),  # browsers
        ("deflate, gzip, br", True),  # curl --compressed
        ("x-gzip", True),
        ("GZIP;Q=0.1", True),
        ("*", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("identity;q=0", False),  # nothing acceptable: plain all the same
        ("identity;q=0, *", True),
        ("gzip;q=0.5, *", True),  # only a better identity that is named counts
        (None, False),
        ("", False),
        ("identity", False),
        ("deflate, br", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("x-gzip, gzip;q=0", True),  # two names of one coding: what is allowed once is allowed
        ("gzip;q=0, x-gzip", True),
        ("*;q=0", False),
        ("identity, gzip;q=0.5", False),
        ("gzip;q=high", False),
        ("gzipped", False),
    ],
)
def test_gzip_where_it_is_accepted(accept_encoding: str | None, expected: bool) -> None:
    assert accepts_gzip(accept_encoding) is expected


# Random text seldom looks like a header: pieces of headers in any order do, and break more.
PIECES = st.sampled_from(
    [
        *PROMETHEUS_3.replace(",", ",|").split("|"),
        *';,=*/" \\',
        "q",
        "q=",
        "0.5",
        "version",
        '"',
        "\\",
    ]
)
HEADERS = st.text() | st.lists(PIECES).map("".join)


@given(HEADERS)
@example('"' * 999 + "\\")
def test_no_header_is_an_error(header: str) -> None:
    """Whatever a client sends, it gets one of the two formats and gzip or not."""
    assert negotiate(header).format in Format
    assert accepts_gzip(header) in (True, False)


@given(HEADERS)
def test_only_what_was_asked_for_is_repeated(header: str) -> None:
    """Nothing of a header reaches the content type but a known escaping."""
    content_type = negotiate(header).content_type
    escapings = ("", "allow-utf-8", "underscores", "dots", "values")
    known = {
        f"{base}; escaping={e}" if e else base for base in (TEXT, OPENMETRICS) for e in escapings
    }
    assert content_type in known


@pytest.mark.parametrize("mark", ['"', '"\\', "a;", ",", "a;b=c;", 'a;b="', "\\", "a/b;q=0."])
def test_long_headers_take_no_long_time(mark: str) -> None:
    """The work grows with the length, not its square: 64 KiB take milliseconds, not minutes."""
    negotiate(mark * (65536 // len(mark)))


Range = tuple[str, str, str]  # media type or coding, version, quality as written; "" for none
QUALITIES = st.sampled_from(["", "0", "0.", "0.0", "0.001", "0.1", "0.5", "0.50", "1", "1.000"])
RANGES = st.tuples(
    st.sampled_from(
        ["text/plain", "application/openmetrics-text", "*/*", "text/*", "application/*", "text/x"]
    ),
    st.sampled_from(["", "", "0.0.4", "1.0.0", "0.0.1", "2.0.0"]),
    QUALITIES,
)
CODINGS = st.tuples(
    st.sampled_from(["gzip", "x-gzip", "identity", "*", "deflate", "br"]), st.just(""), QUALITIES
)
STYLES = st.sampled_from([(",", ";", "="), (" , ", " ; ", "="), (",,", ";;", " = ")])


def in_a_header(ranges: list[Range], style: tuple[str, str, str], shouting: bool) -> str:
    comma, semicolon, equals = style
    elements = [
        semicolon.join(
            [name, *([f"version{equals}{version}"] if version else [])]
            + ([f"q{equals}{quality}"] if quality else [])
        )
        for name, version, quality in ranges
    ]
    header = comma.join(elements)
    return header.upper() if shouting else header


def how_good(media: str, closeness: dict[str, int], ranges: list[Range]) -> tuple[Decimal, int]:
    """The quality that the closest range gives, and how close that is; (0, -1) for excluded."""
    found = []
    for name, version, quality in ranges:
        if name == media and version in closeness:
            close = closeness[version]
        elif name in ("*/*", media.split("/")[0] + "/*"):
            close = 0 if name == "*/*" else 1
        else:
            continue
        found.append((close, Decimal(quality or "1")))
    close, best = max(found, default=(-1, Decimal(0)))
    return (best, close) if best else (Decimal(0), -1)


@tries(500)
@given(st.lists(RANGES, max_size=6), STYLES, st.booleans())
def test_the_format_is_the_one_a_plain_reading_of_the_rules_finds(
    ranges: list[Range], style: tuple[str, str, str], shouting: bool
) -> None:
    """The closest range decides a format's quality, the greater quality the format; of equals the
    closer one, then OpenMetrics if it was named.
    """
    text = how_good("text/plain", {"0.0.4": 3, "": 2}, ranges)
    metrics = how_good("application/openmetrics-text", {"1.0.0": 4, "0.0.1": 3, "": 2}, ranges)
    better = metrics > text or (metrics == text and metrics[1] >= 2)
    chosen = negotiate(in_a_header(ranges, style, shouting)).format
    assert chosen is (Format.OPENMETRICS if better else Format.TEXT)


@tries(500)
@given(st.lists(CODINGS, max_size=5), STYLES, st.booleans())
def test_gzip_is_chosen_where_a_plain_reading_of_the_rules_allows_it(
    codings: list[Range], style: tuple[str, str, str], shouting: bool
) -> None:
    """By its own name, else by `*`; and not where plain text is named as the better."""

    def quality(*names: str) -> Decimal | None:
        return max((Decimal(q or "1") for name, _, q in codings if name in names), default=None)

    gzip, others = quality("gzip", "x-gzip"), quality("*")
    asked = next((each for each in (gzip, others) if each is not None), Decimal(0))
    expected = asked > 0 and asked >= (quality("identity") or 0)
    assert accepts_gzip(in_a_header(codings, style, shouting)) is expected
