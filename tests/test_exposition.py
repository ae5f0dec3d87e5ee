"""Lines and pages of Prometheus' text format and of OpenMetrics, as their own parsers read them."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import Metric as Family
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as read_text

from exporter.catalog import PUBLISHED, Metric
from exporter.exposition import Page, Piece, header, identity, number, sample
from exporter.negotiation import Format
from tests.fakes import NOW

GAUGE = Metric("braze_things", "gauge", ("workspace", "thing"), "Things.")
INFO = Metric("braze_thing_info", "info", ("workspace", "thing"), "A thing's name.")
PLAIN = Metric("braze_everything", "gauge", (), "Everything.")

COUNTER = Metric("braze_polls_total", "counter", (), "Polls.")
QUOTED = Metric("braze_odd", "gauge", (), 'A "b" \\ c\nd')

Parser = Callable[[str], Iterable[Family]]
PARSERS: dict[Format, tuple[Parser, str]] = {
    Format.TEXT: (read_text, ""),
    Format.OPENMETRICS: (read_openmetrics, "# EOF\n"),
}


def parsed(text: str, form: Format) -> list[Family]:
    """What prometheus_client's own parser makes of a page; the one of OpenMetrics is strict."""
    read, end = PARSERS[form]
    return list(read(text + end))


@pytest.mark.parametrize(
    ("metric", "labels", "value", "line"),
    [
        (PLAIN, (), 1.0, "braze_everything 1\n"),
        (GAUGE, ("a", "b"), 1.5, 'braze_things{workspace="a",thing="b"} 1.5\n'),
        (GAUGE, ("a", ""), 0.0, 'braze_things{workspace="a",thing=""} 0\n'),
        (INFO, ("a", "b"), 1.0, 'braze_thing_info{workspace="a",thing="b"} 1\n'),
        (
            GAUGE,
            ('say "hi"', "C:\\new\nline"),
            1.0,
            'braze_things{workspace="say \\"hi\\"",thing="C:\\\\new\\nline"} 1\n',
        ),
        (GAUGE, ("ウェブ", "}{,= #"), 1.0, 'braze_things{workspace="ウェブ",thing="}{,= #"} 1\n'),
    ],
)
def test_a_sample_is_one_line(
    metric: Metric, labels: Sequence[str], value: float, line: str
) -> None:
    """No timestamp stands on a live sample; quotes, backslashes and line ends are escaped."""
    assert sample(metric, labels, value) == line


@pytest.mark.parametrize("labels", [(), ("a",), ("a", "b", "c")])
def test_a_sample_has_all_of_its_metrics_labels(labels: Sequence[str]) -> None:
    """A wrong number of labels is a bug of ours, which must not reach a page."""
    with pytest.raises(ValueError, match="zip"):
        sample(GAUGE, labels, 1.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (7, "7"),
        (0.1, "0.1"),
        (-1.5, "-1.5"),
        (1_710_325_200.0, "1710325200"),
        (1_710_325_200.25, "1710325200.25"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9007199254740992.0"),
        (1e300, "1e+300"),
        (5e-324, "5e-324"),
    ],
)
def test_a_number_is_whole_without_an_exponent_as_long_as_it_is_exact(
    value: float, text: str
) -> None:
    """Timestamps and counts read as people write them."""
    assert number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_changes_on_the_page(value: float) -> None:
    """What is written is the same number, to the last bit."""
    assert float(number(value)) == value


@given(
    labels=st.tuples(st.text(), st.text()),
    value=st.floats(allow_nan=False, allow_infinity=False),
    form=st.sampled_from(Format),
)
@example(labels=('"', "\\"), value=1.0, form=Format.OPENMETRICS)
@example(labels=("\\n", "\n\\"), value=1.0, form=Format.OPENMETRICS)
@example(labels=("a\r\nb", "\x00\x85\u2028\ufeff"), value=1.0, form=Format.TEXT)
@example(labels=("# EOF", ' # {a="b"} 1'), value=1.0, form=Format.OPENMETRICS)
@example(labels=("\U0001d539raze", "\ud800"), value=1.0, form=Format.TEXT)
def test_any_label_value_comes_back_from_prometheus_own_parsers(
    labels: tuple[str, str], value: float, form: Format
) -> None:
    """Names come from people: whatever they hold, both formats carry it unharmed. Half a character
    (a lone surrogate, which JSON can write and UTF-8 cannot) becomes a question mark.
    """
    line = sample(GAUGE, labels, value).encode("utf-8", "replace").decode()
    (family,) = parsed(header(GAUGE, form) + line, form)
    (found,) = family.samples
    workspace, thing = (label.encode("utf-8", "replace").decode() for label in labels)

    assert found.name == "braze_things"
    assert found.labels == {"workspace": workspace, "thing": thing}
    assert found.value == value
    assert found.timestamp is None


