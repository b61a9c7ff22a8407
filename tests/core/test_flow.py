"""Flows and their two drivers."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from concurrent.futures import Future

import pytest

from mindpeeker_guard import Call, ConfigurationError, Wait
from mindpeeker_guard._flow import arun, call, run, wait


def drive_async(flow):
    async def main():
        return await asyncio.wait_for(arun(flow), 60)

    return asyncio.run(main())


DRIVERS = [pytest.param(run, id="run"), pytest.param(drive_async, id="arun")]


def done(value=None, error=None):
    future = Future()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)
    return future


def nothing():
    yield from ()
    return "decided"


def twice(func):
    first = yield from call(func, 1)
    second = yield from call(func, first)
    return first, second


def forgiving(effect):
    try:
        yield effect
    except (OSError, TimeoutError) as error:
        answer = yield Call(type(error).__mro__[0].__name__.lower)
        return f"caught {answer}"


async def increment_async(number):
    await asyncio.sleep(0)
    return number + 1


def increment(number):
    return number + 1


class AsyncCallable:
    async def __call__(self, number):
        return number + 1


class Promise:
    """An awaitable that is no coroutine, as some drivers return."""

    def __init__(self, value):
        self.value = value

    def __await__(self):
        yield from ()
        return self.value


def promise(number):
    return Promise(number + 1)


def increment_later(number):
    """The shape of redis-py's commands: a plain function that returns a coroutine."""
    return increment_async(number)


def outcome(drive, flow):
    """Return what the flow comes to, or the text of its configuration error; leave no coroutine behind."""
    try:
        result = drive(flow)
    except ConfigurationError as error:
        return str(error)
    if inspect.iscoroutine(result):
        result.close()
        return "never awaited"
    return result


def test_a_call_is_asked_for_and_not_made():
    """
    `call` yields an effect that holds the function and its arguments, and returns what is sent back.
    """
    flow = call(increment, 41)

    effect = next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send("sent")

    assert (increment, (41,)) == (effect.func, effect.args)
    assert end.value.value == "sent"


def test_a_wait_is_asked_for_with_its_limit():
    """
    `wait` yields an effect that holds the future and the seconds, and returns what is sent back.
    """
    future = Future()
    flow = wait(future, 2.5)

    effect = next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send("sent")

    assert isinstance(effect, Wait)
    assert (future, 2.5) == (effect.future, effect.timeout)
    assert end.value.value == "sent"


def test_a_failure_is_thrown_in_where_it_was_asked_for():
    """
    The flow decides what a failed effect means, and may go on with another one.
    """
    flow = forgiving(Call(increment))

    next(flow)
    effect = flow.throw(OSError("down"))

    assert isinstance(effect, Call)


@pytest.mark.parametrize("drive", DRIVERS)
def test_a_flow_that_needs_nothing_just_ends(drive):
    """
    A flow without effects returns its value under either driver.
    """
    assert drive(nothing()) == "decided"


@pytest.mark.parametrize("drive", DRIVERS)
def test_results_are_sent_in_order(drive):
    """
    Each effect's result is what the flow goes on with.
    """
    assert drive(twice(increment)) == (2, 3)


@pytest.mark.parametrize("drive", DRIVERS)
def test_a_failed_call_may_be_caught(drive):
    """
    An exception of the called function reaches the flow, which may catch it and ask for more.
    """

    def fail():
        raise OSError("down")

    assert drive(forgiving(Call(fail))) == "caught oserror"


@pytest.mark.parametrize("drive", DRIVERS)
def test_a_failure_nobody_catches_leaves_the_driver(drive):
    """
    An exception that the flow does not catch reaches the caller as it is.
    """

    def fail():
        raise LookupError("nobody")

    with pytest.raises(LookupError, match="nobody"):
        drive(twice(lambda _: fail()))


