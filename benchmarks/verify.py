"""What one verification costs, from the token to its claims, as a multiple of the bare signature check.

Each goes from token to claims or principal, with the key prepared. "Whole check" is what a guard does around that: from
the headers of a request to a principal whose scope is checked; no peer has such a row. All must check signature,
issuer, audience and expiry; that is tried before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any, Final

from benchmarks import ours
from benchmarks.harness import (
    Candidate,
    Row,
    Subject,
    UnavailableError,
    check_verdicts,
    compared,
    given,
    labelled,
    loop,
    peer,
)
from benchmarks.issuer import Issuer
from benchmarks.tokens import AUDIENCE, ISSUER, SigningKey, bad_tokens, raw_verify, signing_key
from mindpeeker_guard import Guard

Verify = Callable[[str], object]

_GOALS: Final = {"RS256": 1.5, "ES256": 1.25, "EdDSA": 1.15}
_HOT_GOAL: Final = 0.10
_DISTINCT = 512


def rows(rounds: int) -> list[Row]:
    """Measure RS256 with every subject, ES256 and EdDSA with those that can."""
    with Issuer(signing_key()) as issuer:
        found = _compared(signing_key(), [*_ours(signing_key()), *_peers(signing_key(), issuer)], rounds)
    for key in (signing_key("ES256"), signing_key("EdDSA")):
        found += _compared(key, [*_ours(key)[:1], *_peers(key, None)], max(2, rounds // 2))
    return found


def _compared(key: SigningKey, candidates: list[Candidate], rounds: int) -> list[Row]:
    return compared(f"Verify {key.alg}", raw_verify(key), candidates, rounds)


def _ours(key: SigningKey) -> list[Candidate]:
    note = "" if ours.has_token_cache() else "this version has no token cache"
    cold, hot = "mindpeeker-guard, cold", "mindpeeker-guard, hot"
    whole_cold, whole_hot = "whole check, cold", "whole check, hot"
    return [
        Candidate(cold, "ours", lambda: _guarded(cold, key, ours.verifying), _GOALS[key.alg]),
        Candidate(hot, "ours", lambda: _guarded(hot, key, ours.verifying), _HOT_GOAL, note),
        Candidate(whole_cold, "ours", lambda: _guarded(whole_cold, key, ours.checking), None),
        Candidate(whole_hot, "ours", lambda: _guarded(whole_hot, key, ours.checking), None, note),
        Candidate("mindpeeker-guard, first sight", "ours", lambda: _first_sight(key), None, "every token is a new one"),
    ]


def _peers(key: SigningKey, issuer: Issuer | None) -> list[Candidate]:
    makers: list[tuple[str, Callable[[], Verify]]] = [
        (labelled("PyJWT"), lambda: _pyjwt(key)),
        (f"{labelled('PyJWT')} + PyJWKClient", lambda: _pyjwkclient(issuer)),
        (labelled("joserfc"), lambda: _joserfc(key)),
        (f"{labelled('Authlib')}, authlib.jose", lambda: _authlib(key)),
        (f"{labelled('Authlib')}, RFC 9068", lambda: _authlib_validator(key)),
        (labelled("python-jose"), lambda: _python_jose(key)),
    ]
    chosen = makers if key.alg == "RS256" else [makers[index] for index in (0, 2, 3, 5)]
    return [_peer(name, make, key) for name, make in chosen]


def _peer(name: str, make: Callable[[], Verify], key: SigningKey) -> Candidate:
    def subject() -> Subject:
        verify, token = make(), key.token()
        check_verdicts(lambda: verify(token), _calls(verify, key))
        return Subject(name, loop(lambda: verify(token)))

    return Candidate(name, "peer", subject)


def _calls(verify: Verify, key: SigningKey) -> dict[str, Callable[[], object]]:
    return {name: lambda token=token: verify(token) for name, token in bad_tokens(key).items()}  # type: ignore[misc]


def _guarded(name: str, key: SigningKey, make: Callable[[Guard], Callable[[str], Callable[[], object]]]) -> Subject:
    check = make(ours.guard(key.jwks, hot=name.endswith("hot")))
    call = check(key.token())
    check_verdicts(call, {what: check(token) for what, token in bad_tokens(key).items()})
    return Subject(name, loop(call))


def _first_sight(key: SigningKey) -> Subject:
    """Return the cold path as it is with the cache on: each token is looked up in vain, verified and remembered."""
    requests = [ours.request(key.token()) for _ in range(_DISTINCT)]
    state: dict[str, Any] = {}

    def prepare() -> None:
        state["guard"], state["next"] = ours.guard(key.jwks, hot=True), cycle(requests).__next__
        # What one key's tokens share is learnt from the first of them.
        state["guard"].check(ours.request(key.token()), ours.NEEDED)

    def timed(count: int) -> int:
        # Past the last of the distinct tokens they would be known.
        most = min(count, _DISTINCT)
        check, take = state["guard"].check, state["next"]
        return loop(lambda: check(take(), ours.NEEDED))(most) * count // most

    return Subject("mindpeeker-guard, first sight", timed, prepare)


def _pyjwt(key: SigningKey) -> Verify:
    jwt = peer("jwt")
    decode, prepared = given(jwt, "decode"), jwt.PyJWK(key.jwk)
    options = {"require": ["exp", "iss", "aud"]}
    return lambda token: decode(
        token, prepared, algorithms=[key.alg], audience=AUDIENCE, issuer=ISSUER, options=options
    )


def _pyjwkclient(issuer: Issuer | None) -> Verify:
    if issuer is None:
        raise UnavailableError("needs an issuer")
    jwt = peer("jwt")
    client, decode = jwt.PyJWKClient(issuer.jwks_uri), given(jwt, "decode")
    options = {"require": ["exp", "iss", "aud"]}

    def verify(token: str) -> object:
        found = client.get_signing_key_from_jwt(token)
        return decode(token, found, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER, options=options)

    return verify


def _joserfc(key: SigningKey) -> Verify:
    jwt, jwk = peer("joserfc.jwt"), peer("joserfc.jwk")
    prepared = jwk.KeySet.import_key_set(key.jwks)
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": AUDIENCE}, exp={"essential": True}
    )

    def verify(token: str) -> object:
        decoded = jwt.decode(token, prepared, algorithms=[key.alg])
        registry.validate(decoded.claims)
        return decoded.claims

    return verify


def _authlib(key: SigningKey) -> Verify:
    jose = peer("authlib.jose")
    prepared = jose.JsonWebKey.import_key_set(key.jwks)
    jwt = jose.JsonWebToken([key.alg])
    options = {
        "iss": {"essential": True, "value": ISSUER},
        "aud": {"essential": True, "value": AUDIENCE},
        "exp": {"essential": True},
    }

    def verify(token: str) -> object:
        claims = jwt.decode(token, prepared, claims_options=options)
        claims.validate()
        return claims

    return verify


def authlib_validator(key: SigningKey) -> Any:
    """Return Authlib's validator of RFC 9068 access tokens with a prepared key set, as its documents show it."""
    keys = peer("joserfc.jwk").KeySet.import_key_set(key.jwks)
    base = peer("authlib.oauth2.rfc9068").JWTBearerTokenValidator
    validator = type("Validator", (base,), {"get_jwks": lambda self: keys})  # noqa: ARG005 - Authlib calls a method
    return validator(issuer=ISSUER, resource_server=AUDIENCE)


def _authlib_validator(key: SigningKey) -> Verify:
    validator = authlib_validator(key)

    def verify(token: str) -> object:
        found = validator.authenticate_token(token)
        validator.validate_token(found, ["profile"], None)
        return found

    return verify


def _python_jose(key: SigningKey) -> Verify:
    jwt, jwk = peer("jose.jwt"), peer("jose.jwk")
    prepared = jwk.construct(key.jwk, key.alg)
    options = {"require_exp": True, "require_iss": True, "require_aud": True}
    return lambda token: jwt.decode(
        token, prepared, algorithms=[key.alg], audience=AUDIENCE, issuer=ISSUER, options=options
    )
