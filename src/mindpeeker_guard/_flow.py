"""Flows: checks that ask for their I/O, and the two drivers that perform it.

A flow is a generator. It yields an effect and is sent the result; when the effect fails, the exception is thrown in at
the same place, so the flow can decide what the failure means. A flow that needs nothing ends without yielding, and then
neither driver does any work.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mindpeeker_guard.errors import ConfigurationError

if TYPE_CHECKING:
    # It brings logging with it, and so a quarter of the package's import time; only a fetch makes one.
    from concurrent.futures import Future

T = TypeVar("T")


class Call:
    """Effect: call a function of the application's, plain or async, such as a look-up in a store.

    Where something awaits, `twin` is awaited in place of a plain `func`, which would need a thread of its own.
    """

    __slots__ = ("args", "func", "twin")

    def __init__(self, func: Callable[..., Any], *args: Any, twin: Callable[..., Awaitable[Any]] | None = None) -> None:
        self.func = func
        self.args = args
        self.twin = twin


class Wait:
    """Effect: wait for work that runs elsewhere and that others may be waiting for too.

    The work goes on whatever becomes of the one who waits. Past `timeout` seconds, `TimeoutError` is thrown in.
    """

    __slots__ = ("future", "timeout")

    def __init__(self, future: Future[Any], timeout: float) -> None:
        self.future = future
        self.timeout = timeout


Effect = Call | Wait
Flow = Generator[Effect, Any, T]


def call(func: Callable[..., T | Awaitable[T]], *args: Any) -> Flow[T]:
    """Ask for `func(*args)`, awaited where it is async."""
    return cast("T", (yield Call(func, *args)))


def wait(future: Future[T], timeout: float) -> Flow[T]:
    """Ask for the result of `future` within `timeout` seconds."""
    return cast("T", (yield Wait(future, timeout)))


def run(flow: Flow[T]) -> T:
    """Drive `flow` to its end, blocking this thread while it waits."""
    try:
        effect = next(flow)
        while True:
            try:
                result = _perform(effect)
            except Exception as error:  # noqa: BLE001 - whatever failed, the flow decides what it means
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        return cast("T", end.value)


async def arun(flow: Flow[T]) -> T:
    """Drive `flow` to its end, leaving the event loop free while it waits."""
    try:
        effect = next(flow)
        while True:
            try:
                result = await _aperform(effect)
            except Exception as error:  # noqa: BLE001 - whatever failed, the flow decides what it means
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        return cast("T", end.value)


def _perform(effect: Effect) -> Any:
    if isinstance(effect, Wait):
        return effect.future.result(effect.timeout)
    if not _is_async(effect.func):
        result = _called(effect.func, effect.args)
        if not inspect.isawaitable(result):
            return result
        if inspect.iscoroutine(result):
            result.close()
    name = getattr(effect.func, "__qualname__", repr(effect.func))
    raise ConfigurationError(f"{name} is async, and nothing awaits here: give a plain function.")


async def _aperform(effect: Effect) -> Any:
    import asyncio  # noqa: PLC0415 - it doubles the import time of the package, and only async callers need it

    if isinstance(effect, Wait):
        # The shield lets a cancelled caller leave alone: the work goes on for everybody else.
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(effect.future)), effect.timeout)
    if effect.twin is not None:
        return await effect.twin(*effect.args)
    if _is_async(effect.func):
        return await effect.func(*effect.args)
    result = await asyncio.to_thread(_called, effect.func, effect.args)
    return await result if inspect.isawaitable(result) else result


def _is_async(func: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(getattr(func, "__call__", None))  # noqa: B004


def _called(func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        return func(*args)
    except StopIteration as error:
        # It would end the flow it is thrown into, and no future can carry it.
        raise RuntimeError("the function raised StopIteration") from error
