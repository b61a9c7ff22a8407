"""One job at a time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mindpeeker_guard import _worker
from mindpeeker_guard._worker import ForkGate, Worker


class Job:
    """A job that waits to be let go, and notes whether it still counts."""

    def __init__(self):
        self.gate = threading.Event()
        self.counted = []

    def __call__(self, is_current):
        self.gate.wait(60)
        self.counted.append(is_current())


def make(job, lost=lambda: None, limit=60):
    return Worker(job, lost, limit)


def start(worker):
    """Start the job the way it must be: with the lock held."""
    with worker.lock:
        return worker.start()


@pytest.fixture
def monotonic(monkeypatch):
    """The clock that limits go by."""
    now = [1000.0]
    monkeypatch.setattr(_worker.time, "monotonic", lambda: now[0])
    return now


def test_a_job_runs_elsewhere():
    """
    The job runs in a daemon thread of its own; its future tells that it is over, and no more.
    """
    seen = []
    worker = make(lambda _: seen.append(threading.current_thread()))

    assert start(worker).result(60) is None
    assert seen[0] is not threading.current_thread()
    assert seen[0].daemon


def test_the_running_job_is_known_until_it_is_over():
    """
    `running` is the future of the job under way, and None before and after.
    """
    job = Job()
    worker = make(job)

    before = worker.running()
    future = start(worker)
    during = worker.running()
    job.gate.set()
    future.result(60)

    assert (before, during, worker.running()) == (None, future, None)
    assert job.counted == [True]


def test_nobody_can_cancel_the_job():
    """
    A waiter cannot cancel the future that others wait for.
    """
    job = Job()
    future = start(make(job))

    assert not future.cancel()
    job.gate.set()
    assert future.result(60) is None


def test_a_job_that_breaks_is_over_all_the_same(monkeypatch):
    """
    Whatever becomes of the job, waiters are let go and the next one can start.
    """
    broken, threads = [], []
    monkeypatch.setattr(threading, "excepthook", broken.append)

    def job(_):
        threads.append(threading.current_thread())
        raise ZeroDivisionError

    worker = make(job)

    assert start(worker).result(60) is None
    assert worker.running() is None
    threads[0].join(60)
    assert len(broken) == 1


def test_a_thread_that_cannot_start_leaves_nothing_behind(monkeypatch):
    """
    Where the system gives no thread the job is lost, and no job counts as running: the next try starts one.
    """
    lost = []
    worker = make(lambda _: None, lambda: lost.append(True))

    def refuse(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert start(worker) is None

    assert lost == [True]
    assert worker.running() is None
    assert start(worker).result(60) is None


def test_a_job_that_takes_too_long_is_given_up(monotonic):
    """
    Past its limit a job does not run any more, and is lost once; what it brings later does not count.
    """
    lost = []
    job = Job()
    worker = make(job, lambda: lost.append(True), limit=5)
    future = start(worker)

    monotonic[0] += 5
    in_time = worker.running()
    monotonic[0] += 0.01
    late = worker.running(), worker.running()
    job.gate.set()
    future.result(60)

    assert in_time is future
    assert late == (None, None)
    assert lost == [True]
    assert job.counted == [False]


def test_how_long_a_job_may_still_take(monotonic):
    """
    What remains is the time until the job is given up, and never less than nothing.
    """
    job = Job()
    worker = make(job, limit=5)
    future = start(worker)

    left = [worker.remaining()]
    for pause in (2, 100):
        monotonic[0] += pause
        left.append(worker.remaining())
    job.gate.set()
    future.result(60)

    assert left == [5, 3, 0]


def test_a_job_given_up_does_not_end_the_next_one(monotonic):
    """
    A job that comes back after it was given up leaves the one that runs now alone.
    """
    jobs = [Job(), Job()]
    waiting = iter(jobs)

    def work(is_current):
        next(waiting)(is_current)

    worker = make(work, limit=5)
    old = start(worker)
    monotonic[0] += 6
    worker.running()
    new = start(worker)

    jobs[0].gate.set()
    old.result(60)

    assert new is worker.running()
    jobs[1].gate.set()
    new.result(60)
    assert (jobs[0].counted, jobs[1].counted) == ([False], [True])


def test_a_job_is_given_up_once(monotonic):
    """
    Where another thread gives the job up first, and starts a new one, the new one is left alone.
    """
    lost = []
    job = Job()
    worker = make(job, lambda: lost.append(True), limit=5)
    first = start(worker)
    monotonic[0] += 6
    lock = worker.lock
    started = []

    class Busy:
        """A lock that another thread has had just before."""

        def __enter__(self):
            worker.lock = lock
            lock.acquire()
            started.append(worker.start())

        def __exit__(self, *_):
            lock.release()

    worker.lock = Busy()
    worker.running()

    assert lost == []
    assert worker.running() is started[0]
    job.gate.set()
    for future in (first, *started):
        future.result(60)


def test_a_forked_child_starts_afresh():
    """
    After a fork no job counts as running and nobody holds the lock; a job of the parent's does not count.
    """
    job = Job()
    worker = make(job)
    old = start(worker)
    worker.lock.acquire()

    _worker._after_fork()

    assert worker.running() is None
    assert worker.lock.acquire(blocking=False)
    worker.lock.release()
    job.gate.set()
    assert old.result(60) is None
    assert job.counted == [False]


def test_a_fork_waits_for_a_thread_that_is_ending(monkeypatch):
    """
    Before a fork, the thread of a job that is over has gone, for the system too; one that runs is not waited for.
    """
    monkeypatch.setattr(_worker, "_TIDY_UP", 60.0)
    release = threading.Event()
    over = Worker(lambda is_current: None, lambda: None, 60)
    busy = Worker(lambda is_current: release.wait(60), lambda: None, 60)
    with over.lock:
        ended = over.start()
    with busy.lock:
        held = busy.start()
    thread, _ = over._latest
    ended.result(60)

    _worker._before_fork()
    _worker.fork_gate.after_fork()

    assert not thread.is_alive()
    assert not Path(f"/proc/self/task/{thread.native_id}").exists()
    assert held is busy.running()
    release.set()
    held.result(60)


def test_a_fork_does_not_wait_for_a_job_that_was_given_up(monotonic, monkeypatch):
    """
    Before a fork, the thread of a job that hangs is not waited for, though the job was given up long ago.
    """
    job = Job()
    worker = make(job, limit=5)
    future = start(worker)
    thread, _ = worker._latest
    monotonic[0] += 6
    worker.running()

    def wait(timeout):
        raise AssertionError("waits for a job that hangs")

    monkeypatch.setattr(thread, "join", wait)
    worker._await_end()

    job.gate.set()
    future.result(60)


def test_a_fork_waits_for_work_that_no_child_may_be_born_amid():
    """
    A fork comes after those who are inside the gate have left, and before those who want to enter meanwhile.
    """
    gate, order = ForkGate(), []

    def fork():
        gate.before_fork()
        order.append("forked")
        gate.after_fork()

    def enter():
        with gate:
            order.append("entered")

    forking, entering = threading.Thread(target=fork), threading.Thread(target=enter)
    with gate:
        forking.start()
        while not gate.forks:
            pass
        entering.start()
        order.append("left")
    forking.join(60)
    entering.join(60)

    assert order == ["left", "forked", "entered"]
    assert (gate.inside, gate.forks) == (0, 0)


def test_a_fork_does_not_wait_for_ever(monkeypatch):
    """
    Who is inside the gate and never leaves holds a fork up for a moment only; the child's gate is open.
    """
    monkeypatch.setattr(_worker, "_TIDY_UP", 0.01)
    gate = ForkGate()
    gate.__enter__()

    gate.before_fork()
    held = gate.inside, gate.forks
    gate.reset()

    assert held == (1, 1)
    assert (gate.inside, gate.forks) == (0, 0)