@pytest.mark.parametrize(
    ("metric", "form", "expected"),
    [
        (GAUGE, Format.TEXT, "# HELP braze_things Things.\n# TYPE braze_things gauge\n"),
        (GAUGE, Format.OPENMETRICS, "# HELP braze_things Things.\n# TYPE braze_things gauge\n"),
        # OpenMetrics has a type for it, and names the family without the suffix
        (
            INFO,
            Format.TEXT,
            "# HELP braze_thing_info A thing's name.\n# TYPE braze_thing_info gauge\n",
        ),
        (
            INFO,
            Format.OPENMETRICS,
            "# HELP braze_thing A thing's name.\n# TYPE braze_thing info\n",
        ),
        (
            COUNTER,
            Format.TEXT,
            "# HELP braze_polls_total Polls.\n# TYPE braze_polls_total counter\n",
        ),
        (
            COUNTER,
            Format.OPENMETRICS,
            "# HELP braze_polls Polls.\n# TYPE braze_polls counter\n",
        ),
        # Only OpenMetrics escapes quotes there
        (
            QUOTED,
            Format.TEXT,
            '# HELP braze_odd A "b" \\\\ c\\nd\n# TYPE braze_odd gauge\n',
        ),
        (
            QUOTED,
            Format.OPENMETRICS,
            '# HELP braze_odd A \\"b\\" \\\\ c\\nd\n# TYPE braze_odd gauge\n',
        ),
    ],
)
def test_a_header_names_the_metric_and_its_type(
    metric: Metric, form: Format, expected: str
) -> None:
    """HELP and TYPE, in the words of the format."""
    assert header(metric, form) == expected


def test_a_series_is_named_as_its_line_begins() -> None:
    """With its labels, escaped, or with none."""
    assert identity("braze_up", ()) == "braze_up"
    assert identity("braze_up", [("a", "b"), ("c", 'd"')]) == 'braze_up{a="b",c="d\\""}'


@pytest.mark.parametrize("form", Format)
def test_any_help_text_comes_back(form: Format) -> None:
    """Help texts are escaped as each format wants it."""
    (family,) = parsed(header(QUOTED, form) + sample(QUOTED, (), 1.0), form)
    assert family.documentation == QUOTED.help


@pytest.mark.parametrize("form", Format)
def test_every_published_metric_stands_up_to_its_parser(form: Format) -> None:
    """A page of everything we publish is read whole, by the strict parser of OpenMetrics too."""
    text = "".join(
        header(metric, form) + sample(metric, [f"{name}-value" for name in metric.labels], 1.0)
        for metric in PUBLISHED
    )
    found = {one.name: one for family in parsed(text, form) for one in family.samples}
    assert set(found) == {metric.name for metric in PUBLISHED}
    for metric in PUBLISHED:
        assert found[metric.name].labels == {name: f"{name}-value" for name in metric.labels}


def members(packed: bytes) -> int:
    """How many gzip members `packed` consists of."""
    count = 0
    while packed:
        member = zlib.decompressobj(wbits=31)
        member.decompress(packed)
        assert member.eof
        packed, count = member.unused_data, count + 1
    return count


@pytest.mark.parametrize(
    ("pieces", "tail"),
    [
        ([b"first\n", b"second\n"], b"third\n"),
        ([], b""),
        ([], b"only a tail\n"),
        ([b"no tail\n"], b""),
        ([b"one\n" * 100_000], b"two\n" * 50_000),
        ([b"small\n", b"large\n" * 10_000, b"", b"small\n", b"huge\n" * 50_000], b"tail\n"),
    ],
)
def test_a_page_is_what_was_published_and_then_its_tail(pieces: list[bytes], tail: bytes) -> None:
    """Plain and packed hold the same, and the packed one is a single gzip member: curl and others
    show no more than the first.
    """
    whole = b"".join(pieces) + tail
    made = Page.of(map(Piece.of, pieces))

    assert b"".join(made.with_tail(tail, gzipped=False)) == whole
    assert gzip.decompress(b"".join(made.with_tail(tail, gzipped=True))) == whole
    assert members(b"".join(made.with_tail(tail, gzipped=True))) == 1


LARGE = st.binary(min_size=1, max_size=4).map(lambda text: text * 20_000)  # packed by itself


@given(st.lists(st.one_of(st.binary(), LARGE)), st.lists(st.binary(), min_size=1, max_size=3))
def test_a_page_is_packed_once_for_many_tails(pieces: list[bytes], tails: list[bytes]) -> None:
    """A scrape packs only its tail, and leaves the page as it was for the next."""
    made = Page.of(map(Piece.of, pieces))
    for tail in tails:
        packed = b"".join(made.with_tail(tail, gzipped=True))
        assert gzip.decompress(packed) == b"".join(pieces) + tail
        assert members(packed) == 1


def test_what_is_large_is_packed_once_for_all_pages() -> None:
    """From 16 KiB on; what is smaller goes in with its neighbours, which make it small."""
    small, just, large = (Piece.of(b"x" * size) for size in (16_383, 16_384, 100_000))
    assert (small.packed is None, just.packed is None, large.packed is None) == (True, False, False)

    packed = Page.of([small, small, large, just, small]).packed
    assert [any(part is each.packed for each in (just, large)) for part in packed] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_packed_page_is_small() -> None:
    """Packing is worth it: samples of one metric are alike."""
    lines = "".join(sample(GAUGE, ("production", f"id-{i}"), NOW + i) for i in range(2000)).encode()
    packed = Page.of([Piece.of(lines)]).with_tail(b"", gzipped=True)
    assert sum(map(len, packed)) < len(lines) / 5
