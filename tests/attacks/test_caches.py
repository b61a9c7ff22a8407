"""What a guard remembers of good tokens never makes another request better than it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.contract.guards import NOW
from tests.support.tokens import private_key, public_jwk, token

from mindpeeker_guard import (
    ExpiredTokenError,
    Flow,
    Guard,
    ImmatureTokenError,
    InsufficientScopeError,
    InvalidSignatureError,
    InvalidTokenError,
    JWTBearer,
    Key,
    Request,
    UnknownKeyError,
    requirement,
)
from mindpeeker_guard._jwks import KeySet, parse_jwks


class Rotating:
    """A key source whose keys a test changes."""

    def __init__(self) -> None:
        self.publish(public_jwk())

    def publish(self, *keys: dict[str, Any]) -> None:
        """Replace the keys."""
        self._keys = parse_jwks({"keys": list(keys)})

    def at_hand(self) -> KeySet:
        """Return the keys."""
        return self._keys

    def find(self, kid: str | None, alg: str) -> Flow[Sequence[Key]]:
        """Return the keys that fit."""
        yield from ()
        found = self._keys.candidates(kid, alg)
        if not found:
            raise UnknownKeyError
        return found

    def warm_up(self) -> Flow[None]:
        """Do nothing."""
        yield from ()


class Rig:
    """A guard, its keys and its clock."""

    def __init__(self, **options: Any) -> None:
        self.now = NOW
        self.keys = Rotating()
        self.guard = Guard(JWTBearer(keys=self.keys, clock=lambda: self.now, **options), clock=lambda: self.now)

    def check(self, text: str, *scopes: str) -> str | None:
        """Return the subject of a token."""
        request = Request("GET", "/", [("Authorization", f"Bearer {text}")])
        return self.guard.check(request, requirement(*scopes)).subject


@pytest.fixture
def rig() -> Rig:
    return Rig()


GOOD = token(now=NOW, nbf=NOW)


def test_a_token_ends_although_it_is_remembered(rig):
    """
    The end of a token is looked at on every request, the leeway included and no second more.
    """
    assert "user-1" == rig.check(GOOD)
    rig.now = NOW + 3600 + 29
    assert "user-1" == rig.check(GOOD)
    rig.now = NOW + 3600 + 30

    with pytest.raises(ExpiredTokenError):
        rig.check(GOOD)


def test_a_clock_that_is_set_back_makes_a_token_immature_again(rig):
    """
    The start of a token is looked at on every request as well.
    """
    assert "user-1" == rig.check(GOOD)
    rig.now = NOW - 31

    with pytest.raises(ImmatureTokenError):
        rig.check(GOOD)


def test_a_withdrawn_key_takes_its_remembered_tokens_with_it(rig):
    """
    A token whose key is published no longer is refused from the next request on.
    """
    assert "user-1" == rig.check(GOOD)
    rig.keys.publish(public_jwk("other"))

    with pytest.raises(UnknownKeyError):
        rig.check(GOOD)


def test_another_key_under_the_same_kid_is_another_key(rig):
    """
    A kid is only a name: what was verified under the old key is verified anew, and fails.
    """
    assert "user-1" == rig.check(GOOD)
    rig.keys.publish(public_jwk("other", kid="k1"))

    with pytest.raises(InvalidSignatureError):
        rig.check(GOOD)


def test_a_key_that_comes_back_is_verified_with_again(rig):
    """
    After a rotation and its reversal the token is as good as before.
    """
    assert "user-1" == rig.check(GOOD)
    rig.keys.publish(public_jwk("other"))
    with pytest.raises(UnknownKeyError):
        rig.check(GOOD)
    rig.keys.publish(public_jwk())

    assert "user-1" == rig.check(GOOD)


def test_a_route_that_needs_more_is_not_satisfied_by_a_hit(rig):
    """
    Scopes are checked for each route, remembered or not.
    """
    assert "user-1" == rig.check(GOOD, "remote-viewing:read")

    with pytest.raises(InsufficientScopeError):
        rig.check(GOOD, "remote-viewing:write")


def test_every_token_has_its_own_principal(rig):
    """
    Two tokens that differ in the subject only are never taken for each other.
    """
    tokens = {name: token(now=NOW, sub=name) for name in ("user-1", "user-2", "user-3")}

    for _ in range(2):
        assert {name: name for name in tokens} == {name: rig.check(text) for name, text in tokens.items()}


def test_nothing_near_a_remembered_token_is_good(rig):
    """
    Every change of one character makes a token that was never seen: all of them are refused.
    """
    assert "user-1" == rig.check(GOOD)

    for place in range(0, len(GOOD), 7):
        other = "B" if GOOD[place] == "A" else "A"
        with pytest.raises(InvalidTokenError):
            rig.check(GOOD[:place] + other + GOOD[place + 1 :])


def test_a_remembered_header_vouches_for_no_signature(rig):
    """
    A header read before saves its reading, and nothing else.
    """
    assert "user-1" == rig.check(GOOD)
    forged = token(now=NOW, sub="admin", key=private_key("attacker"))
    assert GOOD.split(".")[0] == forged.split(".")[0]

    with pytest.raises(InvalidSignatureError):
        rig.check(forged)


def test_a_refused_token_is_not_remembered_as_bad(rig):
    """
    A token that comes too early is good when its time has come.
    """
    rig.now = NOW - 31
    with pytest.raises(ImmatureTokenError):
        rig.check(GOOD)
    rig.now = NOW

    assert "user-1" == rig.check(GOOD)


def test_a_flood_of_good_tokens_pushes_out_and_confuses_nobody():
    """
    With room for two tokens, ten work as well.
    """
    rig = Rig(token_cache=2)
    tokens = {f"user-{number}": token(now=NOW, sub=f"user-{number}") for number in range(10)}

    for _ in range(3):
        assert list(tokens) == [rig.check(text) for text in tokens.values()]


def test_guards_do_not_share_what_they_remember():
    """
    A token that one guard knows means nothing to the guard of another API.
    """
    here, there = Rig(), Rig(audience="https://other.example")

    assert "user-1" == here.check(GOOD)
    with pytest.raises(InvalidTokenError):
        there.check(GOOD)


def test_what_a_view_gets_cannot_be_changed_for_the_next_one(rig):
    """
    The principal of a remembered token is shared, so its claims are read-only all the way down.
    """
    text = token(now=NOW, deep={"list": [{"a": 1}]})
    request = Request("GET", "/", [("Authorization", f"Bearer {text}")])
    principal = rig.guard.check(request)

    with pytest.raises(TypeError):
        principal.claims["sub"] = "admin"
    with pytest.raises(TypeError):
        principal.claims["deep"]["list"][0]["a"] = 2
    with pytest.raises(AttributeError):
        principal.subject = "admin"
    assert 1 == rig.guard.check(request).claims["deep"]["list"][0]["a"]
