"""Durations, shares, numbers, regexes and addresses are read as people write them, or refused."""

import contextlib
import math
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.quantities import (
    Address,
    address,
    boolean,
    duration,
    format_duration,
    format_share,
    regex,
    rise,
    share,
    text,
    whole_number,
)

UNITS = "must be a duration such as 30m or 1h30m; units are d, h, m and s"
NO_UNIT = "must be a duration with a unit, such as 30m; units are d, h, m and s"
SHARE = "must be a share from 0% to 100%, such as 30% or 0.3"
RISE = "must be a rise from 0% to 1000%, such as 150% or 1.5"
ADDRESS = "must be an address to listen on, such as :10068, 127.0.0.1:10068 or [::1]:10068"


@pytest.mark.parametrize(
    ("parse", "written", "meant"),
    [
        (duration, "90s", timedelta(seconds=90)),
        (duration, "1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        (duration, "30m1h", timedelta(minutes=90)),
        (duration, "3650d", timedelta(days=3650)),
        (duration, "0", timedelta(0)),
        (duration, 0, timedelta(0)),
        (duration, timedelta(milliseconds=5), timedelta(milliseconds=5)),
        (share, "30%", 0.3),
        (share, "12.5%", 0.125),
        (share, "100%", 1.0),
        (share, "0%", 0.0),
        (share, "0.5%", 0.005),
        (rise, "100%", 1.0),
        (rise, "1000%", 10.0),
        (rise, 0.5, 0.5),
        (rise, 1, 1.0),
        (rise, 1.5, 1.5),
        (rise, "1.5", 1.5),
        (rise, 10, 10.0),
        (rise, "0%", 0.0),
        (rise, "0.5%", 0.005),
        (rise, 0, 0.0),
        (share, "0.3", 0.3),
        (share, 0.3, 0.3),
        (share, 0, 0.0),
        (whole_number, 12, 12),
        (whole_number, "12", 12),
        (whole_number, "-3", -3),
        (boolean, True, True),
        (boolean, "Yes", True),
        (boolean, "off", False),
        (boolean, 0, False),
        (text, "", ""),
        (address, ":10068", Address("", 10068)),
        (address, "127.0.0.1:0", Address("127.0.0.1", 0)),
        (address, "localhost:80", Address("localhost", 80)),
        (address, "[::1]:9", Address("::1", 9)),
        (address, ":65535", Address("", 65535)),
    ],
)
def test_what_is_meant_is_read(
    parse: Callable[[object], object], written: object, meant: object
) -> None:
    """Each form the documentation names has one meaning."""
    assert parse(written) == meant


@pytest.mark.parametrize(
    ("parse", "written", "said"),
    [
        (duration, 30, NO_UNIT),
        (duration, 1.5, NO_UNIT),
        (duration, "30", NO_UNIT),
        (duration, True, NO_UNIT),
        (duration, "", UNITS),
        (duration, "1h 30m", UNITS),
        (duration, "-1h", UNITS),
        (duration, "1.5h", UNITS),
        (duration, "1w", UNITS),
        (duration, "5M", UNITS),
        (duration, "٣m", UNITS),
        (duration, ["1h"], UNITS),
        (duration, None, UNITS),
        (duration, "3651d", "is too long; the longest is 3650d"),
        (duration, "9" * 5000 + "s", "is too long; the longest is 3650d"),
        (share, 30, "must be a share such as 30% or 0.3; did you mean 30%?"),
        (share, "30", "must be a share such as 30% or 0.3; did you mean 30%?"),
        (share, 1, "must be a share such as 30% or 0.3; did you mean 1%?"),
        (share, 1.0, "must be a share such as 30% or 0.3; did you mean 1%?"),
        (share, 100, "must be a share such as 30% or 0.3; did you mean 100%?"),
        (share, 101, SHARE),
        (rise, 150, f"{RISE}; did you mean 150%?"),
        (rise, 1000, f"{RISE}; did you mean 1000%?"),
        (rise, "10.5", f"{RISE}; did you mean 10.5%?"),
        (rise, "1001%", RISE),
        (rise, 1001, RISE),
        (rise, -1, RISE),
        (rise, math.nan, RISE),
        (share, "101%", SHARE),
        (share, "-1%", SHARE),
        (share, -0.1, SHARE),
        (share, "1e-3", SHARE),
        (share, "% 3", SHARE),
        (share, math.nan, SHARE),
        (share, math.inf, SHARE),
        pytest.param(share, 16**9999, SHARE, id="huge"),
        (share, True, SHARE),
        (share, None, SHARE),
        (whole_number, True, "must be a whole number, such as 1000"),
        (whole_number, 4.0, "must be a whole number, such as 1000"),
        (whole_number, "4.0", "must be a whole number, such as 1000"),
        (whole_number, "1e3", "must be a whole number, such as 1000"),
        (whole_number, "9" * 5000, "must be a whole number, such as 1000"),
        (boolean, "maybe", "must be true or false"),
        (boolean, 2, "must be true or false"),
        (boolean, None, "must be true or false"),
        (text, False, "must be text, not true or false; put it in quotes"),
        (text, 12, "must be text, not a number; put it in quotes"),
        (text, 1.5, "must be text, not a number; put it in quotes"),
        (text, ["a"], "must be text, not a list"),
        (text, {"a": 1}, "must be text, not a map"),
        (text, None, "must be text, not nothing"),
        (text, date(2026, 1, 1), "must be text, not something else"),
        (text, "\udcff", "must be text in UTF-8"),
        (address, 10068, f"{ADDRESS}; did you mean ':10068'?"),
        (address, 0, f"{ADDRESS}; did you mean ':0'?"),
        (address, 65535, f"{ADDRESS}; did you mean ':65535'?"),
        (address, "10068", f"{ADDRESS}; did you mean ':10068'?"),
        (address, 65536, ADDRESS),
        (address, True, ADDRESS),
        (address, "localhost", ADDRESS),
        (address, "localhost:http", ADDRESS),
        (address, "::1", f"{ADDRESS}; an IPv6 address stands in brackets"),
        (address, "http://localhost:80/", f"{ADDRESS}; give no http:// and no path"),
        (address, "::1:9", f"{ADDRESS}; an IPv6 address stands in brackets"),
        (address, "[::1]", f"{ADDRESS}"),
        (address, "[1:2]:9", "must have an IPv6 address in the brackets, such as [::1]:10068"),
        (address, ":65536", "must have a port from 0 to 65535"),
        (regex, "(a",
         "is not a regular expression: missing ), unterminated subpattern at character 1"),
        (regex, "a**", "is not a regular expression: multiple repeat at character 3"),
        (regex, "(?P=s3cret)", "is not a regular expression: unknown group name at character 5"),
        (regex, "(?<=a+)b",
         "is not a regular expression: look-behind requires fixed-width pattern"),
        (regex, "[[a]", "is an ambiguous regular expression; escape `[` inside a set"),
        (regex, "a{99999999999}", "is too large a regular expression"),
        (regex, "(" * 5000, "is too large a regular expression"),
        (regex, 3, "must be text, not a number; put it in quotes"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused(
    parse: Callable[[object], object], written: object, said: str
) -> None:
    """The sentence says what to write; it does not repeat what was written, except numbers."""
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        parse(written)


def test_a_regex_is_compiled_once() -> None:
    """A pattern that is already compiled stays as it is."""
    pattern = regex("(?i)^lifecycle")
    assert pattern.search("Lifecycle: new")
    assert regex(pattern) is pattern


@pytest.mark.parametrize("written", [":10068", "127.0.0.1:0", "[::1]:9", "example.org:80"])
def test_an_address_is_written_as_it_was_read(written: str) -> None:
    """IPv6 addresses keep their brackets."""
    assert str(address(written)) == written


@given(st.integers(0, 3650 * 86_400))
def test_a_duration_survives_being_written(seconds: int) -> None:
    """What the documentation prints as a default reads back as the same."""
    assert duration(format_duration(timedelta(seconds=seconds))).total_seconds() == seconds


def test_a_duration_is_written_in_the_largest_units() -> None:
    """The shortest of the texts that say the same."""
    written = [format_duration(timedelta(seconds=each)) for each in (60, 3_600, 86_400, 90_061)]

    assert written == ["1m", "1h", "1d", "1d1h1m1s"]


def test_shares_are_written_in_percent() -> None:
    """Without the digits that binary fractions bring."""
    assert [format_share(each) for each in (0.0, 0.1, 0.29, 0.125, 1.0)] == [
        "0%", "10%", "29%", "12.5%", "100%",
    ]  # fmt: skip


@pytest.mark.parametrize("parse", [duration, share, whole_number, boolean, address, regex, text])
@given(
    value=st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.text())
)
def test_anything_is_read_or_refused(parse: Callable[[object], object], value: object) -> None:
    """No value raises anything but ValueError."""
    with contextlib.suppress(ValueError):
        parse(value)
