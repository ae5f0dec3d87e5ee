"""A Braze that repeats the key it is sent: in every place of an answer, and in every spelling."""

import base64
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import cycle, product
from urllib.parse import parse_qsl, quote, urlsplit

from tests.fronts import serving

SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda key: key,
    "upper case": str.upper,
    "of JSON": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "of JSON twice": lambda key: json.dumps(json.dumps(key))[1:-1],
    "by numbers of JSON": lambda key: "".join(f"\\u{ord(c):04x}" for c in key),
    "of HTML": html.escape,
    "by numbers of HTML": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "of a URL": lambda key: quote(key, safe=""),
    "by numbers of a URL": lambda key: "".join(f"%{ord(c):02X}" for c in key),
    "of a URL twice": lambda key: quote(quote(key, safe=""), safe=""),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of the header": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "base64 of name and key": lambda key: base64.urlsafe_b64encode(f"x:{key}".encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "split": lambda key: " ".join(re.findall(".{1,4}", key)),
    "by dots": "\N{MIDDLE DOT}".join,
    "its first part": lambda key: key[: 2 * len(key) // 3],
    "its last part": lambda key: key[len(key) // 3 :],
}

PLACES: Mapping[str, Callable[[str], bytes]] = {
    "the message of a 401": lambda said: _json(401, {"message": f"Invalid API key: {said}"}),
    "the message of a 200": lambda said: _json(200, {"message": f"{said} is queued"}),
    "no message": lambda said: _json(400, {"errors": [said], "key": said}),
    "a message of parts": lambda said: _json(400, {"message": {"for": [said], said: said}}),
    "a page": lambda said: _answer(404, f"<p>no {said} here</p>"),
    "a page that is no JSON": lambda said: _answer(200, f'{{"message": "{said}'),
    "far back in a page": lambda said: _answer(404, " " * 380 + said),
    "at the end of what is told": lambda said: _answer(404, "x" * 185 + said),
    "the reason": lambda said: _raw(f"HTTP/1.1 404 {said}", "Content-Length: 0"),
    "the status": lambda said: _raw(f"HTTP/1.1 {said} OK", "Content-Length: 0"),
    "the version": lambda said: _raw(f"{said} 200 OK", "Content-Length: 0"),
    "a redirect": lambda said: _answer(302, "", f"Location: http://127.0.0.1:1/{said}"),
    "the name of a header": lambda said: _answer(404, "", f"{said}: x"),
    "a header without a name": lambda said: _answer(404, "", f" : {said}", said),
    "the limit": lambda said: _answer(404, "", f"X-RateLimit-Remaining: {said}"),
    "the wait": lambda said: _answer(429, "", f"Retry-After: {said}"),
    "a cookie": lambda said: _answer(404, "", f"Set-Cookie: {said}={said}; Domain={said}"),
    "the type": lambda said: _answer(404, "", f"Content-Type: {said}/{said}; charset={said}"),
    "the date": lambda said: _answer(404, "", f"Date: {said}"),
    "the length": lambda said: _raw("HTTP/1.1 200 OK", f"Content-Length: {said}"),
    "two lengths": lambda said: _raw("HTTP/1.1 200 OK", f"Content-Length: 1, {said}"),
    "the encoding": lambda said: _answer(404, said, f"Content-Encoding: {said}"),
    "what is no gzip": lambda said: _answer(200, said, "Content-Encoding: gzip"),
    "the size of a chunk": lambda said: _raw(
        "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", said
    ),
    "the time of a point": lambda said: _success(data=[{"time": said}]),
    "no list of points": lambda said: _success(data={said: said}),
}  # fmt: skip

CASES = tuple(product(PLACES, SPELLINGS))
A_FEW = tuple(zip(PLACES, cycle(SPELLINGS)))
"""Each place once, with one spelling after the other."""


@contextmanager
def echoing(cases: Sequence[tuple[str, str]] = A_FEW, *, refuses: bool = False) -> Iterator[str]:
    """A Braze with a segment `case-<n>` for each of `cases`; the URL of its REST API.

    The names and tags of segments hold the key as well, and so does the id of one. Who `refuses`
    has no list of them. Whatever is not in `cases` is answered by a 401.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            url = urlsplit(self.path)
            asked = dict(parse_qsl(url.query))
            place, spelling = "the message of a 401", "plain"
            if number := re.fullmatch("case-([0-9]+)", asked.get("segment_id", "")):
                place, spelling = cases[int(number[1])]
            if url.path == "/segments/list" and not refuses:
                self.wfile.write(_list(key, cases, int(asked["page"])))
            else:
                self.wfile.write(PLACES[place](SPELLINGS[spelling](key)))
            self.close_connection = True

        def do_CONNECT(self) -> None:
            login = self.headers.get("Proxy-Authorization", "")
            words = base64.b64decode(login.removeprefix("Basic ")).decode()
            reason = f"HTTP/1.1 407 not {words} of {login}"
            self.wfile.write(_raw(reason, f"Proxy-Authenticate: {login}"))
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def _list(key: str, cases: Sequence[tuple[str, str]], page: int) -> bytes:
    found = [
        {
            "id": f"case-{number}",
            "name": f"{number} {SPELLINGS[spelling](key)}",
            "tags": [SPELLINGS[spelling](key)],
        }
        for number, (_, spelling) in enumerate(cases)
    ]
    found.append({"id": f"id of {key}", "name": key})
    return _success(segments=found[100 * page :][:100])


def _answer(status: int, body: str, *headers: str) -> bytes:
    return _raw(f"HTTP/1.1 {status} X", f"Content-Length: {len(body.encode())}", *headers) + (
        body.encode()
    )


def _json(status: int, payload: object) -> bytes:
    return _answer(status, json.dumps(payload))


def _success(**what: object) -> bytes:
    return _json(200, {"message": "success"} | what)


def _raw(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def told(text: str, secret: str) -> list[str]:
    """The spellings in which a good part of the secret stands in the text."""
    bare = {_bare(text), _bare(html.unescape(text))}
    return [
        name
        for name, spelled in SPELLINGS.items()
        if any(part in each for part in _parts(_bare(spelled(secret))) for each in bare)
    ]


def _parts(secret: str) -> set[str]:
    length = max(10, len(secret) // 3)
    return {secret[at : at + length] for at in range(len(secret) - length + 1)}


def _bare(text: str) -> str:
    return re.sub("[^0-9a-z]", "", text.casefold())
