"""Certificates for tests, made on the spot: authorities, and files that they sign."""

import ssl
from pathlib import Path

import bcrypt
import trustme

PASSWORD = "correct horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


class Authority:
    """One authority, whose certificate stands in `folder`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._ca.cert_pem.bytes())

    def issue(self, name: str, *names: str) -> tuple[Path, Path]:
        """Write `<name>.pem` and `<name>.key` for these host names, addresses or e-mails."""
        made = self._ca.issue_cert(*(names or ("localhost", "127.0.0.1", "::1")))
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        # As careful people do it: each file is whole at every moment.
        for path, pem in (
            (cert, b"".join(each.bytes() for each in made.cert_chain_pems)),
            (key, made.private_key_pem.bytes()),
        ):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(pem)
            fresh.replace(path)
        return cert, key

    def client(self, pair: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """A client that trusts this authority, and shows a certificate if it is given one."""
        context = ssl.create_default_context(cafile=self.file)
        if pair:
            context.load_cert_chain(*pair)
        return context
