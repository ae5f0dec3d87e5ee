"""A web.config.file that changes while its policy is at work."""

import logging
import os
from pathlib import Path

import pytest

from exporter.admission import Policy
from exporter.mistakes import ConfigError
from exporter.webconfig import WebFile
from tests.certificates import HASH, Authority
from tests.machine import room_for

TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
USERS = f"basic_auth_users:\n  alice: {HASH}\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Beside the file, with a certificate for the server."""
    made = Authority(tmp_path)
    made.issue("server")
    return made


@pytest.fixture
def path(tmp_path: Path, authority: Authority) -> Path:
    """A file with TLS."""
    assert authority.file.exists()
    file = tmp_path / "web.yml"
    file.write_text(TLS)
    return file


def test_without_a_file_everybody_is_let_in() -> None:
    """And there is nothing to look at."""
    web = WebFile(None)

    assert web.policy == Policy()
    assert not web.look()
    web.reread()
    assert web.policy == Policy()


def test_a_bad_file_is_no_beginning(path: Path) -> None:
    """All mistakes are told."""
    path.write_text("a: 1\nb: 2\n")

    with pytest.raises(ConfigError) as caught:
        WebFile(path)
    assert len(caught.value.mistakes) == 2


def test_a_file_that_is_not_there_is_no_beginning(path: Path) -> None:
    """It is named."""
    path.unlink()

    with pytest.raises(ConfigError, match=rf"^{path}: cannot be read: it does not exist$"):
        WebFile(path)


def test_what_does_not_change_is_not_read_again(path: Path) -> None:
    """A look costs a `stat` of each file."""
    web = WebFile(path)
    policy = web.policy

    assert not web.look()
    assert web.policy is policy


def test_every_file_is_looked_at(path: Path, authority: Authority) -> None:
    """The file itself, the certificate, its key, and the authorities of clients."""
    path.write_text(TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n")
    web = WebFile(path)
    for name in ("web.yml", "server.pem", "server.key", "ca.pem"):
        before = web.policy
        file = path.with_name(name)
        file.write_text(file.read_text() + "\n")
        assert web.look(), name
        assert web.policy is not before, name

    before = web.policy
    authority.issue("server")
    assert web.look()
    assert web.policy.tls is not before.tls


def test_users_come_and_go(path: Path) -> None:
    """Without a restart."""
    web = WebFile(path)
    path.write_text(TLS + USERS)

    assert web.look()
    assert web.policy.users == {b"alice": HASH.encode()}


def test_a_broken_version_changes_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The last good one stays at work; the log tells why, once."""
    web = WebFile(path)
    policy = web.policy
    path.write_text(TLS + "basic_auth_users: {alice: s3cret}\n")

    assert [web.look() for _ in range(4)] == [False, True, False, False]
    assert web.policy is policy
    [problem] = web.problem
    assert problem.startswith(f"{path}:4:27: basic_auth_users.alice: is no bcrypt hash; ")
    errors = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert errors == ["the web configuration stays as it was"]
    assert "s3cret" not in str([vars(record) for record in caplog.records])

    path.write_text(TLS + USERS)
    assert web.look()
    assert not web.problem
    assert web.policy.users


def test_a_certificate_and_its_key_may_change_one_after_the_other(
    path: Path, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """For a moment they do not fit: nobody is alarmed."""
    web = WebFile(path)
    policy = web.policy
    key = tmp_path / "server.key"
    old_key = key.read_bytes()
    authority.issue("server")
    new_key = key.read_bytes()

    key.write_bytes(old_key)
    assert not web.look()
    assert web.policy is policy
    key.write_bytes(new_key)
    assert web.look()
    assert web.policy is not policy
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_files_that_are_gone_change_nothing(path: Path, authority: Authority) -> None:
    """As in the middle of a rotation; once they are back they count."""
    web = WebFile(path)
    policy = web.policy
    path.with_name("server.key").unlink()

    assert [web.look(), web.look()] == [False, True]
    assert web.policy is policy
    assert "server.key" not in "".join(web.problem)
    assert "tls_server_config.key_file: cannot be read: it does not exist" in web.problem[0]

    authority.issue("server")
    assert web.look()
    assert web.problem == ()
    assert web.policy is not policy


@pytest.mark.parametrize("files", [0, 1, 2])
def test_a_machine_short_of_files_changes_nothing(
    path: Path, authority: Authority, files: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Reading a certificate takes three at a time. It is told once, and tried at every look."""
    web = WebFile(path)
    policy = web.policy
    authority.issue("server")

    with room_for(files):
        assert [web.look() for _ in range(4)] == [False, True, False, False]
    assert web.policy is policy
    assert "cannot be" in web.problem[0]
    errors = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(errors) == 1

    assert web.look()
    assert web.problem == ()
    assert web.policy is not policy


@pytest.mark.parametrize(("before", "after"), [(TLS, USERS), (USERS, TLS)])
def test_tls_is_not_turned_on_or_off_at_work(path: Path, before: str, after: str) -> None:
    """A file that loses its TLS by mistake would send passwords in the clear."""
    path.write_text(before)
    web = WebFile(path)
    policy = web.policy
    path.write_text(after)

    assert [web.look(), web.look()] == [False, True]
    assert web.policy is policy
    assert "needs a restart" in web.problem[0]


CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
NAMES = "  client_allowed_sans: [prometheus.example]\n"
IF_GIVEN = CLIENTS.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (USERS, "", ["basic_auth_users: to let in everybody without password needs a restart"]),
        (TLS + USERS, TLS, ["basic_auth_users: to let in everybody"]),
        (TLS + USERS, "", ["tls_server_config: to turn TLS on or off", "basic_auth_users: to let"]),
        (TLS + CLIENTS, TLS, ["tls_server_config.client_auth_type: to let in clients without"]),
        (
            TLS + CLIENTS + NAMES,
            TLS + CLIENTS,
            ["tls_server_config.client_allowed_sans: to let in"],
        ),
        (TLS + CLIENTS, TLS + IF_GIVEN, ["tls_server_config.client_auth_type: to let in clients"]),
    ],
)
def test_the_door_is_not_opened_at_work(
    path: Path, before: str, after: str, why: list[str]
) -> None:
    """A file that was emptied is told like any mistake, from the second look on."""
    path.write_text(before)
    web = WebFile(path)
    policy = web.policy
    path.write_text(after)

    assert [web.look(), web.look()] == [False, True]
    assert web.policy is policy
    with pytest.raises(ConfigError, match="needs a restart"):
        web.reread()
    assert web.policy is policy
    assert len(web.problem) == len(why)
    for line, reason in zip(web.problem, why, strict=True):
        assert line.startswith(f"{path}: {reason}")

    path.write_text(before)
    web.look()
    assert web.problem == ()


def test_a_reload_reads_it_at_once(path: Path) -> None:
    """And says what is wrong to whoever asked."""
    web = WebFile(path)
    policy = web.policy
    path.write_text("tls_config: {}\n")

    with pytest.raises(ConfigError, match="did you mean tls_server_config"):
        web.reread()
    assert web.policy is policy
    assert web.problem
    assert not web.look()

    path.write_text(TLS)
    web.reread()
    assert web.problem == ()


def test_an_unreadable_file_costs_no_wait(path: Path, tmp_path: Path) -> None:
    """A pipe in the place of a certificate would keep everything waiting for its writer."""
    (tmp_path / "server.pem").unlink()
    os.mkfifo(tmp_path / "server.pem")

    with pytest.raises(ConfigError, match="cert_file: is no regular file"):
        WebFile(path)
