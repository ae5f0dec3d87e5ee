"""No text holds the key, however it is spelled there; ordinary texts stay as they are."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.redaction import hidden
from tests.echoes import SPELLINGS, told

KEYS = {"a UUID": "0f6b3c52-9d1e-4c0a-8a35-7be12c4d9e60",
        "all that a key may hold": "ab\"1c\\d/e&f%2g+h=i<3j>'4k~5l/6mn\"opq"}  # fmt: skip


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_the_key_is_shown(key: str, spelling: str) -> None:
    """Alone and among other words."""
    for around in ("{}", "Invalid API key: {} is unknown", "x={}&y=z", "<p>{}</p>"):
        text = around.format(SPELLINGS[spelling](key))

        assert told(text, key)
        assert not told(hidden(text, key), key)


@pytest.mark.parametrize("spelling", ["plain", "of JSON", "of HTML"])
def test_the_rest_of_the_text_stays_where_the_key_is_spelled_as_usual(spelling: str) -> None:
    """Braze's own words are worth reading."""
    for key in KEYS.values():
        text = f"Invalid API key: {SPELLINGS[spelling](key)}."

        assert hidden(text, key) == "Invalid API key: (key not shown)."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Access Denied",
        "segment_id must be a string of the Segment api identifier",
        "94fda5e1-5f62-4da7-b55c-5fa761838c62",
        "100 % of users, \\o/ &amp; more",
        "the key ends with 9e60",
        "\ud800",
    ],
)
def test_what_is_not_the_key_stays(text: str) -> None:
    """Ids look like keys, and the last digits of a key help to find it."""
    for key in KEYS.values():
        assert hidden(text, key) == text


def test_a_part_of_the_key_is_not_shown_either() -> None:
    """Ten letters and digits of it in a row, wherever they end; nine help to find the key."""
    key = KEYS["a UUID"]

    assert hidden("it ends with 2c4d9e60", key) == "it ends with 2c4d9e60"
    assert hidden("12c4d9e60", key) == "12c4d9e60"
    assert told("e12c4d9e60", key)
    assert not told(hidden("e12c4d9e60", key), key)
    assert not told(hidden("it begins with 0f6b3c52-9d", key), key)


def test_five_kinds_of_characters_are_no_word() -> None:
    """A digit among them."""
    assert hidden("A1B2C-A1B2C-A1B2C", "a1b2ca1b2ca1b2c") != "A1B2C-A1B2C-A1B2C"
    assert hidden("A1B2-A1B2-A1B2-A1B2", "a1b2a1b2a1b2a1b2") == "A1B2-A1B2-A1B2-A1B2"


def test_what_was_escaped_three_times_is_read() -> None:
    """As by a proxy in front of a proxy in front of one."""
    key = KEYS["a UUID"]
    text = "".join(f"\\u{ord(each):04x}" for each in key)

    assert "(not shown" in hidden(quote(quote(quote(text))), key)


def test_a_short_key_is_no_key() -> None:
    """The demo's key is `demo`: no word of a page is to vanish with it."""
    assert hidden("the demo workspace", "demo") == "the demo workspace"
    assert hidden("not 8-letter", "8-letter") == "not (key not shown)"


def test_what_braze_says_of_a_short_key_does_not_show_it() -> None:
    """Braze repeats a key it does not know, however short."""
    said = "Invalid API key: demo; demonstrate another"
    assert (
        hidden(said, "demo", short=True) == "Invalid API key: (key not shown); demonstrate another"
    )


def test_words_and_zeros_that_a_key_has_as_well_stay() -> None:
    """A run of letters may be a word, and one of the same few characters is no secret."""
    for text, key in (
        ('workspace="production"', "production-key-7f3a"),
        ("needs kpi.mau.data_series", "demo-without-kpi.mau.data_series"),
        ("00000000-0000-4000-8000-000000000001", "00000000-0000-0000-0000-000000000000"),
    ):
        assert hidden(text, key) == text


def test_each_of_many_backslashes_is_looked_at_once() -> None:
    """With a look at all that follow each of them, this would take a quarter of an hour."""
    many = "\\" * 200_000

    assert hidden(many, KEYS["a UUID"]) == many


@given(st.text(), st.text(), st.sampled_from(sorted(KEYS.values())))
def test_a_key_between_any_two_texts_is_not_shown(before: str, after: str, key: str) -> None:
    """Whatever stands around it, and again when what came of it is hidden once more."""
    said = hidden(before + key + after, key)

    assert key not in said
    assert hidden(said, key) == said
