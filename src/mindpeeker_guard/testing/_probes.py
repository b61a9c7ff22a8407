"""Probes: what is sent to a route, and what must become of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from mindpeeker_guard._scopes import ScopeCatalogue
from mindpeeker_guard.testing._flaws import Flaw
from mindpeeker_guard.testing._issuer import FakeIssuer
from mindpeeker_guard.testing._keys import Algorithm, SigningKey, compact, signing_key

Headers = tuple[tuple[str, str], ...]
Profile = Literal["auto", "rfc9068"]


class Expected(Enum):
    """What must become of a request."""

    ADMITTED = "let in"
    ASKED = "asked for a credential (401)"
    REFUSED = "refused as a bad token (401)"
    REJECTED = "refused (400 or 401)"
    FORBIDDEN = "refused for its scopes (403)"
    DENIED = "refused (400, 401 or 403)"
    UNSERVED = "not served by the view"


@dataclass(frozen=True)
class Probe:
    """One request.

    Attributes:
        what: What it is, as the subject of a sentence: ``A token that has expired``.
        expected: What must become of it.
        flaw: What is wrong where that does not happen.
        headers: Its headers.
        query: What follows the path, without the question mark.
        body: Its body.
        method: Its method, where that is not the route's.
        secret: The credential, which no answer may repeat.
    """

    what: str
    expected: Expected
    flaw: Flaw
    headers: Headers = ()
    query: str = ""
    body: bytes = b""
    method: str | None = None
    secret: str = ""


class Kit:
    """What probes are made of.

    Args:
        issuer: Signs.
        scopes: What the route requires.
        any_scope: Whether one of them is enough.
        catalogue: Says what scopes imply.
        profile: ``rfc9068`` where the guard demands such tokens.
        claims: What a good token says besides.
    """

    def __init__(  # noqa: PLR0913 - each is a fact about the route
        self,
        issuer: FakeIssuer,
        scopes: tuple[str, ...],
        *,
        any_scope: bool,
        catalogue: ScopeCatalogue,
        profile: Profile,
        claims: Mapping[str, Any],
    ) -> None:
        self.issuer = issuer
        self.scopes = scopes
        self.any_scope = any_scope
        self.catalogue = catalogue
        self.profile = profile
        self._claims = claims

    @property
    def strict(self) -> bool:
        """Whether only tokens of RFC 9068 are good."""
        return self.profile == "rfc9068"

    def token(
        self, *, scopes: Iterable[str] | None = None, headers: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """Return a good token but for the changes named."""
        usual = {"typ": "at+jwt"} if self.strict else {}
        granted = self.scopes if scopes is None else scopes
        return self.issuer.token(granted, headers={**usual, **(headers or {})}, **{**self._claims, **claims})

    def forged(self, header: Mapping[str, Any], sign: Callable[[bytes], bytes], **claims: Any) -> str:
        """Return a token with the header changed, signed by somebody else."""
        return compact({**self.header(), **header}, {**self.claims(), **claims}, sign)

    def header(self) -> dict[str, Any]:
        """Return the header of a good token."""
        key = self.key
        return {"alg": key.algorithm, "typ": "at+jwt" if self.strict else "JWT", "kid": key.kid}

    def claims(self) -> dict[str, Any]:
        """Return the claims of a good token."""
        return {**self.issuer.claims(self.scopes), **self._claims}

    @property
    def key(self) -> SigningKey:
        """The key that the issuer signs with."""
        return self.issuer.signing_key

    @property
    def attacker(self) -> SigningKey:
        """A key of the same kind that the issuer never published."""
        return signing_key(self.key.algorithm, "attacker")

    def published(self, algorithm: Algorithm) -> SigningKey | None:
        """Return a published key of a kind; None where there is none."""
        return next((key for key in self.issuer.published if key.algorithm == algorithm), None)

    def satisfied_by(self, granted: Iterable[str]) -> bool:
        """Tell whether these scopes are enough for the route."""
        held = self.catalogue.expand(frozenset(granted))
        return any(scope in held for scope in self.scopes) if self.any_scope else held.issuperset(self.scopes)


def bearer(token: str, scheme: str = "Bearer") -> Headers:
    """Return the header of a caller with this token."""
    return (("Authorization", f"{scheme} {token}"),)


def hostile(
    flaw: Flaw, tokens: Iterable[tuple[str, str]], expected: Expected = Expected.REFUSED, note: str = ""
) -> Iterator[Probe]:
    """Return a probe for each description and token."""
    for what, token in tokens:
        yield Probe(f"{what}{note}", expected, flaw, bearer(token), secret=token)
