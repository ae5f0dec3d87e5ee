"""Braze's REST API is found by the name of an instance or by URL; slips are explained."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.instances import INSTANCES, needs_allow_http, rest_url

NAME = "must be the name of a Braze instance, such as US-01, or the https URL of its REST API"
ASCII = "must be a URL without white space and of ASCII characters only"
ANY = "use the name of the instance, such as US-01"
PARTS = "must end after the host; the exporter adds the paths of the API itself"


def test_there_are_fifteen_instances() -> None:
    """All that Braze's documentation lists; there is no US-09."""
    assert len(INSTANCES) == 15
    assert INSTANCES["US-08"] == "https://rest.iad-08.braze.com"
    assert "US-09" not in INSTANCES
    form = re.compile(r"https://rest\.[a-z]{2,4}-[0-9]{2}\.braze\.(com|eu)")
    assert all(form.fullmatch(url) for url in INSTANCES.values())


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("US-01", "https://rest.iad-01.braze.com"),
        ("eu-02", "https://rest.fra-02.braze.eu"),
        ("https://rest.iad-01.braze.com", "https://rest.iad-01.braze.com"),
        ("https://rest.iad-01.braze.com/", "https://rest.iad-01.braze.com"),
        ("HTTPS://REST.iad-01.braze.com", "https://rest.iad-01.braze.com"),
        ("https://braze-proxy.internal:8443/", "https://braze-proxy.internal:8443"),
        ("https://rest.iad-11.braze.com", "https://rest.iad-11.braze.com"),
        ("http://127.0.0.1:10069", "http://127.0.0.1:10069"),
        ("http://[::1]:10069/", "http://[::1]:10069"),
        ("http://proxy", "http://proxy"),
    ],
)
def test_an_endpoint_becomes_a_url(written: str, url: str) -> None:
    """Names in any case, Braze's hosts, others for proxies and tests; no slash at the end."""
    assert rest_url(written) == url
    assert rest_url(url) == url


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", NAME),
        ("production", NAME),
        ("US-1", f"{NAME}; did you mean US-01?"),
        ("us01", f"{NAME}; did you mean US-01?"),
        ("US-99", f"{NAME}; there are {', '.join(INSTANCES)}"),
        ("EU_2", f"{NAME}; did you mean EU-02?"),
        ("US-001", f"{NAME}; did you mean US-01?"),
        ("rest.iad-01.braze.com", f"{NAME}; did you mean https://rest.iad-01.braze.com?"),
        ("rest.iad-01.braze.com/segments", f"{NAME}; did you mean https://rest.iad-01.braze.com?"),
        ("proxy.internal", f"{NAME}; a URL begins with https://"),
        ("sdk.iad-03.braze.com",
         f"{NAME}; it is the host for SDKs, not the REST API; use https://rest.iad-03.braze.com"),
        ("https://sdk.fra-01.braze.eu",
         "is the host for SDKs, not the REST API; use https://rest.fra-01.braze.eu"),
        ("https://sdk.iad-77.braze.com",
         "is the host for SDKs, not the REST API; use the one that begins with rest."),
        ("https://dashboard-03.braze.com/app_settings",
         "is the dashboard, not the REST API; use US-03"),
        ("https://dashboard-01.braze.eu", "is the dashboard, not the REST API; use EU-01"),
        ("https://dashboard.us-10.braze.com", "is the dashboard, not the REST API; use US-10"),
        ("dashboard.braze.com",
         f"{NAME}; it is the dashboard, not the REST API; {ANY}"),
        ("https://rest.iad-01.braze.com/segments/list", PARTS),
        ("https://rest.iad-01.braze.com?", PARTS),
        ("https://rest.iad-01.braze.com#a", PARTS),
        ("https://user:s3cret@rest.iad-01.braze.com",
         "must not hold a user name or password; Braze's key goes into api_key"),
        ("ftp://rest.iad-01.braze.com", "must begin with https://"),
        ("https://", "must be a URL with a host, such as https://rest.iad-01.braze.com"),
        (f"https://{'a' * 254}", "must be a URL with a host, such as https://rest.iad-01.braze.com"),
        ("https://a..b/", "must be a URL with a host, such as https://rest.iad-01.braze.com"),
        ("https://a:99999", "must be a URL such as https://rest.iad-01.braze.com"),
        ("https://[::1", "must be a URL such as https://rest.iad-01.braze.com"),
        ("https://rest.iad-01.braze.com ", ASCII),
        ("https://bräze.com", ASCII),
    ],
)  # fmt: skip
def test_slips_are_explained(written: str, said: str) -> None:
    """The sentence names what to write instead, and repeats nothing: a URL may hold a password."""
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        rest_url(written)


@pytest.mark.parametrize(
    ("url", "needs"),
    [
        ("https://rest.iad-01.braze.com", False),
        ("http://rest.iad-01.braze.com", True),
        ("http://10.0.0.1:80", True),
        ("http://127.0.0.1:10069", False),
        ("http://127.8.9.1", False),
        ("http://[::1]:10069", False),
        ("http://localhost:10069", False),
        ("http://localhost.example.org", True),
    ],
)
def test_the_key_travels_in_the_clear_only_within_this_machine(url: str, needs: bool) -> None:
    """Other hosts over plain http need `allow_http`."""
    assert needs_allow_http(url) is needs


@given(st.text() | st.text("htps:/.[]@#?%a1 \t\n-").map("https://".__add__))
def test_anything_is_a_url_or_refused(written: str) -> None:
    """No text raises anything but ValueError, and what is accepted stays as it is."""
    try:
        url = rest_url(written)
    except ValueError:
        return
    assert rest_url(url) == url
    assert not url.endswith("/")
