"""Braze's answers to what it does not grant."""

from exporter.simulator.allowance import LIMIT, REMAINING, RESET
from exporter.simulator.exchange import Exchange
from exporter.simulator.wire import Response, json_response

# An unknown id is 400, not 404; the texts are modelled on the one for Canvas (RUBY-VCR).
UNKNOWN_SEGMENT = "segment_id must be a string of the Segment api identifier"
UNKNOWN_APP = "app_id must be a string of the App api identifier"


def refusal(exchange: Exchange, status: int, message: str) -> Response:
    """An error in Braze's form, counted and with rate headers (a 400 has them: RUBY-VCR)."""
    return json_response(status, {"message": message}, *exchange.allowance.headers())


def unauthorized(message: str) -> Response:
    """A 401: the rate headers are there and empty (RUBY-VCR)."""
    empty = ((LIMIT, ""), (REMAINING, ""), (RESET, ""))
    return json_response(401, {"message": message}, *empty, ("Cache-Control", "no-cache"))


def unknown_key(key: str) -> Response:
    """The 401 of a key Braze does not know, which it repeats (RUBY-VCR): never log this text."""
    return unauthorized(f"Invalid API key: {key}")
