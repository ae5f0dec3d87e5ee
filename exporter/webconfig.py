"""A web.config.file -> the policy it asks for, read anew when it or a certificate changes."""

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter import files, tls, webformat, yamlfile
from exporter.admission import Policy
from exporter.mistakes import ConfigError, Mistake, lines, locate
from exporter.sources import of_yaml
from exporter.tls import TlsError
from exporter.webformat import Tls, WebFormat

log = logging.getLogger(__name__)

_LARGEST = 1024 * 1024  # bytes of one file
_TLS = "tls_server_config"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one reading came to: the policy, or the mistakes that kept it from being one.

    `versions` tells what was there of each file that was looked for; None if it was unreadable.
    """

    policy: Policy | None
    mistakes: tuple[str, ...] = ()
    versions: Mapping[Path, files.Version | None] = field(default_factory=dict)

    def is_outdated(self) -> bool:
        """Whether one of the files has changed since."""
        return any(_version(path) != version for path, version in self.versions.items())


def read(path: Path) -> Attempt:
    """Read the file and what it names."""
    versions: dict[Path, files.Version | None] = {}

    def content(path: Path) -> bytes:
        versions[path] = None
        versions[path], found = files.content(path, _LARGEST)
        return found

    try:
        text = content(path)
    except files.FileError as error:
        return Attempt(None, (f"{path}: {error}",), versions)
    given = of_yaml(str(path), lambda: yamlfile.parse(text))
    if given.source is None:
        return Attempt(None, lines(given.mistakes), versions)
    asked, found = webformat.read(given.source.tree)
    mistakes, policy = list(found), None
    if not mistakes:
        try:
            policy = _policy(asked, path.parent, content)
        except TlsError as error:
            # As it was given: under the name with _file, or as text.
            named = getattr(asked.tls, f"{error.part}_file", None)
            key = f"{error.part}_file" if named else error.part
            mistakes.append(Mistake((_TLS, key), error.sentence))
        except OSError as error:
            mistakes.append(Mistake((_TLS,), f"cannot be loaded: {error.strerror}", of_key=True))
            versions = dict.fromkeys(versions)  # the same files may be right at the next look
    located = (*given.mistakes, *(locate(each, [given.source]) for each in mistakes))
    return Attempt(None if located else policy, lines(located), versions)


class WebFile:
    """The policy of the newest good version of a web.config.file; without a file, the default.

    A version with mistakes changes nothing, and `problem` tells them. Raises ConfigError if there
    is none yet.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._latest = Attempt(Policy()) if path is None else read(path)
        self._told = True
        self.problem: tuple[str, ...] = ()
        if self._latest.policy is None:
            raise ConfigError(self._latest.mistakes)
        self.policy = self._latest.policy
        if path is not None:
            self._say_in_use()

    def look(self) -> bool:
        """Look for changes, of which the log tells; returns whether there is news.

        What is wrong counts from the second look that finds it: a certificate and its key may be
        replaced one after the other.
        """
        before, told = self._latest.mistakes, self._told
        if self._path is not None and self._latest.is_outdated():
            self._take(read(self._path))
            if not self._latest.mistakes:
                return True
            if self._latest.mistakes != before:
                return False
            self._told = told  # what cannot be read is tried again at each look
        if self._told:
            return False
        self._tell()
        return True

    def reread(self) -> None:
        """Read it, changed or not. Raises ConfigError, with the policy as it was."""
        if self._path is not None:
            self._take(read(self._path))
            if self._latest.mistakes:
                self._tell()
                raise ConfigError(self.problem)

    def _take(self, attempt: Attempt) -> None:
        if attempt.policy is not None:
            left = tuple(f"{self._path}: {one}" for one in _restarts(self.policy, attempt.policy))
            if left:
                attempt = Attempt(None, left, attempt.versions)
        self._latest = attempt
        self._told = not attempt.mistakes
        if attempt.policy is not None:
            self.policy = attempt.policy
            self.problem = ()
            self._say_in_use()

    def _say_in_use(self) -> None:
        policy = self.policy
        asked = {
            "tls": "on" if policy.tls else "off",
            "certificates": "required" if policy.certificate else "not required",
            "users": len(policy.users),
        }
        log.info("the web configuration is in use", extra=asked)

    def _tell(self) -> None:
        self._told = True
        self.problem = self._latest.mistakes
        reason = "\n".join(self.problem)
        log.error("the web configuration stays as it was", extra={"reason": reason})


def _restarts(before: Policy, after: Policy) -> Iterator[str]:
    """What `after` changes that needs a restart: whether TLS is spoken, and what would let
    everybody in. A file that was emptied by mistake is no wish to open the door.
    """
    if (after.tls is None) != (before.tls is None):
        yield f"{_TLS}: to turn TLS on or off needs a restart"
    elif before.certificate and not after.certificate:
        yield f"{_TLS}.client_auth_type: to let in clients without certificate needs a restart"
    elif before.names and not after.names:
        yield f"{_TLS}.client_allowed_sans: to let in certificates of any name needs a restart"
    if before.users and not after.users:
        yield "basic_auth_users: to let in everybody without password needs a restart"


def _policy(asked: WebFormat, folder: Path, content: Callable[[Path], bytes]) -> Policy:
    """Raises TlsError."""
    section = asked.tls
    return Policy(
        tls=_context(section, folder, content) if section else None,
        certificate=bool(section and section.client_auth_type == webformat.REQUIRED),
        names=frozenset(section.client_allowed_sans if section else ()),
        users={name.encode(): hashed.encode() for name, hashed in asked.users.items()},
        headers=tuple(asked.headers.items()),
    )


def _context(section: Tls, folder: Path, content: Callable[[Path], bytes]) -> ssl.SSLContext:
    def pem(part: str) -> bytes:
        text: str = getattr(section, part)
        path: Path | None = getattr(section, f"{part}_file")
        if path is None:
            return text.encode()
        try:
            found = content(folder / path)
        except files.FileError as error:
            raise TlsError(part, str(error)) from None
        if len(found) > _LARGEST:
            raise TlsError(part, "is larger than 1 MiB; that is no certificate or key")
        return found

    terms = tls.Terms(
        section.min_version,
        section.max_version,
        section.cipher_suites,
        section.prefer_server_cipher_suites,
        "".join(section.curve_preferences),
    )
    asks = section.client_auth_type != webformat.NO
    return tls.server_context(pem("cert"), pem("key"), pem("client_ca") if asks else None, terms)


def _version(path: Path) -> files.Version | None:
    try:
        return files.version(path)
    except files.FileError:
        return None
