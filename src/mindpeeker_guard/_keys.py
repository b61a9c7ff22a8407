"""Where keys come from: the protocol, and keys given in code. Keys that are fetched: see `_remote_keys`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._jwks import Key, KeySet, parse_jwks
from mindpeeker_guard.errors import ConfigurationError, UnknownKeyError


class KeySource(Protocol):
    """Where a `JWTBearer` finds the issuer's keys."""

    def find(self, kid: str | None, alg: str) -> Flow[Sequence[Key]]:
        """Return the keys that a token with this ``kid`` and ``alg`` may be signed with; at least one.

        Raises:
            UnknownKeyError, UnsupportedAlgorithmError: There is none.
            KeysUnavailableError: That cannot be told at the moment.
        """

    def warm_up(self) -> Flow[None]:
        """Get the keys now, if they are not at hand.

        Raises:
            KeysUnavailableError: They cannot be had.
        """


class StaticKeySet:
    """Keys given in code; nothing is ever fetched.

    Args:
        jwks: A JWK set (``{"keys": […]}``), one JWK, or several. Private members are dropped.

    Raises:
        ConfigurationError: No key in it can be used.
    """

    def __init__(self, jwks: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        document = jwks if isinstance(jwks, Mapping) and "keys" in jwks else {"keys": _listed(jwks)}
        try:
            self._keys = parse_jwks(document, private=True)
        except ValueError as error:
            raise ConfigurationError(f"keys: {error}.") from None
        if not self._keys.keys:
            reasons = ", ".join(self._keys.skipped) or "it is empty"
            raise ConfigurationError(f"keys must hold at least one usable public key: {reasons}.")

    def find(self, kid: str | None, alg: str) -> Flow[Sequence[Key]]:
        """Return the keys that fit; see `KeySource.find`."""
        yield from ()
        found = self._keys.candidates(kid, alg)
        if not found:
            raise UnknownKeyError
        return found

    def at_hand(self) -> KeySet:
        """Return the keys."""
        return self._keys

    def warm_up(self) -> Flow[None]:
        """Do nothing: the keys are here."""
        yield from ()

    def __repr__(self) -> str:
        return f"StaticKeySet({len(self._keys.keys)} keys)"


def _listed(jwks: Any) -> list[Any]:
    return [jwks] if isinstance(jwks, Mapping) else list(jwks) if isinstance(jwks, Sequence) else [jwks]
