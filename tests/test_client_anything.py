"""Whatever Braze sends, the client gives an answer or says why there is none, and keeps the key."""

import json
import math
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from exporter.catalog import REASONS
from exporter.client import BrazeError
from exporter.model import Answer, Segment, Series
from exporter.transport import Reply, TransportError
from tests.fakes import daily, hourly, size
from tests.test_client import KEY, Bench
from tests.tries import tries

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([KEY, f"Invalid API key: {KEY}", "success", "2024-03-13", "\ud800", 10**400])
)  # fmt: skip
WORDS = st.sampled_from(["message", "data", "segments", "time", "size", "sessions", "id", "name",
                         "tags", "analytics_tracking_enabled", "errors", KEY, ""])  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=20,
)
TIMES = st.sampled_from(["2024-03-13", "2024-03-12T05:00:00Z", "2024-03-10T02:00", "2024-03", KEY])
ROWS = st.fixed_dictionaries(
    {}, optional={"time": TIMES | JSON, "size": st.integers(0, 9) | JSON, "sessions": JSON}
)
ITEMS = st.fixed_dictionaries(
    {"id": st.sampled_from(["s1", "s2"]) | JSON},
    optional={"name": JSON, "tags": JSON, "analytics_tracking_enabled": JSON},
)
SUCCESSES = st.fixed_dictionaries(
    {"message": st.just("success")},
    optional={
        "data": st.lists(ROWS | JSON, max_size=6) | JSON,
        "segments": st.lists(ITEMS | JSON, max_size=6) | JSON,
    },
)


def cut(body: bytes, place: int) -> bytes:
    """Without what follows, as from a connection that was lost; so may half a key be left."""
    return body[: place % (len(body) + 1)]


BODIES = st.one_of(
    st.binary(max_size=60),
    (SUCCESSES | JSON).map(lambda payload: json.dumps(payload).encode()),
    st.builds(
        cut, SUCCESSES.map(lambda payload: json.dumps(payload).encode()), st.integers(0, 10**6)
    ),
    st.builds(lambda a, b: a + KEY.encode() + b, st.binary(max_size=9), st.binary(max_size=9)),
    st.sampled_from([b"[" * 99_999, b'{"message":"success","data":[' + b"9" * 9999 + b"]}"]),
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining",
                     "x-ratelimit-reset", "content-type", "location"]),
    st.text(max_size=12) | st.integers(-9, 10**12).map(str) | st.just(KEY)
    | st.just("Wed, 13 Mar 2024 10:20:07 GMT"),
)  # fmt: skip
STATUSES = st.sampled_from([200, 200, 200, 301, 400, 401, 403, 404, 429, 500, 503]) | st.integers(
    100, 999
)
REPLIES = st.builds(Reply, STATUSES, HEADERS, BODIES) | st.builds(
    TransportError, st.sampled_from(REASONS), st.just(f"the answer was {KEY}")
)


def fails_well(error: BrazeError) -> None:
    """With a reason of the catalogue, in one line that does not hold the key."""
    assert error.reason in REASONS
    assert KEY not in str(error)
    assert KEY not in repr(error)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert "\n" not in str(error)


@tries(300)
@given(st.lists(REPLIES, min_size=1, max_size=4), st.sampled_from([size(), hourly(), daily()]))
def test_any_answers_end_in_points_or_in_a_failure(
    replies: list[Reply | TransportError], series: Series
) -> None:
    """Nothing else is raised, and what is read can be shown."""
    bench = Bench(*replies)
    try:
        answer = bench.client.data_series(series, 35)
    except BrazeError as error:
        fails_well(error)
    else:
        assert isinstance(answer, Answer)
        starts = [point.start for point in answer.points]
        assert starts == sorted(set(starts))
        assert all(math.isfinite(p.value) and p.value >= 0 for p in answer.points)
        assert math.isfinite(answer.ahead)
    assert 1 <= len(bench.braze.asked) <= 3
    assert len(bench.notes.requested_) == len(bench.braze.asked)


@tries(300)
@given(st.lists(REPLIES, min_size=1, max_size=4))
def test_any_list_ends_in_segments_or_in_a_failure(replies: list[Reply | TransportError]) -> None:
    """A list that cannot be read whole is none; each segment has an id that can be asked for."""
    bench = Bench(*replies)
    known = (Segment("s1", "Known"),)
    try:
        found = bench.client.segments(known)
    except BrazeError as error:
        fails_well(error)
    else:
        ids = [segment.id for segment in found]
        assert len(ids) == len(set(ids))
        assert all(each and each.isprintable() for each in ids)
        assert all(segment.name for segment in found)


def test_an_answer_is_reached_by_these_inputs() -> None:
    """The properties above try more than failures."""
    payload: Mapping[str, object] = {
        "message": "success",
        "data": [{"time": "2024-03-13", "size": 5}],
    }
    assert Bench(Reply(200, {}, json.dumps(payload).encode())).values() == [5]
