"""One revocation: what it concerns, and until when it must be known."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypedDict, Unpack

from mindpeeker_guard.errors import ConfigurationError

__all__ = ["Mark", "Revocation", "Revoked", "Terms", "Unpack", "decode", "encode"]

NEVER: Final = 9_007_199_254_740  # seconds; the largest number whose milliseconds every reader of JSON and Lua holds
MARGIN: Final = 300.0  # seconds past a token's end in which a guard may still take it: the largest leeway there is
_LONGEST: Final = 2048  # characters of an issuer or a name

TOKEN, SUBJECT, CLIENT, API_KEY, ALL = "token", "subject", "client", "api_key", "all"
KINDS: Final = frozenset({TOKEN, SUBJECT, CLIENT, API_KEY, ALL})
_ARGUMENTS: Final[Mapping[str, str]] = {
    "token_id": TOKEN,
    "subject": SUBJECT,
    "client_id": CLIENT,
    "api_key": API_KEY,
}


class Revoked(TypedDict, total=False):
    """What to revoke: one of the first four, or `issued_before` alone for everything. Times are aware or epoch seconds.

    Attributes:
        token_id: The ``jti`` of a token.
        subject: The ``sub`` of tokens.
        client_id: The client of tokens.
        api_key: The id of an API key.
        issuer: Whose tokens; every issuer's where it is left out.
        issued_before: Tokens with this ``iat``, or a later one, go on being good; by default the present, plus the
            difference between clocks that the list allows for. A token without ``iat`` is refused. Not for a token or
            an API key: those are revoked for good.
        expires_at: When the token or the API key ends by itself. By default an API key never does, and a token after
            the longest life that the list allows for.
    """

    token_id: str
    subject: str
    client_id: str
    api_key: str
    issuer: str | None
    issued_before: float | datetime
    expires_at: float | datetime


class Mark(NamedTuple):
    """What is kept of a revocation, in seconds since the epoch.

    Attributes:
        before: Credentials issued at this time or later are not concerned.
        until: When everything it concerns has ended, so that it may be forgotten.
    """

    before: float
    until: float

    def joined(self, other: Mark) -> Mark:
        """Return the mark that refuses what either refuses."""
        return Mark(max(self.before, other.before), max(self.until, other.until))


@dataclass(frozen=True, slots=True)
class Revocation:
    """One revocation.

    Attributes:
        kind: ``token``, ``subject``, ``client``, ``api_key`` or ``all``.
        issuer: Whose credentials it concerns; None for everybody's.
        value: The name of what is revoked; empty for ``all``.
        mark: What is kept of it.
    """

    kind: str
    issuer: str | None
    value: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What turns the arguments of ``revoke`` into a revocation.

    Attributes:
        max_token_age: The longest life that a token can have, in seconds.
        skew: How far the issuer's clock may be ahead, in seconds: tokens that it issues so long after a revocation are
            refused too, so that none from before it slips through.
    """

    max_token_age: float
    skew: float

    def __post_init__(self) -> None:
        for name, least in (("max_token_age", 1), ("skew", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
                raise ConfigurationError(f"{name} must be a number of seconds, {least} or more: {value!r}.")

    def revocation(  # noqa: PLR0913 - see Revoked
        self,
        now: float,
        *,
        token_id: str | None = None,
        subject: str | None = None,
        client_id: str | None = None,
        api_key: str | None = None,
        issuer: str | None = None,
        issued_before: float | datetime | None = None,
        expires_at: float | datetime | None = None,
    ) -> Revocation:
        """Return what is to be revoked; see `Revoked`.

        Raises:
            ConfigurationError: The arguments contradict each other, or are wrong.
        """
        names = {"token_id": token_id, "subject": subject, "client_id": client_id, "api_key": api_key}
        given = {name: value for name, value in names.items() if value is not None}
        if len(given) > 1 or (not given and issued_before is None):
            raise ConfigurationError("Revoke one of token_id, subject, client_id, api_key, or issued_before alone.")
        for name, value in {**given, "issuer": issuer}.items():
            _check_text(name, value)
        name, value = next(iter(given.items()), ("", ""))
        kind = _ARGUMENTS.get(name, ALL)
        for_good = kind in {TOKEN, API_KEY}
        if (issued_before if for_good else expires_at) is not None:
            raise ConfigurationError(
                f"{name or 'Everything'} is revoked {'for good' if for_good else 'by time of issue'}: "
                f"{'issued_before' if for_good else 'expires_at'} has no meaning with it."
            )
        mark = self._for_good(kind, now, expires_at) if for_good else self._by_time(now, issued_before)
        return Revocation(kind, issuer, value, mark)

    def _for_good(self, kind: str, now: float, expires_at: float | datetime | None) -> Mark:
        longest = NEVER if kind == API_KEY else now + self.max_token_age
        ends = longest if expires_at is None else _seconds("expires_at", expires_at)
        return Mark(NEVER, min(ends + MARGIN, NEVER))

    def _by_time(self, now: float, issued_before: float | datetime | None) -> Mark:
        before = now + self.skew if issued_before is None else _seconds("issued_before", issued_before)
        return Mark(before, before + self.max_token_age + MARGIN)


def encode(revocation: Revocation) -> tuple[str, str]:
    """Return a revocation as two texts: what it concerns, which is its name, and its mark in milliseconds."""
    name = json.dumps([revocation.kind, revocation.issuer, revocation.value], separators=(",", ":"))
    before, until = revocation.mark
    # Rounded up: a revocation may refuse a millisecond more, never less.
    return name, f"{math.ceil(before * 1000)} {math.ceil(until * 1000)}"


def decode(name: bytes, mark: bytes) -> Revocation | None:
    """Return the revocation that `encode` wrote; None where somebody else wrote something else."""
    try:
        kind, issuer, value = json.loads(name)
        before, until = (int(part) / 1000 for part in mark.split())
    except (ValueError, TypeError, RecursionError):
        return None
    known = isinstance(kind, str) and kind in KINDS and isinstance(issuer, str | None) and isinstance(value, str)
    if not known or not 0 <= before <= NEVER or not 0 <= until <= NEVER:
        return None
    return Revocation(kind, issuer, value, Mark(before, until))


def _check_text(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        raise ConfigurationError(f"{name} must be a string of 1 to {_LONGEST} characters.")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ConfigurationError(f"{name} holds half a character.") from None


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < NEVER:
        raise ConfigurationError(f"{name} must be an aware datetime, or seconds since the epoch: {value!r}.")
    return float(value)
