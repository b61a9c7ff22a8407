"""Callers who must be refused: forged, stale and foreign tokens, and tokens in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from mindpeeker_guard.testing._flaws import Flaw
from mindpeeker_guard.testing._forged import algorithms, forms, keys, signatures
from mindpeeker_guard.testing._probes import Expected, Kit, Probe, bearer, hostile

_KEY = "mp_live_00000000000000000000000000000000"
_DAY = 86_400  # seconds: more than any leeway


def attacks(kit: Kit, method: str) -> Iterator[Probe]:
    """Yield everything that must be refused whatever the route requires."""
    yield from hostile(Flaw.UNSIGNED, signatures(kit))
    yield from hostile(Flaw.ALGORITHM, algorithms(kit))
    yield from hostile(Flaw.KEY, keys(kit))
    yield from hostile(Flaw.TIMES, _times(kit))
    yield from hostile(Flaw.ISSUER, _issuers(kit))
    yield from hostile(Flaw.AUDIENCE, _audiences(kit))
    yield from hostile(Flaw.TYPE, _types(kit))
    yield from hostile(Flaw.FORM, forms(kit), Expected.REJECTED)
    yield from _places(kit, method)
    if method == "GET":
        stale = kit.token(expired=True)
        what = "A HEAD request with a token that has expired"
        yield Probe(what, Expected.UNSERVED, Flaw.HEAD_OPEN, bearer(stale), method="HEAD", secret=stale)


def _times(kit: Kit) -> Iterator[tuple[str, str]]:
    now = kit.claims()["iat"]
    yield "A token that has expired", kit.token(iat=now - 2 * _DAY, exp=now - _DAY)
    yield "A token without exp", kit.token(exp=None)
    yield "A token whose exp is a string", kit.token(exp=str(now + _DAY))
    yield "A token whose exp is true", kit.token(exp=True)
    yield "A token whose exp is not a number (NaN)", kit.token(exp=float("nan"))
    yield "A token that is good from tomorrow on (nbf)", kit.token(nbf=now + _DAY, exp=now + 2 * _DAY)
    yield "A token that was issued tomorrow (iat)", kit.token(iat=now + _DAY, exp=now + 2 * _DAY)


def _issuers(kit: Kit) -> Iterator[tuple[str, str]]:
    issuer = kit.issuer.issuer
    yield "A token of another issuer", kit.token(iss="https://login.attacker.example")
    yield "A token whose issuer has a slash more", kit.token(iss=f"{issuer}/")
    yield "A token whose issuer begins like ours", kit.token(iss=f"{issuer}.attacker.example")
    yield "A token whose issuer is a list with ours", kit.token(iss=[issuer])
    yield "A token without an issuer", kit.token(iss=None)


def _audiences(kit: Kit) -> Iterator[tuple[str, str]]:
    audience = kit.issuer.audience
    yield "A token for another API", kit.token(aud="https://billing.mindpeeker.example")
    yield "A token whose audience begins like ours", kit.token(aud=f"{audience}.attacker.example")
    yield "A token whose audience is part of ours", kit.token(aud=audience[:-1])
    yield "A token whose audience mentions ours in a text", kit.token(aud=f"https://other.example {audience}")
    yield "A token whose audience is a list of others", kit.token(aud=["https://other.example"])
    yield "A token without an audience", kit.token(aud=None)


def _types(kit: Kit) -> Iterator[tuple[str, str]]:
    yield "An ID token (it has a nonce)", kit.token(nonce="n-0S6_WzA2Mj")
    yield "An ID token (it has at_hash)", kit.token(at_hash="77QmUPtjPfzWtF2AnpK9RQ")
    yield "A log-out token (typ logout+jwt)", kit.token(headers={"typ": "logout+jwt"})
    yield "A proof (typ dpop+jwt)", kit.token(headers={"typ": "dpop+jwt"})
    yield (
        "A token that is bound to a key (cnf), as plain Bearer",
        kit.token(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0"}),
    )
    if kit.strict:
        yield "A token of type JWT", kit.token(headers={"typ": "JWT"})


def _places(kit: Kit, method: str) -> Iterator[Probe]:
    """Yield good tokens where none may be read from."""
    good = kit.token()
    for scheme in ("Token", "JWT", "Basic", "BearerX", "Bearer:"):
        yield _placed(f"A good token in the scheme {scheme}", good, bearer(good, scheme))
    yield _placed("A good token without a scheme", good, (("Authorization", good),))
    yield _placed("A good token after 'Bearer Bearer'", good, bearer(f"Bearer {good}"))
    for header in ("X-Access-Token", "X-Forwarded-Access-Token", "Proxy-Authorization"):
        yield _placed(f"A good token in the header {header}", good, ((header, f"Bearer {good}"),))
    yield _placed("A good token in the cookie access_token", good, (("Cookie", f"access_token={good}"),))
    for name in ("access_token", "token", "jwt"):
        yield _placed(f"A good token in the query ({name})", good, query=f"{name}={quote(good)}")
    if method != "GET":
        yield _placed("A good token in a form (access_token)", good, _FORM, body=f"access_token={good}".encode())
    yield _placed("A good token in two Authorization headers", good, bearer(good) * 2)
    yield _placed("A good and another token in one header", good, bearer(f"{good}, Bearer abc"))
    yield _placed("An API key that nobody was given", _KEY, (("X-API-Key", _KEY),))
    yield _placed("The scheme Bearer without a token", "", (("Authorization", "Bearer"),))
    yield _placed("An empty Authorization header", "", (("Authorization", ""),))


_FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


def _placed(
    what: str, secret: str, headers: tuple[tuple[str, str], ...] = (), query: str = "", body: bytes = b""
) -> Probe:
    return Probe(what, Expected.REJECTED, Flaw.LOCATION, headers, query=query, body=body, secret=secret)
