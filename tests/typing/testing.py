"""Every public form of the test kit, for the type checkers. Nothing here is ever run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

from mindpeeker_guard import MINDPEEKER_SCOPES, Guard, JWTBearer, Principal
from mindpeeker_guard.testing import Clock, FakeIssuer, as_principal, assert_guarded


def clock() -> None:
    moved = Clock(1_700_000_000)
    moved.advance(3600)
    moved.set(0.5)
    assert_type(moved(), float)
    Guard(JWTBearer(clock=moved), clock=moved)


def principals(guard: Guard, known: Principal) -> None:
    with as_principal(subject="u-1", client_id=None, scopes=["profile"], claims={"acr": "urn:mfa"}) as principal:
        assert_type(principal, Principal)
    with as_principal(known), as_principal(scopes="profile email", scheme="ApiKey", guard=guard):
        pass


def issuers(app: object) -> None:
    with FakeIssuer("https://auth.mindpeeker.com", audience="https://maps.example", algorithm="EdDSA") as issuer:
        assert_type(issuer.token(["profile"], sub=None, expired=True, headers={"typ": None}, tenant=7), str)
        assert_type(issuer.auth_headers("profile", exp=None), dict[str, str])
        assert_type(issuer.settings(), dict[str, str])
        assert_type(issuer.environ(), dict[str, str])
        assert_type(issuer.requests, Mapping[str, int])
        assert_type(issuer.jwks(), dict[str, Any])
        assert_type(issuer.rotate(algorithm="ES256", keep_old=False), str)
        issuer.withdraw(issuer.kid)
        issuer.behave("slow")
        issuer.behave()
        issuer.add_client("worker", "secret", ["profile"])
        with issuer.trusted_by(), issuer.trusted_by(app), issuer.fault("reset"), issuer.shifted_clock(-600):
            assert_guarded(app, "GET /v1/sessions", scopes=["profile"])
        assert_guarded(
            "http://127.0.0.1:8000",
            "POST /v1/sessions",
            "profile email",
            any_scope=True,
            claims={"acr": "urn:mfa"},
            issuer=issuer,
            json={"name": "first"},
            catalogue=MINDPEEKER_SCOPES,
            profile="rfc9068",
            problem=False,
        )
