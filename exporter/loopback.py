"""Asks the exporter on this machine, whichever way it serves."""

from http.client import HTTPConnection, HTTPException, HTTPSConnection

from exporter.tls import unverified_context

_SECONDS = 2.0  # for each of two tries; a container's health check waits 5 s
_LARGEST = 1000  # bytes
_LOCAL = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not bound


def ask(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and text of a path that is open to everybody, over HTTP or else over TLS. `host` is
    where the exporter listens, which may be everywhere.

    Found out by trying, because whoever asks need not know the flags of the one that serves. No
    certificate is verified: nothing is told, and the answer is about this machine. Raises OSError.
    """
    host = _LOCAL.get(host.strip("[]"), host.strip("[]"))
    try:
        return _asked(HTTPConnection(host, port, timeout=_SECONDS), path)
    except (ConnectionRefusedError, TimeoutError):
        raise
    except (OSError, HTTPException):  # what TLS has to say to that
        try:
            context = unverified_context()
            return _asked(HTTPSConnection(host, port, timeout=_SECONDS, context=context), path)
        except HTTPException as error:
            raise OSError(f"it does not speak HTTP: {type(error).__name__}") from error


def _asked(connection: HTTPConnection, path: str) -> tuple[int, str]:
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(_LARGEST).decode("utf-8", "replace").strip()
    finally:
        connection.close()
