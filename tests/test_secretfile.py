"""A key in a file is read again when the file changes, and never shown."""

import os
import threading
from pathlib import Path

import pytest

from exporter.secretfile import ApiKey, KeyFileError, key_fault, key_in

KEY = "a1b2c3d4-key"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "braze"
    path.write_text(f"{KEY}\n")
    return path


def replace(path: Path, content: str) -> None:
    """As editors and Kubernetes do it: another file takes the name."""
    new = path.with_suffix(".new")
    new.write_text(content)
    new.replace(path)


def test_a_given_key_is_read_as_it_is() -> None:
    """No file is involved."""
    assert ApiKey.of(KEY).read() == KEY


@pytest.mark.parametrize("content", [KEY, f"{KEY}\n", f"{KEY}\r\n"])
def test_one_newline_at_the_end_is_not_part_of_the_key(path: Path, content: str) -> None:
    """Editors put it there."""
    path.write_bytes(content.encode())
    assert key_in(path) == KEY


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"key\n\n", "has several lines; it must hold the key alone"),
        (b"key\nkey\n", "has several lines; it must hold the key alone"),
        (b"my key", "contains white space; give the key alone"),
        (b" key", "contains white space; give the key alone"),
        (b"Bearer key", "begins with `Bearer`; give the key alone"),
        (b"'key'", "is in quotes that belong to the key; remove them"),
        (b"k\x00y", "contains characters that are no visible ASCII; copy the key again"),
        ("schlüssel".encode(), "contains characters that are no visible ASCII; copy the key again"),
        (b"\xff", "is not text; it must hold the key alone"),
        (b"k" * 4097, "is larger than 4 KiB; it must hold the key alone"),
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(
    path: Path, content: bytes, said: str
) -> None:
    """The sentence says what is wrong with the file; a key in a header must be visible ASCII."""
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        ApiKey.in_file(path)
    assert str(caught.value) == said


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A pipe too: it would give its key once and then block the reader."""
    os.mkfifo(tmp_path / "pipe")
    for name, said in (
        ("absent", "cannot be read: it does not exist"),
        (".", "cannot be read: it is a directory"),
        ("pipe", "is no regular file; a pipe cannot be read again"),
        ("nu\0l", "cannot be read: it is no readable file"),
    ):
        with pytest.raises(KeyFileError) as caught:
            key_in(tmp_path / name)
        assert str(caught.value) == said


def test_a_changed_file_is_read_again(path: Path) -> None:
    """Whether the file is replaced or written over; so a key is rotated without a restart."""
    key = ApiKey.in_file(path)
    replace(path, "second")
    assert key.read() == "second"
    path.write_text("the-third")
    assert key.read() == "the-third"


def test_a_swapped_link_is_followed(tmp_path: Path) -> None:
    """Kubernetes updates a mounted secret by pointing a link at another directory."""
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "key").write_text(f"key-{version}")
    (tmp_path / "data").symlink_to("one")
    key = ApiKey.in_file(tmp_path / "data" / "key")
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "data")
    assert key.read() == "key-two"


def test_an_unchanged_file_is_not_read(path: Path) -> None:
    """Only its time, size and inode are looked at; here the content changes behind them."""
    key = ApiKey.in_file(path)
    before = path.stat()
    with path.open("r+") as file:
        file.write("X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert key.read() == KEY


def test_the_last_good_key_stays_while_the_file_is_bad(path: Path) -> None:
    """Each problem is told once, and again if it comes back after the file was good."""
    problems: list[str] = []
    key = ApiKey.in_file(path, on_problem=problems.append)
    path.unlink()
    assert [key.read(), key.read()] == [KEY, KEY]
    replace(path, "")
    assert [key.read(), key.read()] == [KEY, KEY]
    replace(path, "second")
    assert key.read() == "second"
    path.unlink()
    assert key.read() == "second"
    assert problems == [
        "cannot be read: it does not exist",
        "is empty",
        "cannot be read: it does not exist",
    ]


def test_problems_need_no_listener(path: Path) -> None:
    """The callback is optional."""
    key = ApiKey.in_file(path)
    path.unlink()
    assert key.read() == KEY


def test_the_listener_may_read_the_key(path: Path) -> None:
    """It is called without the lock, so it cannot lock itself out."""
    seen: list[str] = []
    key = ApiKey.in_file(path, on_problem=lambda _: seen.append(key.read()))
    path.unlink()
    key.read()
    assert seen == [KEY]


def test_threads_see_whole_keys_only(path: Path) -> None:
    """While the file is replaced again and again, every read is one of the keys."""
    keys = {f"key-{number}" * (number + 1) for number in range(20)}
    replace(path, min(keys))
    key = ApiKey.in_file(path)
    seen: set[str] = set()
    readers = [
        threading.Thread(target=lambda: seen.update(key.read() for _ in range(200)))
        for _ in range(4)
    ]
    for reader in readers:
        reader.start()
    for content in sorted(keys):
        replace(path, content)
    for reader in readers:
        reader.join()
    assert seen <= keys
    assert key.read() == max(keys)


def test_the_key_is_never_shown(path: Path) -> None:
    """Not in a repr, which finds its way into logs and tracebacks."""
    shown = f"{ApiKey.of(KEY)!r} {ApiKey.of(KEY)} {ApiKey.in_file(path)!r}"
    assert KEY not in shown
    assert str(path) in shown


@pytest.mark.parametrize("key", ["x", "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064", "a'b", "~!+/="])
def test_nothing_is_wrong_with_a_key(key: str) -> None:
    """Braze gives UUIDs, but any visible ASCII is taken."""
    assert key_fault(key) == ""
