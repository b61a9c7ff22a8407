"""Claim checks: pure functions of claims and an injected time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindpeeker_guard import (
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidTokenError,
    MissingClaimError,
    SenderConstraintError,
    WrongTokenTypeError,
)
from mindpeeker_guard import _claims as claims

ISSUER = "https://auth.mindpeeker.com"
NOW = 1_700_000_000
STRICT = {"sub": "s", "client_id": "c", "iat": NOW, "jti": "j"}
NOT_STRINGS = [None, 5, True, ["a"], {"a": 1}]
NOT_TIMES = [
    None,
    "1700000000",
    "9_999_999_999",
    "٣",
    True,
    False,
    [NOW],
    {},
    float("inf"),
    float("-inf"),
    float("nan"),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
seconds = st.integers(0, 4_000_000_000)
leeways = st.integers(0, 300)


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_types_that_pass(typ):
    """
    `JWT`, `at+jwt`, `application/at+jwt` and no type pass, in any case.
    """
    claims.check_type(typ, {}, strict=False)


@pytest.mark.parametrize(
    "typ", ["", "id+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "application/jwt", "at+jwt ", "JWS", "at+jwt;x=1"]
)
def test_types_that_are_refused(typ):
    """
    Any other type is another kind of token.
    """
    with pytest.raises(WrongTokenTypeError):
        claims.check_type(typ, {}, strict=False)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("mark", ["nonce", "at_hash", "c_hash"])
@pytest.mark.parametrize("value", ["x", "", None])
def test_id_tokens_are_refused(strict, mark, value):
    """
    A token with a mark of an ID token is refused under every type and profile, whatever the mark holds.
    """
    with pytest.raises(WrongTokenTypeError):
        claims.check_type("at+jwt", STRICT | {mark: value}, strict=strict)


@pytest.mark.parametrize("typ", ["at+jwt", "AT+jwt", "application/at+jwt"])
def test_the_strict_profile_takes_access_tokens(typ):
    """
    RFC 9068's own types pass with the claims that it demands.
    """
    claims.check_type(typ, STRICT, strict=True)


@pytest.mark.parametrize("typ", [None, "JWT", "jwt"])
def test_the_strict_profile_demands_the_type(typ):
    """
    Under the strict profile a missing or general type is refused.
    """
    with pytest.raises(WrongTokenTypeError):
        claims.check_type(typ, STRICT, strict=True)


@pytest.mark.parametrize("name", sorted(STRICT))
def test_the_strict_profile_demands_its_claims(name):
    """
    Each claim that RFC 9068 demands is missed, by name.
    """
    present = {key: value for key, value in STRICT.items() if key != name}

    claims.check_type("at+jwt", present, strict=False)
    with pytest.raises(MissingClaimError, match=name):
        claims.check_type("at+jwt", present, strict=True)


@pytest.mark.parametrize(
    "issuer",
    [f"{ISSUER}/", ISSUER.upper(), ISSUER[:-1], f" {ISSUER}", f"{ISSUER}.evil.com", "", None, 5, [ISSUER], {ISSUER: 1}],
    ids=repr,
)
def test_the_issuer_is_compared_to_the_letter(issuer):
    """
    An issuer that differs in one character, or is no string, is another one.
    """
    claims.check_issuer({"iss": ISSUER}, ISSUER)
    with pytest.raises(InvalidIssuerError):
        claims.check_issuer({"iss": issuer}, ISSUER)


def test_the_issuer_is_required():
    """
    A token without `iss` is refused.
    """
    with pytest.raises(MissingClaimError, match="iss"):
        claims.check_issuer({}, ISSUER)


@pytest.mark.parametrize("named", ["a", "b", ["a"], ["x", "b"], ["a", "b"]], ids=repr)
def test_one_audience_is_enough(named):
    """
    The audience is a string or a list of strings, of which one must be ours.
    """
    claims.check_audience({"aud": named}, frozenset({"a", "b"}))


@pytest.mark.parametrize("named", ["", "A", "a ", "a b", "ab", [], ["x"], ["a b"], ["A"]], ids=repr)
def test_other_audiences_are_refused(named):
    """
    The audience is never split, searched in or compared loosely.
    """
    with pytest.raises(InvalidAudienceError):
        claims.check_audience({"aud": named}, frozenset({"a"}))


@pytest.mark.parametrize("named", [None, 5, True, {"a": 1}, ["a", 5], ["a", None], [["a"]], [{}]], ids=repr)
def test_an_audience_of_another_type_is_refused(named):
    """
    An audience that is neither a string nor a list of strings refuses the token, even if ours is among them.
    """
    with pytest.raises(InvalidClaimError, match="aud"):
        claims.check_audience({"aud": named}, frozenset({"a"}))


def test_the_audience_is_required():
    """
    A token without `aud` is refused.
    """
    with pytest.raises(MissingClaimError, match="aud"):
        claims.check_audience({}, frozenset({"a"}))


@given(seconds, leeways, st.integers(-400, 400))
def test_a_token_ends_at_exp_plus_leeway(exp, leeway, offset):
    """
    A token is good until the moment before `exp + leeway`, and refused from that moment on.
    """
    now = exp + leeway + offset

    if offset < 0:
        assert exp == claims.check_times({"exp": exp}, now=now, leeway=leeway)
    else:
        with pytest.raises(ExpiredTokenError):
            claims.check_times({"exp": exp}, now=now, leeway=leeway)


@given(st.sampled_from(["nbf", "iat"]), seconds, leeways, st.integers(-400, 400))
def test_a_token_begins_at_its_start_minus_leeway(name, start, leeway, offset):
    """
    A token is good from `nbf - leeway` and `iat - leeway` on, that moment included.
    """
    now = start - leeway + offset
    times = {"exp": now + 1, name: start}

    if offset >= 0:
        assert now + 1 == claims.check_times(times, now=now, leeway=leeway)
    else:
        with pytest.raises(ImmatureTokenError, match=name):
            claims.check_times(times, now=now, leeway=leeway)


@pytest.mark.parametrize(
    ("offset", "error"), [(-0.001, None), (0.0, ExpiredTokenError), (0.001, ExpiredTokenError)], ids=str
)
def test_fractions_of_seconds_count(offset, error):
    """
    Times may have fractions, on either side.
    """
    times = {"exp": NOW + 0.5}

    if error is None:
        assert claims.check_times(times, now=NOW + 30.5 + offset, leeway=30) == NOW + 0.5
    else:
        with pytest.raises(error):
            claims.check_times(times, now=NOW + 30.5 + offset, leeway=30)


def test_exp_is_required():
    """
    A token without `exp` is refused.
    """
    with pytest.raises(MissingClaimError, match="exp"):
        claims.check_times({"iat": NOW}, now=NOW, leeway=30)


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [*NOT_TIMES, 253_402_300_800, -253_402_300_800, 10**400, NOW * 1000], ids=ascii)
def test_times_are_numbers(name, value):
    """
    A time is a finite JSON number before the year 10000: no string, no boolean, no milliseconds.
    """
    with pytest.raises(InvalidClaimError, match=name):
        claims.check_times({"exp": NOW + 60, name: value}, now=NOW, leeway=30)


@given(st.dictionaries(st.sampled_from(["exp", "nbf", "iat"]), json_values))
def test_any_times_are_judged_or_refused(times):
    """
    Whatever JSON stands in the three times, the answer is the end or an InvalidTokenError.
    """
    try:
        end = claims.check_times(times, now=NOW, leeway=30)
    except InvalidTokenError:
        return

    assert end == times["exp"]
    assert end + 30 > NOW


@pytest.mark.parametrize("cnf", [{"jkt": "x"}, {}, None, "x", {"x5t#S256": "x", "kid": "y"}], ids=repr)
def test_bound_tokens_are_no_bearer_tokens(cnf):
    """
    A token with `cnf` is refused as plain bearer, whatever it holds.
    """
    claims.check_unbound({})
    with pytest.raises(SenderConstraintError):
        claims.check_unbound({"cnf": cnf})


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        pytest.param({}, set(), id="none"),
        pytest.param({"scope": "a b"}, {"a", "b"}, id="string"),
        pytest.param({"scope": ""}, set(), id="empty string"),
        pytest.param({"scope": ["a", "b"]}, {"a", "b"}, id="list"),
        pytest.param({"scope": []}, set(), id="empty list"),
        pytest.param({"scp": "a"}, {"a"}, id="scp"),
        pytest.param({"scp": ["a"]}, {"a"}, id="scp list"),
        pytest.param({"scope": "a", "scp": "b"}, {"a"}, id="scope goes first"),
        pytest.param({"scope": "", "scp": "b"}, set(), id="scope goes first, though empty"),
        pytest.param({"scope": "a", "scp": 5}, {"a"}, id="scp not looked at"),
        pytest.param({"roles": ["a"], "permissions": ["b"]}, set(), id="roles are no scopes"),
        pytest.param({"scope": ["a b"]}, {"a b"}, id="list items are not split"),
    ],
)
def test_granted_scopes(present, expected):
    """
    The scopes are in `scope`, else in `scp`: a blank-separated string or a list of strings.
    """
    assert expected == claims.scopes(present)


@pytest.mark.parametrize("name", ["scope", "scp"])
@pytest.mark.parametrize("value", [None, 5, True, {"a": 1}, ["a", 5], [["a"]], ["a", None]], ids=repr)
def test_scopes_of_another_shape_refuse_the_token(name, value):
    """
    Scopes of another shape refuse the token; they are never taken for no scopes.
    """
    with pytest.raises(InvalidClaimError, match=name):
        claims.scopes({name: value})


def test_text():
    """
    A string claim is returned as it stands, and may be absent.
    """
    assert claims.text({"sub": "u"}, "sub") == "u"
    assert claims.text({"sub": ""}, "sub") == ""
    assert claims.text({}, "sub") is None


@pytest.mark.parametrize("value", NOT_STRINGS, ids=repr)
def test_text_of_another_type_refuses_the_token(value):
    """
    A claim that must be a string and is not refuses the token.
    """
    with pytest.raises(InvalidClaimError, match="sub"):
        claims.text({"sub": value}, "sub")


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ({}, None),
        ({"client_id": "a", "azp": "b"}, "a"),
        ({"appid": "d", "cid": "c", "azp": "b"}, "b"),
        ({"appid": "d", "cid": "c"}, "c"),
        ({"appid": "d"}, "d"),
        ({"client": "x"}, None),
    ],
    ids=repr,
)
def test_the_client(present, expected):
    """
    The client is in `client_id`, else `azp`, else `cid`, else `appid`.
    """
    assert expected == claims.client_id(present)


@pytest.mark.parametrize("value", NOT_STRINGS, ids=repr)
def test_a_client_of_another_type_refuses_the_token(value):
    """
    A client that is no string refuses the token, even if a later name would do.
    """
    with pytest.raises(InvalidClaimError, match="client_id"):
        claims.client_id({"client_id": value, "azp": "b"})


@pytest.mark.parametrize(
    ("present", "expected"),
    [({}, 0), ({"iat": 5}, 5), ({"nbf": 6.5}, 6.5), ({"iat": 5, "nbf": 7}, 7), ({"iat": 9, "nbf": 7}, 9)],
    ids=repr,
)
def test_since_when_a_token_is_in_force(present, expected):
    """
    A token is in force since the later of `nbf` and `iat`.
    """
    assert expected == claims.starts_at(present)


@given(st.dictionaries(st.sampled_from(["iss", "aud", "scope", "scp", "sub", "azp", "cnf", "nonce"]), json_values))
def test_any_claims_are_judged_or_refused(present):
    """
    Whatever JSON stands in the claims, each check ends or refuses the token.
    """
    checks = [
        lambda: claims.check_issuer(present, ISSUER),
        lambda: claims.check_audience(present, frozenset({"a"})),
        lambda: claims.check_type("JWT", present, strict=True),
        lambda: claims.check_unbound(present),
        lambda: claims.scopes(present),
        lambda: claims.text(present, "sub"),
        lambda: claims.client_id(present),
    ]
    refused = 0

    for check in checks:
        try:
            check()
        except InvalidTokenError:
            refused += 1

    # Neither the issuer nor the strict profile's type can be right here.
    assert 2 <= refused <= len(checks)
