"""Access tokens that are JWTs, checked locally (RFC 6750, RFC 7519, RFC 9068)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from sys import intern
from types import MappingProxyType
from typing import Any, Final, Literal

from mindpeeker_guard import _claims
from mindpeeker_guard._flow import Flow
from mindpeeker_guard._headers import MAX_TOKEN, check_token, scheme_credential
from mindpeeker_guard._jose import parse
from mindpeeker_guard._jwks import ALGORITHMS, Key, KeySet
from mindpeeker_guard._key_health import KeySetHealth
from mindpeeker_guard._keys import KeySource, StaticKeySet
from mindpeeker_guard._remote_keys import RemoteKeySet
from mindpeeker_guard._requests import Request
from mindpeeker_guard._scopes import ScopeCatalogue, split_scope
from mindpeeker_guard._token_cache import Entry, TokenCache
from mindpeeker_guard._types import Principal, principal
from mindpeeker_guard._usual import Checked, UsualTokens
from mindpeeker_guard.authenticators._jwt_rules import Rules
from mindpeeker_guard.errors import (
    ConfigurationError,
    InvalidSignatureError,
    MalformedTokenError,
    UnsupportedAlgorithmError,
)

MINDPEEKER_ISSUER: Final = "https://auth.mindpeeker.com"
MINDPEEKER_AUDIENCE: Final = "https://api.mindpeeker.com"

_USUALLY: Final = "Bearer "
_LENGTH: Final = len(_USUALLY)
_MAX_LEEWAY: Final = 300
_ALIKE: Final = frozenset({"iss", "aud", "client_id", "azp", "scope", "scp"})


class JWTBearer:
    """Checks JWT access tokens sent as ``Authorization: Bearer …``.

    Everything that needs no key is checked first, so that junk never causes a fetch; the signature is checked before
    anything of the token is believed.

    Args:
        issuer: The ``iss`` that tokens must have, to the letter.
        audience: What ``aud`` must name: a string, or several of which one is enough.
        jwks_uri: Where the issuer's keys are. By default the issuer's metadata tell (RFC 8414, then OpenID Connect).
        keys: Keys in place of a URL: a JWK set, a JWK, several, or a `KeySource`.
        algorithms: The algorithms to accept; by default all asymmetric ones, narrowed by the key itself.
        leeway: Seconds of clock difference allowed on ``exp``, ``nbf`` and ``iat``; at most 300.
        profile: ``"auto"`` takes ``JWT``, ``at+jwt`` and no ``typ``; ``"rfc9068"`` demands ``at+jwt`` and its claims.
        token_cache: How many verified tokens are remembered, by their SHA-256; 0 for none. Whether a token is in force,
            and its key still published, is checked on every request all the same.
        clock: Tells the time, in seconds since the epoch.

    Raises:
        ConfigurationError: An argument is missing, wrong or contradicts another.
    """

    scheme: str = "Bearer"

    def __init__(  # noqa: PLR0913 - each is a rule of its own
        self,
        issuer: str = MINDPEEKER_ISSUER,
        audience: str | Iterable[str] = MINDPEEKER_AUDIENCE,
        *,
        jwks_uri: str | None = None,
        keys: KeySource | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        algorithms: Iterable[str] | None = None,
        leeway: float = 30,
        profile: Literal["auto", "rfc9068"] = "auto",
        token_cache: int = 4096,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not isinstance(issuer, str) or not issuer:
            raise ConfigurationError(f"issuer must be a string such as {MINDPEEKER_ISSUER!r}.")
        if profile not in {"auto", "rfc9068"}:
            raise ConfigurationError(f"profile must be 'auto' or 'rfc9068': {profile!r}.")
        self._issuer = issuer
        self._audiences = _audiences(audience)
        self._algorithms = _algorithms(algorithms)
        self._leeway = _leeway(leeway)
        self._strict = profile == "rfc9068"
        self._clock = clock
        self._keys = _key_source(issuer, jwks_uri, keys, clock)
        # A key source of the application's own may have no set to look at: then nothing is remembered.
        self._keys_at_hand: Callable[[], KeySet | None] = getattr(self._keys, "at_hand", lambda: None)
        self._usual = UsualTokens(issuer, self._audiences, self._leeway, strict=self._strict)
        self._tokens = TokenCache(_size(token_cache), self._leeway) if token_cache else None

    @property
    def issuer(self) -> str:
        """The issuer whose tokens are accepted."""
        return self._issuer

    @property
    def rules(self) -> Rules:
        """What tokens are held against, for those who explain a refusal."""
        return Rules(
            self._issuer, self._audiences, self._algorithms, self._leeway, self._strict, self._keys, self._clock
        )

    def describe(self, catalogue: ScopeCatalogue) -> Mapping[str, Any]:
        """Return the scheme for an API document; see `Authenticator.describe`."""
        token_url, scopes = f"{self._issuer}/oauth2/token", dict(catalogue)
        return {
            "type": "oauth2",
            "description": f"An access token of {self._issuer}, sent as a bearer token.",
            "flows": {
                "clientCredentials": {"tokenUrl": token_url, "scopes": scopes},
                "authorizationCode": {
                    "authorizationUrl": f"{self._issuer}/oauth2/authorize",
                    "tokenUrl": token_url,
                    "scopes": scopes,
                },
            },
        }

    def extract(self, request: Request) -> str | None:
        """Return the bearer token; see `Authenticator.extract`. Never from the query or the body."""
        values = request.values("authorization")
        if len(values) == 1:
            value = values[0]
            # Nearly every request: the scheme as it is usually written, one blank, a token without blanks around it.
            if value.startswith(_USUALLY) and value[_LENGTH : _LENGTH + 1] > " " and value[-1] > " ":
                return value[_LENGTH:]
        return scheme_credential(values, self.scheme)

    def recall(self, credential: str, request: Request) -> Principal | None:  # noqa: ARG002 - proofs need it
        """Return who a token stands for that was verified before; see `Authenticator.recall`."""
        if self._tokens is None:
            return None
        return self._tokens.recall(self._raw(credential), self._keys_at_hand, self._clock())

    def attempt(self, credential: str, request: Request) -> Principal | None:  # noqa: ARG002 - proofs need it
        """Turn a token into a principal if no key must be waited for; see `Authenticator.attempt`."""
        raw, now, tokens = self._raw(credential), self._clock(), self._tokens
        if tokens is not None:
            known = tokens.recall(raw, self._keys_at_hand, now)
            if known is not None:
                return known
        usual = self._usual.read(raw, now)
        token = usual or self._read(raw, now)
        keys = self._keys_at_hand()  # only now: junk has no say in when keys are refreshed
        if keys is None:
            return None
        header = token[0]
        candidates = keys.candidates(header.kid, header.alg)
        if not candidates:
            return None
        found = self._verify(raw, token, candidates, keys)
        if usual is None:
            self._usual.remember(token)
        return found

    def authenticate(self, credential: str, request: Request) -> Flow[Principal]:  # noqa: ARG002 - proofs need it
        """Turn a token into a principal; see `Authenticator.authenticate`."""
        raw = self._raw(credential)
        token = self._read(raw, self._clock())
        candidates = yield from self._keys.find(token[0].kid, token[0].alg)
        found = self._verify(raw, token, candidates, self._keys_at_hand())
        self._usual.remember(token)
        return found

    def _verify(self, raw: bytes, token: Checked, candidates: Sequence[Key], keys: KeySet | None) -> Principal:
        """Check the signature, and only then believe the token; remember it where `keys` is the set in force."""
        header, claims, signing_input, signature, expires_at = token
        for key in candidates:
            if key.verify(header.alg, signing_input, signature):
                # The key may have been withdrawn since it was found: then nothing is remembered.
                if self._tokens is None or keys is None or key not in keys.keys:
                    return _principal(claims, expires_at)
                found = _principal(_sharing(claims), expires_at)
                self._tokens.remember(raw, Entry(found, key, _claims.starts_at(claims)))
                return found
        raise InvalidSignatureError

    @staticmethod
    def _raw(credential: str) -> bytes:
        """Return the credential as bytes. A character beyond ASCII is kept as one that no token has."""
        if len(credential) > MAX_TOKEN:
            raise MalformedTokenError(f"more than {MAX_TOKEN} characters")
        return credential.encode("ascii", "replace")

    def _read(self, raw: bytes, now: float) -> Checked:
        """Read a token with care, and check all of it that needs no key."""
        try:
            header, claims, signing_input, signature = parse(raw)
        except MalformedTokenError:
            check_token(raw)  # what no token could look like is a malformed request, not a bad token
            raise
        if header.alg not in self._algorithms:
            raise UnsupportedAlgorithmError("alg")
        _claims.check_type(header.typ, claims, strict=self._strict)
        _claims.check_issuer(claims, self._issuer)
        _claims.check_audience(claims, self._audiences)
        expires_at = _claims.check_times(claims, now=now, leeway=self._leeway)
        return header, _frozen(claims), signing_input, signature, expires_at

    def warm_up(self) -> Flow[None]:
        """Get the issuer's keys now; see `KeySource.warm_up`."""
        yield from self._keys.warm_up()

    def health(self) -> KeySetHealth | None:
        """Return what there is to know about the keys; None where they were given in code."""
        health: Callable[[], KeySetHealth] | None = getattr(self._keys, "health", None)
        return None if health is None else health()

    def _trusting(self, issuer: str, audience: str, keys: KeySource) -> JWTBearer:
        """Return one with the same rules for another issuer: how `mindpeeker_guard.testing` stands in."""
        profile: Literal["auto", "rfc9068"] = "rfc9068" if self._strict else "auto"
        rules: dict[str, Any] = {"algorithms": self._algorithms, "leeway": self._leeway, "clock": self._clock}
        twin = copy(self)  # what a class derived from this one has besides stays
        JWTBearer.__init__(twin, issuer, audience, keys=keys, profile=profile, **rules)
        return twin

    def __repr__(self) -> str:
        return f"JWTBearer(issuer={self._issuer!r}, audience={sorted(self._audiences)!r})"


