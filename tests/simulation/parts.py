"""What the simulation puts in the place of network, thread and time: the one module that knows private names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mindpeeker_guard import RemoteKeySet, _worker
from mindpeeker_guard._http import Answer, FetchError

if TYPE_CHECKING:
    from tests.simulation.world import World


class Network:
    """Stands in for the fetcher of a key set, and for its session."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._keys: RemoteKeySet | None = None
        self._outcome: Answer | FetchError = FetchError("nothing was sent")
        self._arrives: Callable[[], None] = lambda: None
        self._sent: Mapping[str, str] | None = None
        self._writing = False

    def stand_in_for(self, keys: RemoteKeySet) -> None:
        """Take the place of the fetcher of `keys`."""
        self._keys = keys
        keys._fetcher = self  # type: ignore[assignment]

    @contextmanager
    def session(self) -> Iterator[Network]:
        """Return itself."""
        yield self

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Take down what is asked when a fetch begins; hand over what the issuer answered when it ends."""
        if self._writing:
            self._sent = headers
            return Answer(None, None, {})
        self._arrives()
        if isinstance(self._outcome, FetchError):
            raise self._outcome
        return self._outcome

    def begin(self, job: Callable[[], None], future: Future[Any]) -> None:
        """Begin a fetch. A thread would send its request now, so what it would send is taken down now."""
        assert self._keys is not None
        self._writing = True
        self._keys._ask(self)  # type: ignore[arg-type]
        self._writing = False
        assert self._sent is not None
        self._world.begin(job, self._sent, future)

    def deliver(self, arrives: Callable[[], None], outcome: Answer | FetchError) -> None:
        """Set what the job that runs next is handed over, and who is told about it."""
        self._arrives, self._outcome = arrives, outcome


class SimulatedFuture(Future[None]):
    """A future for which simulated time passes while somebody waits."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def result(self, timeout: float | None = None) -> None:
        """Wait."""
        assert timeout is not None
        self._world.wait_for(self, timeout)


class _Thread:
    """Stands in for a thread: its work is done all at once, at the moment at which its answer arrives."""

    native_id = 0

    def __init__(self, world: World, target: Callable[..., None], args: tuple[Any, ...], **_: Any) -> None:
        self._world, self._job, self._future = world, partial(target, *args), args[0]

    def join(self, timeout: float) -> None:
        """Return at once: there is no thread. A fork asks for it, long after the simulation is over."""

    def start(self) -> None:
        self._world.network.begin(self._job, self._future)


@contextmanager
def simulated(world: World) -> Iterator[None]:
    """Have workers live in `world`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_worker, "time", SimpleNamespace(monotonic=world.clock.monotonic))
        patch.setattr(_worker, "threading", SimpleNamespace(Thread=partial(_Thread, world), RLock=threading.RLock))
        patch.setattr(_worker, "_future", partial(SimulatedFuture, world))
        yield
