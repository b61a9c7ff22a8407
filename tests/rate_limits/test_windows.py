"""Counting in memory: exactly so many pass, whatever the order and the number of threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import STRATEGIES
from tests.rate_limits.rig import Timer

from mindpeeker_guard.rate_limits._memory import MemoryWindows
from mindpeeker_guard.rate_limits._store import Budget

GAPS = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.5, 7.0]), min_size=1, max_size=60)


def passes(windows, *budgets):
    return all(level.is_open for level in windows.take(budgets))


@given(GAPS, st.integers(1, 6), st.integers(1, 8))
def test_no_stretch_of_a_moving_window_lets_more_pass(gaps, amount, seconds):
    """
    In any stretch as long as the window no more pass than the rate says, and none is refused that need not be.
    """
    timer = Timer()
    windows, budget, passed = MemoryWindows(timer=timer), Budget("a", amount, seconds), []

    for at in accumulate(gaps, initial=1_000.0):
        timer.now = at
        recent = [one for one in passed if one >= at - seconds]
        if passes(windows, budget):
            passed.append(at)
            assert len(recent) < amount
        else:
            assert len(recent) == amount


@pytest.mark.parametrize("strategy", ["moving-window", "fixed-window"])
@given(gaps=GAPS, amount=st.integers(1, 6), seconds=st.integers(1, 8))
def test_the_verdicts_are_those_of_limits(strategy, gaps, amount, seconds):
    """
    Request by request, the verdict and what is left are what the library itself says of the same requests.
    """
    timer = Timer()
    ours, budget = MemoryWindows(strategy, timer=timer), Budget("a", amount, seconds)
    item = RateLimitItemPerSecond(amount, seconds)
    with mock.patch("limits.storage.memory.time.time", timer), mock.patch("threading.Timer.start"):
        theirs = STRATEGIES[strategy](MemoryStorage())
        for number, at in enumerate(accumulate(gaps, initial=1_000.0)):
            # At the very end of a window the library's verdict and its statistics contradict each other.
            timer.now = at + number / 10_000
            (level,) = ours.take([budget])
            assert theirs.hit(item, "a") == level.is_open
            assert max(0, theirs.get_window_stats(item, "a").remaining) == level.remaining


@pytest.mark.parametrize("strategy", ["moving-window", "fixed-window"])
@given(gaps=GAPS, one=st.integers(1, 4), two=st.integers(1, 4))
def test_all_budgets_or_none(strategy, gaps, one, two):
    """
    A request that one budget refuses takes nothing from the others: what is left of each is what requests used.
    """
    timer = Timer()
    windows, budgets = MemoryWindows(strategy, timer=timer), [Budget("a", one, 2), Budget("b", two, 5)]

    for at in accumulate(gaps, initial=1_000.0):
        timer.now = at
        levels = windows.take(budgets)
        if not all(level.is_open for level in levels):
            again = windows.take(budgets)
            assert [level.remaining for level in levels] == [level.remaining for level in again]


def test_when_the_next_request_passes():
    """
    A refusal tells when the next one passes: not a moment before, and then it does.
    """
    for strategy, wait in (("moving-window", 7.0), ("fixed-window", 7.0)):
        timer = Timer()
        windows, budget = MemoryWindows(strategy, timer=timer), Budget("a", 2, 10)
        windows.take([budget])
        timer.now += 3
        windows.take([budget])

        (level,) = windows.take([budget])
        assert (False, 0, wait) == level
        timer.now += wait - 0.01
        assert not passes(windows, budget)
        timer.now += 0.02
        assert passes(windows, budget)


def test_threads_at_once():
    """
    Of a thousand requests in sixteen threads, exactly so many pass as the rate says.
    """
    windows, budget = MemoryWindows(timer=Timer()), Budget("a", 123, 60)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: passes(windows, budget), range(1_000)))

    assert 123 == found.count(True)


@pytest.mark.parametrize("strategy", ["moving-window", "fixed-window"])
def test_there_is_room_for_so_many_keys(strategy):
    """
    However many callers there are, only so many budgets are kept; the one that was not asked about longest goes.
    """
    windows = MemoryWindows(strategy, timer=Timer(), max_keys=10)
    windows.take([Budget("first", 1, 60)])

    for number in range(100):
        windows.take([Budget("mine", 1000, 60), Budget(f"caller {number}", 1, 60)])

    assert 10 == len(windows)
    assert 899 == windows.take([Budget("mine", 1000, 60)])[0].remaining
    assert passes(windows, Budget("first", 1, 60))


def test_there_is_room_for_so_many_requests():
    """
    The times of requests have a bound of their own, over all callers.
    """
    windows = MemoryWindows(timer=Timer(), max_marks=100)
    for number in range(50):
        for _ in range(30):
            windows.take([Budget(f"caller {number}", 1_000, 60)])

    assert len(windows) <= 4


def test_budgets_that_have_come_to_their_end_go():
    """
    Callers that do not come again are forgotten while others come.
    """
    for strategy in ("moving-window", "fixed-window"):
        timer = Timer()
        windows = MemoryWindows(strategy, timer=timer)
        for number in range(50):
            windows.take([Budget(f"caller {number}", 1, 10)])
        timer.now += 11
        for _ in range(60):
            windows.take([Budget("mine", 1_000, 10)])

        assert 1 == len(windows)
        windows.clear()
        assert 0 == len(windows)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_amid_a_count():
    """
    A child that is forked while another thread counts can count: it does not wait for a thread that it does not have.
    """
    windows = MemoryWindows(timer=Timer())
    with windows._lock:
        child = os.fork()
        if not child:
            os._exit(0 if passes(windows, Budget("a", 1, 60)) else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
