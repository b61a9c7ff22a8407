"""Access tokens that are JWTs, checked locally (RFC 6750, RFC 7519, RFC 9068)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from mindpeeker_guard import _claims
from mindpeeker_guard._flow import Flow
from mindpeeker_guard._headers import MAX_TOKEN, check_token, scheme_credential
from mindpeeker_guard._jose import Header, parse
from mindpeeker_guard._jwks import Key, KeySet
from mindpeeker_guard._key_health import KeySetHealth
from mindpeeker_guard._keys import KeySource
from mindpeeker_guard._requests import Request
from mindpeeker_guard._scopes import MINDPEEKER_SCOPES, ScopeCatalogue
from mindpeeker_guard._token_cache import Entry, TokenCache, sharing
from mindpeeker_guard._types import Draft, Principal
from mindpeeker_guard._usual import Known, UsualTokens
from mindpeeker_guard.authenticators import _jwt_rules
from mindpeeker_guard.authenticators._jwt_rules import MINDPEEKER_AUDIENCE, MINDPEEKER_ISSUER, Rules
from mindpeeker_guard.errors import (
    ConfigurationError,
    InvalidSignatureError,
    MalformedTokenError,
    UnsupportedAlgorithmError,
)


class Checked(NamedTuple):
    """A token of which all is checked but the signature; its claims are read-only but for the outermost."""

    header: Header
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes
    expires_at: float


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
        self._audiences = _jwt_rules.audiences(audience)
        self._algorithms = _jwt_rules.algorithms(algorithms)
        self._leeway = _jwt_rules.seconds_of_leeway(leeway)
        self._strict = profile == "rfc9068"
        self._clock = clock
        self._keys = _jwt_rules.key_source(issuer, jwks_uri, keys, clock)
        # A key source of the application's own may have no set to look at: then nothing is remembered.
        self._keys_at_hand: Callable[[], KeySet | None] = getattr(self._keys, "at_hand", lambda: None)
        self._usual = UsualTokens(issuer, self._audiences, self._leeway, strict=self._strict)
        self._tokens = TokenCache(_jwt_rules.cache_size(token_cache), self._leeway) if token_cache else None
        self._catalogue = MINDPEEKER_SCOPES

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

    def adopt(self, catalogue: ScopeCatalogue) -> None:
        """Make principals with `catalogue` from now on; see `Authenticator.adopt`."""
        self._catalogue = catalogue

    def extract(self, request: Request) -> str | None:
        """Return the bearer token; see `Authenticator.extract`. Never from the query or the body."""
        value = request.authorization
        # Nearly every request: the scheme as it is usually written, one blank, a token without blanks around it.
        if value is not None and value.startswith("Bearer "):
            token = value[7:]
            if token and token[0] > " " and token[-1] > " ":
                return token
        return scheme_credential(request.values("authorization"), self.scheme)

    def recall(self, credential: str, request: Request) -> Principal | None:  # noqa: ARG002 - proofs need it
        """Return who a token stands for that was verified before; see `Authenticator.recall`."""
        if self._tokens is None:
            return None
        return self._tokens.recall(self._raw(credential), self._keys_at_hand, self._clock())

    def attempt(self, credential: str, request: Request) -> Principal | None:  # noqa: ARG002 - proofs need it
        """Turn a token into a principal if no key must be waited for; see `Authenticator.attempt`."""
        raw, now, tokens = self._raw(credential), self._clock(), self._tokens
        if tokens is not None:
            found = tokens.recall(raw, self._keys_at_hand, now)
            if found is not None:
                return found
        usual = self._usual.read(credential, raw, now)
        if usual is None:
            return self._attempt(raw, now)
        known, claims, signing_input, signature, expires_at, is_text = usual
        keys = self._keys_at_hand()  # only now: junk has no say in when keys are refreshed
        if known.keys is not keys:
            return self._attempt(raw, now)
        alg = known.header.alg
        for key in known.candidates:
            if key.verify(alg, signing_input, signature):
                if tokens is None:
                    return self._principal(claims, expires_at, is_text=is_text)
                return self._believe(raw, claims, expires_at, key, keys)
        raise InvalidSignatureError

    def _attempt(self, raw: bytes, now: float) -> Principal | None:
        """Do what `attempt` does, with care."""
        token = self._read(raw, now)
        header, keys = token.header, self._keys_at_hand()
        candidates = keys.candidates(header.kid, header.alg) if keys is not None else ()
        if keys is None or not candidates:
            return None
        found = self._verify(raw, token, candidates, keys)
        self._usual.remember(token.signing_input, Known(header, keys, candidates))
        return found

    def authenticate(self, credential: str, request: Request) -> Flow[Principal]:  # noqa: ARG002 - proofs need it
        """Turn a token into a principal; see `Authenticator.authenticate`."""
        raw = self._raw(credential)
        token = self._read(raw, self._clock())
        candidates = yield from self._keys.find(token.header.kid, token.header.alg)
        return self._verify(raw, token, candidates, self._keys_at_hand())

    def _verify(self, raw: bytes, token: Checked, candidates: Sequence[Key], keys: KeySet | None) -> Principal:
        """Check the signature, and only then believe the token."""
        for key in candidates:
            if key.verify(token.header.alg, token.signing_input, token.signature):
                return self._believe(raw, token.claims, token.expires_at, key, keys)
        raise InvalidSignatureError

    def _believe(
        self, raw: bytes, claims: dict[str, Any], expires_at: float, key: Key, keys: KeySet | None
    ) -> Principal:
        """Return who a verified token stands for; remember it where its key is one of the set in force."""
        # The key may have been withdrawn since it was found: then nothing is remembered.
        if self._tokens is None or keys is None or key not in keys.keys:
            return self._principal(claims, expires_at)
        found = self._principal(sharing(claims), expires_at)
        self._tokens.remember(raw, Entry(found, key, _claims.starts_at(claims)))
        return found

    def _principal(self, claims: dict[str, Any], expires_at: float, *, is_text: bool = False) -> Principal:
        """Return who a token stands for; `is_text` says that all claims but times are known to be strings."""
        if "cnf" in claims:
            _claims.check_unbound(claims)
        try:
            subject, client, token_id, scope = claims["sub"], claims["client_id"], claims["jti"], claims["scope"]
        except KeyError:
            subject = client = token_id = scope = None
            is_text = False
        # A claim is missing, wrong, or has another name.
        if not is_text and not type(subject) is type(client) is type(token_id) is str:
            subject, client = _claims.text(claims, "sub"), _claims.client_id(claims)
            token_id, scope = _claims.text(claims, "jti"), claims.get("scope")
        catalogue = self._catalogue
        if is_text or type(scope) is str:
            granted, reached = catalogue.granted_by(scope)
        else:
            granted = _claims.scopes(claims)
            reached = catalogue.expand(granted)
        made: Any = Draft()
        made.subject = subject
        made.client_id = client
        made.issuer = self._issuer
        made.granted_scopes = granted
        made.claims = MappingProxyType(claims)
        made.scheme = "Bearer"
        made.expires_at = expires_at
        made.token_id = token_id
        made.catalogue = catalogue
        made.scopes = reached
        made.__class__ = Principal
        return made  # type: ignore[no-any-return]

    @staticmethod
    def _raw(credential: str) -> bytes:
        """Return the credential as bytes. A character beyond ASCII is kept as one that no token has."""
        if len(credential) > MAX_TOKEN:
            raise MalformedTokenError(f"more than {MAX_TOKEN} characters")
        return credential.encode("ascii", "replace")

    def _read(self, raw: bytes, now: float) -> Checked:
        """Read a token with care, and check all of it that needs no key."""
        try:
            token = parse(raw)
        except MalformedTokenError:
            check_token(raw)  # what no token could look like is a malformed request, not a bad token
            raise
        header, claims, signing_input, signature = token
        if header.alg not in self._algorithms:
            raise UnsupportedAlgorithmError("alg")
        _claims.check_type(header.typ, claims, strict=self._strict)
        _claims.check_issuer(claims, self._issuer)
        _claims.check_audience(claims, self._audiences)
        expires_at = _claims.check_times(claims, now=now, leeway=self._leeway)
        return Checked(header, _frozen(claims), signing_input, signature, expires_at)

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


def _frozen(claims: dict[str, Any]) -> dict[str, Any]:
    """Return `claims` with members that are read-only all the way down: a principal may be shared."""
    return {name: _deep_frozen(member) for name, member in claims.items()}


def _deep_frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: _deep_frozen(member) for name, member in value.items()})
    if isinstance(value, list):
        return tuple(_deep_frozen(member) for member in value)
    return value
