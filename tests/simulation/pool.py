"""Keys and tokens, signed once for all simulated worlds."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from tests.support.tokens import b64, claims, private_key, public_jwk, token

START: Final = 1_700_000_000
LEEWAY: Final = 30
FAR: Final = START + 400 * 86_400
_KEYS: Final = 24
_TWINS: Final = 4  # keys that share a key id with another one: an issuer that changes a key but not its name
_JUNK: Final = 3000


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key pair of the issuer's, or of an attacker's."""

    kid: str
    alg: str = field(repr=False)
    name: str = field(repr=False)

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key, as the issuer publishes it."""
        return public_jwk(self.name, self.alg, kid=self.kid)


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A token, and what is true of it.

    Attributes:
        text: The token.
        name: Its ``jti``.
        kid: The key id in its header.
        key: The key that signed it; None where nobody did.
        starts: Since when it is in force, the leeway included.
        ends: When it ends, the leeway included.
    """

    text: str = field(repr=False)
    name: str
    kid: str
    key: Key | None
    starts: float
    ends: float

    def is_good_at(self, now: float) -> bool:
        """Whether it is in force."""
        return self.starts <= now < self.ends


@dataclass(frozen=True, slots=True)
class Pool:
    """All keys and tokens there are."""

    keys: tuple[Key, ...]
    good: dict[Key, tuple[Token, ...]]
    expired: tuple[Token, ...]
    forged: tuple[Token, ...]
    junk: tuple[Token, ...]


@cache
def pool() -> Pool:
    """Return the keys and tokens, the same ones for all worlds of a run."""
    rng = random.Random(5)
    names = [f"sim-{number}" for number in range(_KEYS)]
    keys = tuple(
        Key(names[number % (_KEYS - _TWINS)], rng.choice(["ES256", "Ed25519"]), name)
        for number, name in enumerate(names)
    )
    return Pool(
        keys,
        {key: tuple(_of(key, rng)) for key in keys},
        tuple(_signed(key, START - 3700, START - 100) for key in keys),
        tuple(forgery for key in keys for forgery in _forgeries(key)),
        tuple(_unsigned(f"junk-{number}", "ES256") for number in range(_JUNK)),
    )


def _of(key: Key, rng: random.Random) -> list[Token]:
    """Tokens that last, some that end during the run, and some that only start then."""
    ends = [int(START + 60 * 20_000 ** rng.random()) for _ in range(3)]
    starts = [int(START + 60 * 5000 ** rng.random()) for _ in range(1)]
    return [
        *(_signed(key, START - 60, FAR) for _ in range(36)),
        *(_signed(key, START - 60, end) for end in ends),
        *(_signed(key, start, FAR) for start in starts),
    ]


def _signed(key: Key, starts: int, ends: int, kid: str | None = None) -> Token:
    name = _next_name()
    text = token(
        key=private_key(key.name, key.alg), alg=key.alg, kid=kid or key.kid, now=starts, exp=ends, nbf=starts, jti=name
    )
    return Token(text, name, kid or key.kid, key, starts - LEEWAY, ends + LEEWAY)


def _forgeries(key: Key) -> list[Token]:
    """Tokens that name `key` but that it never signed."""
    attacker = Key(f"attacker-{key.name}", key.alg, f"attacker-{key.name}")
    return [
        _unsigned(key.kid, key.alg),
        _signed(attacker, START - 60, FAR, key.kid),
        _signed(attacker, START - 60, FAR),
    ]


def _unsigned(kid: str, alg: str) -> Token:
    """A token whose signature is made up."""
    name = _next_name()
    header = json.dumps({"alg": alg, "typ": "JWT", "kid": kid})
    payload = json.dumps(claims(START - 60, exp=FAR, jti=name))
    text = f"{b64(header)}.{b64(payload)}.{b64(name.encode().ljust(64, b'.'))}"
    return Token(text, name, kid, None, START - 60 - LEEWAY, FAR + LEEWAY)


_names = iter(range(1_000_000))


def _next_name() -> str:
    return f"t{next(_names)}"
