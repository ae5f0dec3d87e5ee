"""A settings file is read with the place of everything in it, and all its flaws at once."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.yamlfile import Document, Position, YamlError, parse, read
from tests.tries import tries


def flaws(content: str | bytes) -> str:
    with pytest.raises(YamlError) as caught:
        parse(content.encode() if isinstance(content, str) else content)
    return str(caught.value)


def test_values_are_what_yaml_makes_of_them() -> None:
    """Text, numbers, booleans, null, lists and maps come as Python's own."""
    document = parse(b"a: text\nb: [1, 2.5, true, null, '3']\nc: {d: ~, e: ''}\nf: !!str 012\n")
    assert document.root == {
        "a": "text",
        "b": [1, 2.5, True, None, "3"],
        "c": {"d": None, "e": ""},
        "f": "012",
    }


def test_every_key_and_value_has_its_place() -> None:
    """Lines and columns count from 1, in characters, and list items have places too."""
    document = parse("log:\n  level: info\nids: [é, b]\nempty:\n".encode())
    assert document.keys == {
        ("log",): Position(1, 1),
        ("log", "level"): Position(2, 3),
        ("ids",): Position(3, 1),
        ("empty",): Position(4, 1),
    }
    assert document.values[("log", "level")] == (2, 10)
    assert document.values[("ids", 1)] == (3, 10)


@pytest.mark.parametrize(
    "content", [b"", b"# only a comment\n", b"---\n", b"---\n...\n", b"\xef\xbb\xbf"]
)
def test_a_file_without_content_is_empty(content: bytes) -> None:
    """No settings is not a mistake of form."""
    assert parse(content).root == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: 1\nb: {a: 1, a: 2}\n", "2:11: b.a: stands twice, first in line 2; keep one"),
        ("no: 1\n", "1:1: no: YAML reads this key as true or false; put it in quotes"),
        ("12: 1\n", "1:1: 12: YAML reads this key as a number; put it in quotes"),
        ("1.5: 1\n", '1:1: "1.5": YAML reads this key as a number; put it in quotes'),
        ("2026-01-01: 1\n", "1:1: 2026-01-01: YAML reads this key as a date; put it in quotes"),
        ("~: 1\n", '1:1: "~": YAML reads this key as nothing; put it in quotes'),
        ("? [a]\n: 1\n", "1:3: has a key that is not a plain word"),
        ("a: 012\n", "1:4: a: YAML reads this as a number in base 8; put it in quotes"),
        ("a: 1:30\n", "1:4: a: YAML reads this as a number in base 60; put it in quotes"),
        ("a: 1:30.5\n", "1:4: a: YAML reads this as a number in base 60; put it in quotes"),
        ("a: 2026-01-01\n", "1:4: a: YAML reads this as a date; put it in quotes"),
        ("a: 2026-99-99\n", "1:4: a: YAML reads this as a date; put it in quotes"),
        (f"a: {'1' * 5000}\n", "1:4: a: YAML reads this as a number, but cannot; put it in quotes"),
        ("a: [1, *b]\n", "1:8: a[1]: is an alias (`*name`), which is not supported; write it out"),
        ("a: &b 1\n", "1:4: a: has an anchor (`&name`), which is not supported; remove it"),
        ("a: !b 1\n", "1:4: a: has a tag (`!name`), which is not supported; remove it"),
        ("a: !!python/name:os.system\n",
         "1:4: a: has a tag (`!name`), which is not supported; remove it"),
        ("a:\n  <<: {b: 1}\n",
         "2:3: a: has a merge key (`<<`), which is not supported; write it out"),
        ("- a\n", "1:1: must be settings, one `key: value` a line"),
        ("text\n", "1:1: must be settings, one `key: value` a line"),
        ("a: 1\n---\nb: 2\n", "2:1: is a second document; keep one, without `---` between"),
        ("a: b: c\n", "1:5: is not YAML: mapping values are not allowed in this context"),
        ("a: {\n", "2:1: is not YAML: did not find expected node content"),
        ("a: \0\n", "1:1: is not YAML: control characters are not allowed"),
        (b"a: 1\nb\xe9: 2\n", "2:2: is not UTF-8; save the file as UTF-8"),
        (b"\xff\xfea\0", "1:1: is not UTF-8; save the file as UTF-8"),
        ("a: [" * 30, "1:44: is nested deeper than 20 levels"),
        ("[" * 1_000_000, "1:22: is nested deeper than 20 levels"),
        ("#" * 1_048_577, "1:1: is larger than 1 MiB; that is no settings file"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(content: str | bytes, said: str) -> None:
    """Each flaw has line, column, path and remedy."""
    assert flaws(content) == said


def test_tabs_are_explained() -> None:
    """YAML's own words do not mention the tab, the usual reason for them."""
    assert flaws("a:\n\tb: 1\n") == (
        "2:1: is not YAML: found character that cannot start any token; "
        "indent with spaces, not tabs"
    )


def test_all_flaws_are_found_and_the_rest_is_still_read() -> None:
    """A file is corrected in one go, so its settings are looked at even if its form has flaws."""
    with pytest.raises(YamlError) as caught:
        parse(b"on: 1\na: 012\nb: &x 1\nb: 2\nc: fine\n")
    assert str(caught.value).splitlines() == [
        "1:1: on: YAML reads this key as true or false; put it in quotes",
        "2:4: a: YAML reads this as a number in base 8; put it in quotes",
        "3:4: b: has an anchor (`&name`), which is not supported; remove it",
        "4:1: b: stands twice, first in line 3; keep one",
    ]
    assert caught.value.rest is not None
    assert caught.value.rest.root == {"on": 1, "a": "012", "b": 1, "c": "fine"}


def test_no_value_is_ever_repeated() -> None:
    """What stands in the file may be a secret, also where YAML stumbles over it."""
    values = (
        "*s3cret",
        "&s3cret",
        "!s3cret x",
        '"s3cret\\q"',
        "@s3cret",
        "'s3cret",
        "s3cret: x",
        "%s3cret",
    )
    for value in values:
        with pytest.raises(YamlError) as caught:
            parse(f"api_key: {value}\nb: [*c]\n".encode())
        assert "s3cret" not in str(caught.value)


def test_a_file_is_read_up_to_its_limit(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A wrong path, to a log or a disk image, does not fill the memory."""
    path = tmp_path_factory.mktemp("yaml") / "large.yml"
    with path.open("wb") as file:
        file.truncate(10**10)  # sparse: it takes no space
    with pytest.raises(YamlError, match="larger than 1 MiB"):
        read(path)


@tries(300)
@given(
    st.binary(max_size=200)
    | st.text("ab:- \n\t[]{},&*!|>'\"%@`#?~0129.<=", max_size=60).map(str.encode)
)
def test_any_bytes_end_in_a_document_or_its_flaws(content: bytes) -> None:
    """Nothing that can stand in a file raises anything else."""
    with contextlib.suppress(YamlError):
        assert isinstance(parse(content), Document)
