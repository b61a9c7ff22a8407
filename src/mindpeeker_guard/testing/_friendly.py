"""Callers who must not be refused, and what they may not get without a credential."""

from __future__ import annotations

from collections.abc import Iterator

from mindpeeker_guard.testing._flaws import Flaw
from mindpeeker_guard.testing._probes import Expected, Kit, Probe, bearer


def friendly(kit: Kit) -> Iterator[Probe]:
    """Yield callers who must be let in: tokens as issuers write them."""
    for what, token in _tokens(kit):
        yield _good(what, token)
    for scheme in ("bearer", "BEARER"):
        yield _good(f"A good token after {scheme!r} (schemes are compared without regard to case)", kit.token(), scheme)
    if kit.scopes:
        yield from _scopes(kit)


def exact(kit: Kit) -> Probe:
    """Return the plainest caller who must be let in."""
    return _good(f"A good token with {_named(kit)}", kit.token())


def _good(what: str, token: str, scheme: str = "Bearer", flaw: Flaw = Flaw.GOOD_REFUSED) -> Probe:
    return Probe(what, Expected.ADMITTED, flaw, bearer(token, scheme), secret=token)


def _tokens(kit: Kit) -> Iterator[tuple[str, str]]:
    audience, now = kit.issuer.audience, kit.claims()["iat"]
    yield "A good token of type at+jwt", kit.token(headers={"typ": "at+jwt"})
    yield "A good token of type application/at+jwt", kit.token(headers={"typ": "application/at+jwt"})
    if not kit.strict:
        yield "A good token without a type", kit.token(headers={"typ": None})
        yield "A good token of a service, without sub", kit.token(sub=None)
    yield "A good token whose aud is a list with this API", kit.token(aud=["https://other.example", audience])
    yield "A good token of a service, whose sub is its client", kit.token(sub="client-1")
    yield "A good token with nbf", kit.token(nbf=now)
    yield "A good token whose exp is a fraction", kit.token(exp=now + 1800.5)
    yield "A good token with claims that nobody knows", kit.token(tenant={"id": 7, "tags": ["ä", "日"]}, roles=["x"])
    yield "A good token with a header member that nobody knows", kit.token(headers={"x-note": "hello"})
    if kit.scopes:
        yield "A good token whose scope is a list", kit.token(scope=list(kit.scopes))
        yield "A good token with scp in place of scope", kit.token(scope=None, scp=list(kit.scopes))


def _scopes(kit: Kit) -> Iterator[Probe]:
    more = ["openid", *kit.scopes, "another:scope"]
    yield _good("A good token with more scopes than needed", kit.token(scopes=more), flaw=Flaw.GOOD_FORBIDDEN)
    if kit.any_scope:
        for scope in kit.scopes:
            yield _good(f"A good token with {scope} alone", kit.token(scopes=[scope]), flaw=Flaw.GOOD_FORBIDDEN)
    for admin in _administrative(kit):
        held = [admin, *(scope for scope in kit.scopes if scope not in kit.catalogue.implied_by(admin))]
        what = f"A good token with {admin}, which implies what is needed"
        yield _good(what, kit.token(scopes=held), flaw=Flaw.ADMIN_FORBIDDEN)


def _administrative(kit: Kit) -> list[str]:
    """Return the administrative scopes that imply one of the route's."""
    return [name for name in kit.catalogue if not kit.catalogue.implied_by(name).isdisjoint(kit.scopes)]


def anonymous(method: str) -> Iterator[Probe]:
    """Yield callers without a credential, by the methods that might reach the view."""
    yield Probe("A request without any credential", Expected.ASKED, Flaw.OPEN)
    if method == "GET":
        yield Probe("A HEAD request without any credential", Expected.UNSERVED, Flaw.HEAD_OPEN, method="HEAD")
    yield Probe("An OPTIONS request without any credential", Expected.UNSERVED, Flaw.OPTIONS_OPEN, method="OPTIONS")


def _named(kit: Kit) -> str:
    joint = " or " if kit.any_scope else " and "
    return joint.join(kit.scopes) if kit.scopes else "no scope at all"
