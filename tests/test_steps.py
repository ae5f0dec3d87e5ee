"""A publish lets scrapes have the interpreter; afterwards all is as Python has it."""

import sys

import pytest

from exporter.steps import in_small_steps


def test_others_wait_less_only_while_it_lasts() -> None:
    usual = sys.getswitchinterval()
    with in_small_steps():
        assert sys.getswitchinterval() < usual / 10
    assert sys.getswitchinterval() == usual


def test_a_failure_within_ends_it_as_well() -> None:
    usual = sys.getswitchinterval()
    with pytest.raises(ValueError, match="odd"), in_small_steps():
        raise ValueError("odd")
    assert sys.getswitchinterval() == usual


def test_works_that_overlap_leave_nothing_behind() -> None:
    """Whichever of them ends first."""
    usual = sys.getswitchinterval()
    first, second = in_small_steps(), in_small_steps()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert sys.getswitchinterval() == usual
