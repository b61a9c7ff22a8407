"""The guards of the contract: a clock that stands still, keys at hand, and one key id whose issuer is down."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from tests.contract.keyring import NOW, RETRY_AFTER, service
from tests.support.tokens import jwks, private_key, public_jwk, token

from mindpeeker_guard import (
    APIKey,
    Decision,
    Flow,
    Guard,
    JWTBearer,
    Key,
    KeysUnavailableError,
    RateLimit,
    RateLimits,
    Request,
    StaticKeySet,
)
from mindpeeker_guard._jwks import KeySet
from mindpeeker_guard.state import MemoryRevocations, MemoryState

DOWN: Final = "issuer-is-down"
REVOKED: Final = "revoked"
WEAK: Final = "weak"
EXPONENT_ONE: Final = "exponent-one"
ODD_REALM: Final = 'the "v1" \\ API'
METADATA: Final = "https://api.mindpeeker.com/.well-known/oauth-protected-resource"
KEYED: Final = ("keys", "keys-cold", "keys-only", "keys-told")
KINDS: Final = {"es256": "ES256", "es384": "ES384", "es512": "ES512", "ed": "EdDSA"}


decisions: Final[deque[Decision]] = deque(maxlen=100)
"""What the guard ``"keys-told"`` has decided lately."""


class Keys:
    """The issuer's keys, among them some that nobody may use; they cannot be had for a token that names `DOWN`."""

    def __init__(self) -> None:
        good = [public_jwk(), public_jwk("open", alg=None, use=None)]
        good += [public_jwk(name, kind) for name, kind in KINDS.items()]
        weak = public_jwk(WEAK, bits=1024)
        exponent_one = public_jwk(kid=EXPONENT_ONE, e="AQ")
        encryption = public_jwk("encryption", use="enc", alg=None)
        self._keys = StaticKeySet(jwks(weak, exponent_one, encryption, *good))

    def find(self, kid: str | None, alg: str) -> Flow[Sequence[Key]]:
        """Return the keys that fit."""
        if kid == DOWN:
            raise KeysUnavailableError("the test says so", retry_after=RETRY_AFTER)
        return (yield from self._keys.find(kid, alg))

    def warm_up(self) -> Flow[None]:
        """Do nothing."""
        yield from ()


class KeysAtHand(Keys):
    """The same keys, with which a guard takes its short way: no flow is run, and verified tokens are remembered."""

    def at_hand(self) -> KeySet:
        """Return the keys."""
        return self._keys.at_hand()


@cache
def keys() -> KeysAtHand:
    """Return the one key source of all guards here but ``"flow"``."""
    return KeysAtHand()


@cache
def revocations() -> MemoryRevocations:
    """Return a list of what was revoked: one token, and the tokens of a user from before `NOW`."""
    made = MemoryState(clock=lambda: NOW).revocations
    made.revoke(token_id=REVOKED)
    made.revoke(subject="user-1", issued_before=NOW)
    return made


@cache
def guard(name: str = "plain") -> Guard:
    """Return one of the guards, the same one for the same name."""
    profile = "rfc9068" if name == "strict" else "auto"
    source = Keys() if name == "flow" else keys()
    bearer = JWTBearer(keys=source, profile=profile, clock=lambda: NOW)
    if name in KEYED:
        key = APIKey(service(cache_for=0 if name == "keys-cold" else 30))
        told = {"on_decision": decisions.append} if name == "keys-told" else {}
        return Guard(*([key] if name == "keys-only" else [bearer, key]), clock=lambda: NOW, **told)
    if name == "spent":
        return _spent(bearer)
    options = {
        "limited": {"limits": _Endless("7/minute")},
        "plain": {},
        "flow": {},
        "strict": {},
        "preflight": {"allow_preflight": True},
        "revoking": {"revocations": revocations()},
        "metadata": {"realm": ODD_REALM, "resource_metadata": METADATA},
    }
    return Guard(bearer, clock=lambda: NOW, **options[name])


class _Endless(RateLimits):
    """Limits with a clock that stands still, which forget each request before the next."""

    def __init__(self, rate: str) -> None:
        super().__init__(rate, timer=lambda: 0.0)

    def take_here(self, *args: Any) -> Any:
        """Count a request as if it were the first."""
        self._memory.clear()
        return super().take_here(*args)


def _spent(bearer: JWTBearer) -> Guard:
    """Return a guard whose one budget, which all callers share, is used up for ever."""
    limits = RateLimits(RateLimit("1/90 seconds", per="global"), timer=lambda: 0.0)
    made = Guard(bearer, limits=limits, clock=lambda: NOW)
    made.check(Request(headers={"Authorization": f"Bearer {token(now=NOW)}"}))
    return made


def signing_key(name: str) -> object:
    """Return the private half of the key that the guards know as `name`."""
    return private_key(name, KINDS.get(name, "RS256"))
