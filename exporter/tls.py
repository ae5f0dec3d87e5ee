"""TLS contexts: what certificates and settings make of a handshake."""

import os
import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

# Go's name -> OpenSSL's name: all that crypto/tls.CipherSuites() has. Those of TLS 1.3 cannot be
# chosen, there as here, and have no name.
CIPHERS = {
    "TLS_AES_128_GCM_SHA256": "",
    "TLS_AES_256_GCM_SHA384": "",
    "TLS_CHACHA20_POLY1305_SHA256": "",
    **{
        f"TLS_ECDHE_{kind}_WITH_{ours}": f"ECDHE-{kind}-{theirs}"
        for kind in ("ECDSA", "RSA")
        for ours, theirs in (
            ("AES_128_CBC_SHA", "AES128-SHA"),
            ("AES_256_CBC_SHA", "AES256-SHA"),
            ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
            ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
            ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
        )
    },
}
# Go's name -> OpenSSL's name.
CURVES = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}

Certificate = Mapping[str, Any]
"""A verified certificate, as `ssl.SSLSocket.getpeercert` describes it."""


class TlsError(Exception):
    """No context can be made: `part`, such as key, is wrong, and `sentence` says how."""

    def __init__(self, part: str, sentence: str) -> None:
        super().__init__(part, sentence)
        self.part = part
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Terms:
    """What a handshake may agree on, in the words of exporter-toolkit."""

    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve: str = ""


def server_context(
    cert: bytes, key: bytes, client_ca: bytes | None, terms: Terms
) -> ssl.SSLContext:
    """A server's context with this certificate chain and key, all in PEM.

    With `client_ca` clients are asked for a certificate. One that none of these authorities signed
    ends the handshake; a client without any is let through, and up to the caller. Raises TlsError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[terms.min_version]
    context.maximum_version = VERSIONS[terms.max_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not terms.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _choose(context, terms)
    context.set_alpn_protocols(["http/1.1"])
    _load_pair(context, cert, key)
    if client_ca is not None:
        # As in Go, what stands in the file is trusted, be it a root or an authority below one.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _trust(context, "client_ca", client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _choose(context: ssl.SSLContext, terms: Terms) -> None:
    part = "cipher_suites"
    try:
        if ciphers := [CIPHERS[name] for name in terms.cipher_suites if CIPHERS[name]]:
            context.set_ciphers(":".join(ciphers))
        part = "curve_preferences"
        if terms.curve:
            context.set_ecdh_curve(CURVES[terms.curve])
    except (ssl.SSLError, ValueError):  # one built for certified cryptography, for instance
        raise TlsError(part, "is not supported by this machine's OpenSSL") from None


def unverified_context() -> ssl.SSLContext:
    """A client's context that takes whatever certificate it is shown: for loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def alternative_names(certificate: Certificate) -> frozenset[str]:
    """The alternative names of a certificate: of hosts, e-mail addresses, URIs, IP addresses."""
    return frozenset(plain_name(value) for _, value in certificate.get("subjectAltName", ()))


def plain_name(name: str) -> str:
    """An alternative name in the one form in which names are compared: `0:0:…:1` is `::1`."""
    try:
        return ip_address(name.strip()).compressed
    except ValueError:
        return name


def _load_pair(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "cert", cert)  # to tell it from a bad key
    asked = []

    def passphrase() -> bytes:  # or OpenSSL would ask on the terminal
        asked.append(True)
        return b""

    with _as_file(cert) as cert_path, _as_file(key) as key_path:
        try:
            context.load_cert_chain(cert_path, key_path, passphrase)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or ""
            raise _pair_fault(reason, encrypted=bool(asked)) from None


def _pair_fault(reason: str, *, encrypted: bool) -> TlsError:
    if encrypted:
        return TlsError("key", "is encrypted; give a key without a passphrase")
    if reason == "KEY_VALUES_MISMATCH":
        return TlsError("key", "is not the key of the certificate")
    if re.search("TOO_SMALL|TOO_WEAK", reason):
        return TlsError("cert", f"is refused by OpenSSL: {reason.lower().replace('_', ' ')}")
    return TlsError("key", "holds no private key in PEM")


def _trust(context: ssl.SSLContext, part: str, pem: bytes) -> None:
    try:
        context.load_verify_locations(cadata=pem.decode("ascii", "ignore"))
    except (OSError, ValueError):
        raise TlsError(part, "holds no certificate in PEM") from None


@contextmanager
def _as_file(pem: bytes) -> Iterator[str]:
    """A path under which OpenSSL reads `pem`, because Python lets it read no key from memory.

    On Linux it leads to memory all the same.
    """
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("pem"), "wb", buffering=0) as file:
            file.write(pem)
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(buffering=0) as file:
            file.write(pem)
            yield file.name
