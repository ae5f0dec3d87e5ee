"""Braze's instances and what their REST API is reached at: `US-01` -> `https://rest.iad-01.braze.com`.

The names and hosts are those of https://www.braze.com/docs/api/basics (September 2026).
"""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from exporter.mistakes import did_you_mean

INSTANCES = {f"US-{number:02}": f"https://rest.iad-{number:02}.braze.com" for number in range(1, 9)}
INSTANCES |= {
    "US-10": "https://rest.us-10.braze.com",
    "EU-01": "https://rest.fra-01.braze.eu",
    "EU-02": "https://rest.fra-02.braze.eu",
    "AU-01": "https://rest.au-01.braze.com",
    "ID-01": "https://rest.id-01.braze.com",
    "JP-01": "https://rest.jp-01.braze.com",
    "KR-01": "https://rest.kr-01.braze.com",
}
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_EXPECTED = "must be the name of a Braze instance, such as US-01, or the https URL of its REST API"


def rest_url(written: str) -> str:
    """The URL of the REST API, without trailing slash, of an instance's name or of a URL.

    Any host is accepted, because proxies and tests have their own; see `needs_allow_http` for
    URLs without TLS. Raises ValueError with a sentence that does not repeat what was written,
    because a URL may hold a password.
    """
    if named := INSTANCES.get(written.upper()):
        return named
    if "://" not in written:
        raise ValueError(_EXPECTED + _hint_for_name(written))
    url = _split(written)
    if url.username is not None or url.password is not None:
        raise ValueError("must not hold a user name or password; Braze's key goes into api_key")
    host = url.hostname or ""
    if hint := _not_rest(host):
        raise ValueError(hint)
    # urlsplit leaves no trace of an empty query, so the text itself is asked.
    if url.path not in ("", "/") or "?" in written or "#" in written:
        raise ValueError("must end after the host; the exporter adds the paths of the API itself")
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def needs_allow_http(url: str) -> bool:
    """Whether the key would travel in the clear: plain http to another machine than this one."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _split(written: str) -> SplitResult:
    """The parts of an http or https URL whose host and port can be read."""
    if not re.fullmatch(r"[!-~]+", written):
        raise ValueError("must be a URL without white space and of ASCII characters only")
    try:
        url = urlsplit(written)
        _ = url.port
    except ValueError:
        raise ValueError("must be a URL such as https://rest.iad-01.braze.com") from None
    if url.scheme not in ("https", "http"):
        raise ValueError("must begin with https://")
    host = url.hostname or ""
    is_name = len(host) <= 253 and re.fullmatch(rf"{_LABEL}(\.{_LABEL})*\.?", host)
    if not is_name and not _is_address(host):
        raise ValueError("must be a URL with a host, such as https://rest.iad-01.braze.com")
    return url


def _hint_for_name(written: str) -> str:
    """What may have been meant by something that is neither an instance nor a URL."""
    host = written.lower().partition("/")[0].partition(":")[0]
    if hint := _not_rest(host):
        return f"; it {hint}"
    rest = {url.removeprefix("https://") for url in INSTANCES.values()}
    if host in rest:
        return f"; did you mean https://{host}?"
    if "." in host:
        return "; a URL begins with https://"
    short = re.fullmatch(r"([a-z]{2})[-_ ]?0*([0-9]{1,2})", host)
    named = f"{short[1].upper()}-{int(short[2]):02}" if short else ""
    if named in INSTANCES:
        return f"; did you mean {named}?"
    return f"; there are {', '.join(INSTANCES)}" if short else did_you_mean(written, INSTANCES)


def _not_rest(host: str) -> str:
    """What to write instead of Braze's host for SDKs or for people, or nothing for other hosts."""
    sdk = re.fullmatch(r"sdk\.([a-z]+-[0-9]+)\.braze\.(com|eu)", host)
    if sdk:
        url = f"https://rest.{sdk[1]}.braze.{sdk[2]}"
        known = f"use {url}" if url in INSTANCES.values() else "use the one that begins with rest."
        return f"is the host for SDKs, not the REST API; {known}"
    if re.fullmatch(r"(dashboard[a-z0-9-]*)(\.[a-z0-9-]+)?\.braze\.(com|eu)", host):
        return f"is the dashboard, not the REST API; {_instance_of_dashboard(host)}"
    return ""


def _instance_of_dashboard(host: str) -> str:
    """`dashboard-03.braze.com` is US-03 and `dashboard-01.braze.eu` EU-01; others are not told."""
    numbered = re.fullmatch(r"dashboard-([0-9]{2})\.braze\.(com|eu)", host)
    name = f"{'US' if numbered[2] == 'com' else 'EU'}-{numbered[1]}" if numbered else ""
    named = re.fullmatch(r"dashboard\.([a-z]{2}-[0-9]{2})\.braze\.com", host)
    name = named[1].upper() if named else name
    if name in INSTANCES:
        return f"use {name}"
    return "use the name of the instance, such as US-01"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    if _is_address(host):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")