def _principal(claims: Mapping[str, Any], expires_at: float) -> Principal:
    _claims.check_unbound(claims)
    get = claims.get
    subject, client, token_id, scope = get("sub"), get("client_id"), get("jti"), get("scope")
    if not type(subject) is type(client) is type(token_id) is str:  # a claim is missing, wrong, or has another name
        subject, client, token_id = _claims.text(claims, "sub"), _claims.client_id(claims), _claims.text(claims, "jti")
    granted = split_scope(scope) if type(scope) is str else _claims.scopes(claims)
    return principal(subject, client, claims["iss"], granted, claims, "Bearer", expires_at, token_id)


def _sharing(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `claims` with one string for all tokens where they say the same, such as names, issuer and scope."""
    shared = {
        intern(name): intern(value) if name in _ALIKE and type(value) is str else value
        for name, value in claims.items()
    }
    return MappingProxyType(shared)


def _frozen(claims: dict[str, Any]) -> Mapping[str, Any]:
    """Return `claims` read-only all the way down: a principal may be shared."""
    return MappingProxyType({name: _deep_frozen(member) for name, member in claims.items()})


def _deep_frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: _deep_frozen(member) for name, member in value.items()})
    if isinstance(value, list):
        return tuple(_deep_frozen(member) for member in value)
    return value


def _audiences(audience: str | Iterable[str]) -> frozenset[str]:
    names = _listed(audience)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(f"audience must be a string such as {MINDPEEKER_AUDIENCE!r}, or several of them.")
    return frozenset(names)


def _algorithms(algorithms: Iterable[str] | None) -> frozenset[str]:
    names = ALGORITHMS if algorithms is None else _listed(algorithms)
    if not names or not all(isinstance(name, str) and name in ALGORITHMS for name in names):
        raise ConfigurationError(f"algorithms must be some of {', '.join(sorted(ALGORITHMS))}.")
    return frozenset(names)


def _listed(value: Any) -> tuple[Any, ...]:
    """Return one string or several of them as a tuple; an empty one where it is neither."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else ()


def _leeway(leeway: float) -> float:
    if isinstance(leeway, bool) or not isinstance(leeway, int | float) or not 0 <= leeway <= _MAX_LEEWAY:
        raise ConfigurationError(f"leeway must be a number of seconds from 0 to {_MAX_LEEWAY}: {leeway!r}.")
    return leeway


def _size(token_cache: int) -> int:
    if isinstance(token_cache, bool) or not isinstance(token_cache, int) or token_cache < 0:
        raise ConfigurationError(f"token_cache must be a whole number, 0 or more: {token_cache!r}.")
    return token_cache


def _key_source(issuer: str, jwks_uri: str | None, keys: Any, clock: Callable[[], float]) -> KeySource:
    if keys is None:
        return RemoteKeySet(jwks_uri, issuer=issuer, clock=clock)
    if jwks_uri is not None:
        raise ConfigurationError("Give jwks_uri or keys, not both.")
    if hasattr(keys, "warm_up"):
        return keys  # type: ignore[no-any-return]
    if isinstance(keys, str | bytes):
        raise ConfigurationError("keys must be a JWK set, not a string: a URL is jwks_uri, a PEM must be made a JWK.")
    return StaticKeySet(keys)
