"""What a rate limit is: how many requests, in how much time, and who shares them.

Rates are written as the library ``limits`` reads them: ``"100/minute"``, ``"5 per 10 seconds"``, or several between
semicolons. They are read where they are written, so that a wrong one is found at start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, get_args

from mindpeeker_guard._logs import logger
from mindpeeker_guard.errors import ConfigurationError

Per = Literal["principal", "client", "api_key", "ip", "route", "global"]
Rates = Callable[[Any], str | None]

MISSING: Final = "Rate limits need the extra 'limits': pip install 'mindpeeker-guard[limits]'."

SHARED: Final = frozenset({"route", "global"})
"""What all callers share."""

_PER: Final = get_args(Per)
_NAME: Final = r"[A-Za-z0-9_.-]{1,64}"  # compiled at its first use: most applications have no limits
_LONGEST: Final = 200  # characters of a rate
_MOST: Final = 1_000_000_000_000  # the largest number that every store counts exactly, and a header can show
_YEARS: Final = 10 * 366 * 86_400


class Window(NamedTuple):
    """So many requests in so much time.

    Attributes:
        amount: How many.
        seconds: How long the window is.
        suffix: What stands at the end of its keys, as in ``limits``: ``100/1/minute``.
    """

    amount: int
    seconds: int
    suffix: str


class Rule:
    """One window of a limit, with all that is the same for every request.

    Attributes:
        name: What headers call it.
        policy: The limit as ``RateLimit-Policy`` has it.
        state: How ``RateLimit`` tells what is left of it begins.
        head: What its keys begin with.
        tail: What they end with.
        amount: How many requests pass.
        seconds: In how much time.
        is_shown: Whether callers are told what is left. What all share would tell how much the others use.
    """

    __slots__ = ("amount", "head", "is_shown", "name", "policy", "seconds", "state", "tail")

    def __init__(self, label: str, name: str, per: Per, window: Window) -> None:
        self.name = name
        self.policy = f'"{name}";q={window.amount};w={window.seconds}'
        self.state = f'"{name}";r='
        self.head = f"{label}/"
        self.tail = f"/{window.suffix}"
        self.amount = window.amount
        self.seconds = window.seconds
        self.is_shown = per not in SHARED


class RateLimit:
    """A rate, and whom it is counted for.

    Args:
        rate: ``"100/minute"``; several between semicolons, such as ``"10/second; 1000/hour"``, all hold.
        per: Who shares one budget. ``principal``: the user, or the client where there is no user. ``client``: the OAuth
            client. ``api_key``: the API key; others are not counted. ``ip``: the address, an IPv6 /64. ``route``: all
            callers of a route. ``global``: all. Callers without a credential are counted by their address.
        name: What it is called in ``RateLimit`` headers, and in the store; by default what it is counted per.
        rates: Returns the rate for a principal, such as by a claim with its plan; None stands for `rate`. What it
            raises, or a rate that cannot be read, is logged, and `rate` holds.

    Raises:
        ConfigurationError: A rate cannot be read, an argument is wrong, or ``limits`` is not installed.
    """

    __slots__ = ("_rules", "name", "per", "rate", "rates", "windows")

    def __init__(
        self, rate: str, *, per: Per = "principal", name: str | None = None, rates: Rates | None = None
    ) -> None:
        if per not in _PER:
            raise ConfigurationError(f"per must be one of {', '.join(_PER)}: {per!r}.")
        if name is not None and (not isinstance(name, str) or not re.fullmatch(_NAME, name, re.ASCII)):
            raise ConfigurationError(f"name must be up to 64 letters, digits, '_', '.' and '-': {name!r}.")
        if rates is not None and not callable(rates):
            raise ConfigurationError("rates must be a function that returns a rate for a principal.")
        self.rate = rate
        self.per: Per = per
        self.name = name
        self.rates = rates
        self.windows = parse(rate)
        self._rules = {of_route: make_rules(self.label_in(of_route), per, self.windows) for of_route in (False, True)}

    @property
    def label(self) -> str:
        """The name, given or not."""
        return self.name or self.per

    def label_in(self, of_route: bool) -> str:
        """Return the name, so that a limit of a route is not called like one of the guard."""
        if self.name or not of_route:
            return self.label
        return "route" if self.per in SHARED else f"route-{self.per}"

    def rules(self, of_route: bool, principal: Any, most: int) -> tuple[Rule, ...]:
        """Return what holds for a caller, who may be None: nothing that lets more than `most` pass."""
        if self.rates is not None and principal is not None:
            windows = self._windows_for(principal, most)
            if windows is not None:
                return make_rules(self.label_in(of_route), self.per, windows)
        return self._rules[of_route]

    def _windows_for(self, principal: Any, most: int) -> tuple[Window, ...] | None:
        """Return what the function says; None where the rate that is written holds."""
        try:
            rate = self.rates(principal)  # type: ignore[misc]  # the caller has looked
            return None if rate is None else _at_most(parse(rate), most)
        except Exception:  # noqa: BLE001 - a plan that is not known is no reason to turn a caller away
            logger("mindpeeker_guard.limits").exception("no rate for a principal: %s holds", self.rate)
            return None

    def _key(self) -> tuple[object, ...]:
        return self.windows, self.per, self.name, self.rates

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RateLimit) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        named = "" if self.name is None else f", name={self.name!r}"
        return f"RateLimit({self.rate!r}, per={self.per!r}{named})"


@lru_cache(maxsize=1024)
def make_rules(label: str, per: Per, windows: tuple[Window, ...]) -> tuple[Rule, ...]:
    """Return a rule for each window."""
    return tuple(Rule(label, f"{label}-{one.seconds}s" if len(windows) > 1 else label, per, one) for one in windows)


def rate_limits(value: Any, *, per: Per = "principal") -> tuple[RateLimit, ...]:
    """Return the limits in `value`: None, a rate, a limit, or several of these.

    Raises:
        ConfigurationError: It is none of them; or two limits have one name.
    """
    if value is None:
        return ()
    several = [value] if isinstance(value, str | RateLimit) else list(value) if isinstance(value, Iterable) else [value]
    found = tuple(one if isinstance(one, RateLimit) else RateLimit(one, per=per) for one in several)
    labels = [one.label for one in found]
    for label in labels:
        if labels.count(label) > 1:
            raise ConfigurationError(f"Two rate limits are called {label!r}: give one of them a name.")
    return found


def parse(rate: Any) -> tuple[Window, ...]:
    """Read a rate.

    Raises:
        ConfigurationError: It is none, or ``limits`` is not installed.
    """
    if not isinstance(rate, str) or len(rate) > _LONGEST:
        raise ConfigurationError(f"A rate is written like '100/minute', not {rate!r:.80}.")
    return _parsed(rate)


def _at_most(windows: tuple[Window, ...], most: int) -> tuple[Window, ...]:
    if any(window.amount > most for window in windows):
        raise ConfigurationError(f"The rate lets more than {most:,} requests pass.")
    return windows


@lru_cache(maxsize=1024)
def _parsed(rate: str) -> tuple[Window, ...]:
    try:
        import limits  # noqa: PLC0415 - an extra, which takes a while to load
    except ImportError:
        raise ConfigurationError(MISSING) from None
    try:
        items = limits.parse_many(rate)
    except ValueError:
        raise ConfigurationError(f"A rate is written like '100/minute', not {rate!r}.") from None
    windows = tuple(Window(item.amount, item.get_expiry(), _suffix(item)) for item in items)
    for window in windows:
        if not 0 < window.amount <= _MOST or not 0 < window.seconds <= _YEARS:
            raise ConfigurationError(f"A rate lets at least one request pass, in ten years at most: {rate!r}.")
    return windows


def _suffix(item: Any) -> str:
    return f"{item.amount}/{item.multiples}/{item.GRANULARITY.name}"
