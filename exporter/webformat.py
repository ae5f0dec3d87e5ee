"""exporter-toolkit's web.config.file: its keys, what may stand there, what contradicts itself.

The format is docs/web-configuration.md of github.com/prometheus/exporter-toolkit. What is known
there and not supported here is a mistake, because to pass over it would be to serve with less
protection than was asked for.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from exporter import names, passwords, tls
from exporter.mistakes import Mistake, did_you_mean
from exporter.quantities import boolean, text

NO, IF_GIVEN, REQUIRED = "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")


@dataclass(frozen=True, slots=True)
class Tls:
    """The section tls_server_config; empty text and no path stand for what is not given."""

    cert: str = ""
    cert_file: Path | None = None
    key: str = field(default="", repr=False)
    key_file: Path | None = None
    client_ca: str = ""
    client_ca_file: Path | None = None
    client_auth_type: str = NO
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebFormat:
    """A whole file. `users` maps names to bcrypt hashes."""

    tls: Tls | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict, repr=False)


class Entry(NamedTuple):
    """One key: where it stands, what it takes, by default, what it does.

    `read` makes a value of what stands there, or of each item of a list, or raises ValueError.
    """

    section: str
    key: str
    type: str
    default: str
    what: str
    read: Callable[[object], object]


def _one_of(*known: str, refused: Mapping[str, str] | None = None) -> Callable[[object], str]:
    expected = " or ".join(filter(None, (", ".join(known[:-1]), known[-1])))

    def read(value: object) -> str:
        given = text(value)
        if given in known:
            return given
        if refused and given in refused:
            raise ValueError(refused[given])
        raise ValueError(f"must be {expected}")

    return read


def _pem(value: object) -> str:
    if "-----BEGIN " not in text(value):
        raise ValueError("must be PEM text; a path belongs under the same key with _file")
    return text(value)


def _san(value: object) -> str:
    if not text(value):
        raise ValueError("is empty")
    return tls.plain_name(text(value))


def _header(value: object) -> str:
    if not re.fullmatch(r"[\t -~]*", text(value)):
        raise ValueError("must be one line of ASCII")
    return text(value).strip()


def _hashed(value: object) -> str:
    if fault := passwords.fault(text(value)):
        raise ValueError(fault)
    return text(value)


_OLD = dict.fromkeys(("TLS10", "TLS11"), "is too old to be supported; use TLS12 or TLS13")
_version = _one_of(*tls.VERSIONS, refused=_OLD)
_auth = _one_of(
    NO,
    IF_GIVEN,
    REQUIRED,
    refused=dict.fromkeys(_UNVERIFIED, f"would believe any certificate; use {REQUIRED}"),
)
_TLS, _HTTP, _HEADERS, _USERS = (
    "tls_server_config",
    "http_server_config",
    "http_server_config.headers",
    "basic_auth_users",
)
ENTRIES = (
    Entry(_TLS, "cert_file", "path", "", "certificate, and those of the authorities between it "
          "and the root, in PEM", names.file),
    Entry(_TLS, "key_file", "path", "", "its private key in PEM, without a passphrase", names.file),
    Entry(_TLS, "cert", "PEM", "", "in place of `cert_file`: the certificate itself", _pem),
    Entry(_TLS, "key", "PEM", "", "in place of `key_file`: the key itself", _pem),
    Entry(_TLS, "client_auth_type", f"{NO}, {IF_GIVEN} or {REQUIRED}", NO,
          "whether clients show a certificate", _auth),
    Entry(_TLS, "client_ca_file", "path", "", "authorities that sign the certificates of clients, "
          "in PEM", names.file),
    Entry(_TLS, "client_ca", "PEM", "", "in place of `client_ca_file`: the authorities themselves",
          _pem),
    Entry(_TLS, "client_allowed_sans", "list of names", "", "a client's certificate must have one "
          f"of these alternative names (DNS, IP, e-mail, URI); only with {REQUIRED}", _san),
    Entry(_TLS, "min_version", "TLS12 or TLS13", "TLS12", "oldest version of TLS", _version),
    Entry(_TLS, "max_version", "TLS12 or TLS13", "TLS13", "newest version of TLS", _version),
    Entry(_TLS, "cipher_suites", "list of Go's names", "", "suites for TLS 1.2; those of TLS 1.3 "
          "cannot be chosen", _one_of(*tls.CIPHERS)),
    Entry(_TLS, "prefer_server_cipher_suites", "boolean", "true", "the order of `cipher_suites` "
          "counts, not the client's", boolean),
    Entry(_TLS, "curve_preferences", "list of one of Go's names", "", "the only curve of a "
          "handshake; several cannot be given", _one_of(*tls.CURVES)),
    Entry(_HTTP, "http2", "boolean", "true", "no effect: HTTP/2 is not offered", boolean),
    Entry(_HEADERS, "Content-Security-Policy", "text", "", "header of every answer", _header),
    Entry(_HEADERS, "Strict-Transport-Security", "text", "", "header of every answer", _header),
    Entry(_HEADERS, "X-Content-Type-Options", "nosniff", "", "header of every answer",
          _one_of("nosniff")),
    Entry(_HEADERS, "X-Frame-Options", "deny or sameorigin", "", "header of every answer",
          _one_of("deny", "sameorigin")),
    Entry(_HEADERS, "X-XSS-Protection", "text", "", "header of every answer", _header),
    Entry(_USERS, "<user>", "bcrypt hash", "", "a user who is let in, and the hash of the password",
          _hashed),
)  # fmt: skip
_SECTIONS = {
    "": (_TLS, _HTTP, _USERS),
    _TLS: tuple(entry.key for entry in ENTRIES if entry.section == _TLS),
    _HTTP: ("http2", "headers"),
    _HEADERS: tuple(entry.key for entry in ENTRIES if entry.section == _HEADERS),
}
_UNSUPPORTED = {
    "rate_limit": "is not supported; connections and password checks are limited already"
}


def read(tree: Mapping[str, object]) -> tuple[WebFormat, tuple[Mistake, ...]]:
    """What this tree asks for, and what is wrong with it; only without mistakes is it whole."""
    reader = _Reader(tree)
    found = {
        section: dict(reader.values(section)) for section in (_TLS, _HEADERS, _USERS, _HTTP, "")
    }
    section = found[_TLS]
    asked = Tls(**section) if section else None  # type: ignore[arg-type]  # as ENTRIES have them
    mistakes = list(reader.mistakes)
    if asked and not any(mistake.path[:1] == (_TLS,) for mistake in mistakes):
        mistakes += (
            Mistake((_TLS, key), sentence, of_key=True) for key, sentence in _contradictions(asked)
        )
    headers = {name: str(value) for name, value in found[_HEADERS].items() if value}
    users = {name: str(value) for name, value in found[_USERS].items()}
    return WebFormat(asked, headers, users), tuple(mistakes)


class _Reader:
    """Goes through the sections of a tree and collects what is wrong with them."""

    def __init__(self, tree: Mapping[str, object]) -> None:
        self._tree = tree
        self.mistakes: list[Mistake] = []

    def values(self, section: str) -> Iterator[tuple[str, object]]:
        """The keys of a section that have a value, each with what was made of it."""
        path = tuple(filter(None, section.split(".")))
        entries = {entry.key: entry for entry in ENTRIES if entry.section == section}
        for key, value in self._map(path).items():
            entry = entries.get(key) or entries.get("<user>")
            if entry is None:
                self._unknown(section, (*path, key))
            elif entry.key == "<user>" and (not key or ":" in key):
                self._wrong((*path, key), "is no name of a user: it is empty or has a colon")
            elif entry.key == "<user>" or (value is not None and (value or section != _HEADERS)):
                yield from self._read(entry, (*path, key), value)

    def _read(
        self, entry: Entry, path: tuple[str, ...], value: object
    ) -> Iterator[tuple[str, object]]:
        many = entry.type.startswith("list of ")
        if many and not (isinstance(value, list) and value):
            self.mistakes.append(Mistake(path, "must be a list with something in it"))
        elif many and isinstance(value, list):
            made = [self._made(entry, (*path, index), item) for index, item in enumerate(value)]
            yield path[-1], tuple(made)
        else:
            yield path[-1], self._made(entry, path, value)

    def _made(self, entry: Entry, path: tuple[str | int, ...], value: object) -> object:
        try:
            return entry.read(value)
        except ValueError as error:
            self.mistakes.append(Mistake(path, str(error)))
            return None

    def _map(self, path: tuple[str, ...]) -> Mapping[str, object]:
        found: object = self._tree
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if found is not None and not isinstance(found, Mapping):
            self.mistakes.append(Mistake(path, "must be a section, one `key: value` a line"))
        return found if isinstance(found, Mapping) else {}

    def _unknown(self, section: str, path: tuple[str, ...]) -> None:
        key, known = path[-1], _SECTIONS[section]
        if key in _UNSUPPORTED and not section:
            self._wrong(path, _UNSUPPORTED[key])
        elif key not in known:
            hint = did_you_mean(key, known) or f"; here may stand {', '.join(known)}"
            self._wrong(path, f"is no setting of a web config file{hint}")

    def _wrong(self, path: tuple[str, ...], sentence: str) -> None:
        self.mistakes.append(Mistake(path, sentence, of_key=True))


def _contradictions(asked: Tls) -> Iterator[tuple[str, str]]:
    for part in ("cert", "key"):
        if not getattr(asked, part) and not getattr(asked, f"{part}_file"):
            yield f"{part}_file", "is missing; TLS needs cert_file and key_file"
    for part in ("cert", "key", "client_ca"):
        if getattr(asked, part) and getattr(asked, f"{part}_file"):
            yield part, f"stands beside {part}_file; keep one of them"
    has_authorities = bool(asked.client_ca or asked.client_ca_file)
    if asked.client_auth_type != NO and not has_authorities:
        yield "client_auth_type", "needs client_ca_file, the authorities to verify with"
    if asked.client_auth_type == NO and has_authorities:
        key = "client_ca" if asked.client_ca else "client_ca_file"
        yield key, f"has no effect without client_auth_type, such as {REQUIRED}"
    if asked.client_allowed_sans and asked.client_auth_type != REQUIRED:
        yield "client_allowed_sans", f"needs client_auth_type: {REQUIRED}"
    if (asked.min_version, asked.max_version) == ("TLS13", "TLS12"):
        yield "max_version", "is older than min_version"
    if len(asked.curve_preferences) > 1:
        yield "curve_preferences", "has several curves, which is not supported; keep one"
    for_older = any(map(tls.CIPHERS.get, asked.cipher_suites))
    if asked.cipher_suites and not for_older and asked.min_version == "TLS12":
        yield "cipher_suites", "has none for TLS 1.2; add one, or set min_version: TLS13"
