"""`make fuzz` says how many inputs every property was tried with."""

from hypothesis import settings

from tests.fuzz import tried
from tests.tries import TIMES, tries

STATISTICS = """\
============================ Hypothesis Statistics =============================
tests/test_shard.py::test_all_shards_count_the_same_segments:

  - during reuse phase (0.00 seconds):
    - Typical runtimes: < 1ms, of which < 1ms in data generation
    - 1 passing, 0 failing, and 0 invalid test cases

  - during generate phase (0.30 seconds):
    - Typical runtimes: ~ 1-4 ms, of which ~ 1-3 ms in data generation
    - 98 passing, 1 failing, and 7 invalid test cases

  - Stopped because settings.max_examples=100

tests/test_store_model.py::TestWhateverHappens::runTest:

  - during generate phase (3.21 seconds):
    - 60 passing, 0 failing, and 0 invalid test cases
"""


def test_inputs_are_counted_over_all_phases() -> None:
    """Those that were tried: what a property turned away is none."""
    assert dict(tried(STATISTICS.splitlines())) == {
        "tests/test_shard.py::test_all_shards_count_the_same_segments": 100,
        "tests/test_store_model.py::TestWhateverHappens::runTest": 60,
    }


def test_no_property_is_timed() -> None:
    """On a busy machine any input may take long."""
    assert settings().deadline is None
    assert tries(10).deadline is None


def test_the_ordinary_tests_try_the_same_inputs_each_time() -> None:
    """So that one that fails says something of the change it fails with."""
    assert tries(50).derandomize == (TIMES <= 1)
    assert tries(50).max_examples == max(int(50 * TIMES), 1)
