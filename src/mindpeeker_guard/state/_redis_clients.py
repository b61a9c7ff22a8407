"""Clients of one Redis: one for all threads, one for each event loop, one for the thread that follows the log.

None of them is used in a process other than its own, none outlives its event loop, and none repeats a command for long:
what a caller waits for is bounded by two time limits.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from typing import Any, Final, TypeVar

from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.errors import ConfigurationError, StoreUnavailableError

T = TypeVar("T")

MISSING: Final = "Redis needs the extra 'redis': pip install 'mindpeeker-guard[redis]'."
_SCHEMES: Final = ("redis://", "rediss://", "unix://")
_FIXED: Final = ("decode_responses", "protocol", "retry", "socket_timeout")
_POOL: Final = 64  # connections; where more callers than that ask at the same moment, the others wait for their turn


class _Client:
    """A client, how many use it just now, and whether it is to be closed when nobody does."""

    __slots__ = ("client", "spent", "users")

    def __init__(self, client: Any, *, spent: bool = False) -> None:
        self.client, self.spent, self.users = client, spent, 0


class _Owner:
    """The threads of a process, or an event loop: the client that they have, and how many more may use it."""

    __slots__ = ("_current", "_ended", "_lock", "holder", "places")

    def __init__(self, places: Any) -> None:
        self.places = places
        self.holder: AsyncGenerator[None] | None = None
        self._lock = threading.Lock()
        self._current: _Client | None = None
        self._ended = False

    def lend(self, make: Callable[[], Any]) -> _Client:
        """Return the client, made where there is none; whoever has it gives it back."""
        with self._lock:
            if self._current is None:
                self._current = _Client(make(), spent=self._ended)
            self._current.users += 1
            return self._current

    def take_back(self, lent: _Client, *, spent: bool) -> bool:
        """Take a client back, and tell whether it is to be closed.

        One of which a connection has failed (`spent`) nobody gets any more: its idle ones are as old as that one. They
        cannot be closed beneath it: by the time redis-py does, it may have lent them to somebody else.
        """
        with self._lock:
            lent.users -= 1
            lent.spent |= spent
            if spent and self._current is lent:
                self._current = None
            return lent.spent and not lent.users

    def take(self, *, ended: bool = False) -> _Client | None:
        """Give the client away to be closed; one that is made after the end is closed by its last user."""
        with self._lock:
            self._ended |= ended
            current, self._current = self._current, None
            return current


class RedisClients:
    """Makes and keeps clients.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user and password where there are any.
        connect_timeout: Seconds to connect.
        timeout: Seconds to wait for an answer.
        cluster: Whether `url` is a node of a Redis Cluster.
        options: More arguments for redis-py's client, such as ``ssl_ca_certs``.

    Raises:
        ConfigurationError: redis-py is not installed, or the URL is none of Redis. The text never holds the URL.
    """

    def __init__(
        self, url: str, *, connect_timeout: float, timeout: float, cluster: bool, options: Mapping[str, Any]
    ) -> None:
        try:
            # Here, not in the thread that needs it first: a fork that finds a module half imported would hang.
            import redis  # noqa: PLC0415 - the extra may be missing, and it doubles the time of an import
            import redis.asyncio  # noqa: PLC0415
        except ImportError:
            raise ConfigurationError(MISSING) from None
        if not isinstance(url, str) or not url.startswith(_SCHEMES):
            raise ConfigurationError(f"The URL of a Redis begins with {', '.join(_SCHEMES)}.")
        self._redis: Any = redis
        self._url = url
        self._cluster = cluster
        self._timeout = timeout
        self._options = {"socket_connect_timeout": connect_timeout, "client_name": "mindpeeker-guard", **options}
        self._lock = threading.Lock()
        self._threads = _Owner(threading.BoundedSemaphore(_POOL))
        self._by_loop: dict[Any, _Owner] = {}
        self._inherited: list[Any] = []
        self._nodes: list[tuple[str, int]] = []
        self._check_url()
        on_fork(self, RedisClients._leave)

    def following(self, block: float) -> Any:
        """Return a new client whose reads may take `block` seconds longer."""
        return self._made(self._redis, self._timeout + block)

    def ask(self, work: Callable[[Any], T]) -> T:
        """Return what `work` comes to with the client of this process; once more where its connection was an old one.

        Raises:
            StoreUnavailableError: Redis did not do it. Whether it did it and could not say so is not known.
        """
        try:
            with suppress(*self._worth_another_try), self._lent() as client:
                return work(client)
            with self._lent() as client:
                return work(client)
        except self._failures as error:
            raise unavailable(error) from None

    async def aask(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Return what `work` comes to with the client of this event loop; see `ask`."""
        try:
            with suppress(*self._worth_another_try):
                async with self._alent() as client:
                    return await work(client)
            async with self._alent() as client:
                return await work(client)
        except self._failures as error:
            raise unavailable(error) from None

    def close(self) -> None:
        """Close the client of this process; it is made anew when it is needed."""
        current = self._threads.take()
        if current is not None:
            current.client.close()

    async def aclose(self) -> None:
        """Close the client of this event loop; it is made anew when it is needed."""
        import asyncio  # noqa: PLC0415 - who awaits has it

        owner = self._by_loop.get(asyncio.get_running_loop())
        if owner is not None and owner.holder is not None:
            await owner.holder.aclose()

    @property
    def _failures(self) -> tuple[type[Exception], ...]:
        # A cluster without a node that answers, or without one for a name, is no RedisError to redis-py.
        return self._redis.RedisError, self._redis.exceptions.RedisClusterException, OSError

    @property
    def _worth_another_try(self) -> tuple[type[Exception], ...]:
        # A connection from before a restart is dead, and one from before a failover leads to a replica. A time limit
        # that has passed is not: its caller has waited long enough.
        return self._redis.ConnectionError, self._redis.exceptions.ReadOnlyError

    @contextmanager
    def _lent(self) -> Generator[Any]:
        """Lend the client of this process, to `_POOL` threads at a time."""
        owner = self._threads
        if not owner.places.acquire(timeout=self._timeout):
            raise self._redis.TimeoutError("every connection is in use")
        try:
            lent, spent = owner.lend(lambda: self._made(self._redis, self._timeout)), False
            try:
                yield lent.client
            except self._worth_another_try:
                spent = not self._cluster  # whose client renews its connections itself
                raise
            finally:
                if owner.take_back(lent, spent=spent):
                    lent.client.close()
        finally:
            owner.places.release()

    @asynccontextmanager
    async def _alent(self) -> AsyncGenerator[Any]:
        """Lend the client of this event loop, to `_POOL` tasks at a time."""
        import asyncio  # noqa: PLC0415 - who awaits has it

        owner = await self._owner()
        try:
            # Only where there is nothing free is there anything to wait for.
            async with asyncio.timeout(self._timeout) if owner.places.locked() else nullcontext():
                await owner.places.acquire()
        except TimeoutError:
            raise self._redis.TimeoutError("every connection is in use") from None
        try:
            lent, spent = owner.lend(lambda: self._made(self._redis.asyncio, self._timeout)), False
            try:
                yield lent.client
            except self._worth_another_try:
                spent = not self._cluster
                raise
            finally:
                if owner.take_back(lent, spent=spent):
                    await lent.client.aclose()
        finally:
            owner.places.release()

    async def _owner(self) -> _Owner:
        import asyncio  # noqa: PLC0415 - who awaits has it

        loop = asyncio.get_running_loop()
        owner = self._by_loop.get(loop)
        if owner is None:
            owner = _Owner(asyncio.Semaphore(_POOL))
            owner.holder = self._hold(loop, owner)
            await anext(owner.holder)
            with self._lock:
                self._by_loop = {one: kept for one, kept in self._by_loop.items() if not one.is_closed()}
                self._by_loop[loop] = owner
        return owner

    async def _hold(self, loop: Any, owner: _Owner) -> AsyncGenerator[None]:
        """Keep a client open. An event loop that ends closes the generators it knows, and so this client."""
        try:
            yield
        finally:
            with self._lock:
                self._by_loop.pop(loop, None)
            current = owner.take(ended=True)
            if current is not None:
                await current.client.aclose()

    def _made(self, library: Any, timeout: float) -> Any:
        from redis.backoff import NoBackoff  # noqa: PLC0415 - see __init__

        retry = (library.retry if library is self._redis else self._redis.asyncio.retry).Retry(NoBackoff(), 0)
        # One form of answers whatever the server speaks, and no handshake that old servers do not know.
        options = {"protocol": 2, "retry": retry, "socket_timeout": timeout, **self._options}
        if self._cluster:
            return self._made_for_cluster(library, options)
        return library.Redis.from_url(self._url, max_connections=_POOL, **options)

    def _made_for_cluster(self, library: Any, options: dict[str, Any]) -> Any:
        # A cluster may be well when the node that the URL names is not: any other that was seen will do.
        seen = [library.cluster.ClusterNode(host, port) for host, port in self._nodes]
        options["startup_nodes"] = [*options.get("startup_nodes", ()), *seen]
        client = library.RedisCluster.from_url(self._url, **options)
        if library is self._redis:  # the other asks for the nodes at its first command
            self._nodes = [(node.host, node.port) for node in client.get_nodes()]
        return client

    def _check_url(self) -> None:
        try:
            parts = self._redis.connection.parse_url(self._url)
        except Exception:  # noqa: BLE001 - redis-py's own texts hold the URL, and the password in it
            raise ConfigurationError("The URL of the Redis is not well-formed.") from None
        for name in _FIXED:
            if name in parts or (name in self._options):
                raise ConfigurationError(
                    f"{name} is not for you to choose: the guard reads Redis's answers in one form."
                )

    def _leave(self) -> None:
        """Forget, in a forked child, clients whose connections are the parent's; nothing is closed under its hands."""
        self._lock = threading.Lock()
        self._inherited += [self._threads, self._by_loop]
        self._threads, self._by_loop = _Owner(threading.BoundedSemaphore(_POOL)), {}


def unavailable(error: Exception) -> StoreUnavailableError:
    """Return what a failure of Redis is to a caller: its kind, and nothing of its text."""
    return StoreUnavailableError(f"Redis: {type(error).__name__}")