@pytest.mark.parametrize("drive", DRIVERS)
def test_an_error_of_the_flow_itself_leaves_the_driver(drive):
    """
    What the flow raises between effects reaches the caller.
    """

    def flow():
        yield Call(increment, 1)
        raise KeyError("decided against")

    with pytest.raises(KeyError, match="decided against"):
        drive(flow())


@pytest.mark.parametrize("drive", DRIVERS)
def test_a_function_that_raises_stop_iteration_does_not_end_the_flow(drive):
    """
    StopIteration out of a called function is a failure, not the flow's result.
    """

    def stop(_):
        raise StopIteration("wrong")

    with pytest.raises(RuntimeError):
        drive(twice(stop))


@pytest.mark.parametrize("drive", DRIVERS)
def test_a_wait_returns_the_futures_result(drive):
    """
    Waiting for work that is over returns its result, and raises its exception.
    """
    assert drive(wait(done("keys"), 1)) == "keys"
    with pytest.raises(LookupError):
        drive(wait(done(error=LookupError()), 1))


@pytest.mark.parametrize("drive", DRIVERS)
def test_a_wait_past_its_limit_throws_timeout_error_in(drive):
    """
    Past its limit a wait fails with TimeoutError in the flow, and the work is not cancelled.
    """
    future = Future()

    assert drive(forgiving(Wait(future, 0.01))) == "caught timeouterror"
    assert not future.cancelled()


@pytest.mark.parametrize(
    "func", [increment_async, functools.partial(increment_async)], ids=["coroutine function", "partial"]
)
def test_run_refuses_async_functions(func):
    """
    Under the blocking driver a coroutine function is a configuration error, and is not called.
    """
    with pytest.raises(ConfigurationError, match="async"):
        run(twice(func))


@pytest.mark.parametrize(
    "func", [AsyncCallable(), increment_later, promise], ids=["object", "returns a coroutine", "promise"]
)
def test_run_refuses_what_turns_out_to_be_async(func):
    """
    Under the blocking driver an awaitable is never taken for a result.
    """
    assert "async" in outcome(run, call(func, 1))


@pytest.mark.parametrize(
    "func",
    [increment_async, functools.partial(increment_async), AsyncCallable(), increment_later, promise],
    ids=["coroutine function", "partial", "object", "returns a coroutine", "promise"],
)
def test_arun_awaits_whatever_is_async(func):
    """
    Under the async driver an async function is awaited, in whatever shape it comes.
    """
    assert outcome(drive_async, call(func, 1)) == 2


def test_arun_awaits_on_the_loop_itself():
    """
    An async function runs in the caller's event loop.
    """

    async def loop():
        return asyncio.get_running_loop()

    async def main():
        return await arun(call(loop)) is asyncio.get_running_loop()

    assert asyncio.run(main())


def test_arun_keeps_plain_functions_off_the_loop():
    """
    Under the async driver a plain function runs in another thread.
    """
    assert drive_async(call(threading.get_ident)) != threading.get_ident()


def test_arun_leaves_the_loop_free_while_it_waits():
    """
    Other tasks run while a flow waits for work elsewhere.
    """
    future = Future()

    async def finish():
        future.set_result("keys")

    async def main():
        return (await asyncio.gather(arun(wait(future, 5)), finish()))[0]

    assert asyncio.run(main()) == "keys"


def test_a_cancelled_caller_cancels_nothing():
    """
    Cancelling one waiter leaves the work, and everybody else who waits for it, alone.
    """
    future = Future()

    async def main():
        first, second = (asyncio.ensure_future(arun(wait(future, 5))) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        future.set_result("keys")
        return await asyncio.gather(first, second, return_exceptions=True)

    first, second = asyncio.run(main())

    assert isinstance(first, asyncio.CancelledError)
    assert second == "keys"


def test_work_may_end_after_the_loop_that_waited_for_it(caplog):
    """
    Work that outlives the event loop of a cancelled waiter ends without a complaint.
    """
    future = Future()

    async def main():
        task = asyncio.ensure_future(arun(wait(future, 5)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    future.set_result("late")

    assert [] == caplog.records
