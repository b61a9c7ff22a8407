"""Access tokens that are JWTs, checked locally."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.server import Reply
from tests.support.tokens import AUDIENCE, ISSUER, claims, compact, jwks, private_key, public_jwk, token

from mindpeeker_guard import (
    MINDPEEKER_SCOPES,
    AuthError,
    ConfigurationError,
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidRequestError,
    InvalidSignatureError,
    JWTBearer,
    KeysUnavailableError,
    MalformedTokenError,
    RemoteKeySet,
    Request,
    SenderConstraintError,
    StaticKeySet,
    UnknownKeyError,
    UnsupportedAlgorithmError,
    WrongTokenTypeError,
)
from mindpeeker_guard._flow import run

GET = Request()
NOW = 1_700_000_000
KEYS = StaticKeySet(jwks(public_jwk(), public_jwk("ec", "ES256"), public_jwk("ed", "EdDSA", alg=None)))


def remote(server, clock):
    """Return a key set that is fetched, and that no slow machine makes give up."""
    return RemoteKeySet(server.url(), clock=clock, jitter=lambda: 1.0, timeout=30, connect_timeout=30)


def bearer(clock=lambda: NOW, **options):
    return JWTBearer(keys=KEYS, clock=clock, **options)


def check(authenticator, credential):
    """Return the principal the way a guard gets it."""
    found = authenticator.attempt(credential, GET)
    return found if found is not None else run(authenticator.authenticate(credential, GET))


def good(**changes):
    return token(now=NOW, **changes)


class Source:
    """A key source of the application's own: it notes what it is asked for, and has no set to show."""

    def __init__(self):
        self.asked = []

    def find(self, kid, alg):
        self.asked.append((kid, alg))
        return (yield from KEYS.find(kid, alg))

    def warm_up(self):
        self.asked.append("warm")
        yield from ()


def test_a_principal_is_made_of_the_claims():
    """
    A good token becomes a principal with all that its claims say.
    """
    principal = check(bearer(), good(scope="dowsing:read profile", extra={"a": [1]}))

    assert (principal.subject, principal.client_id, principal.issuer) == ("user-1", "client-1", ISSUER)
    assert principal.granted_scopes == {"dowsing:read", "profile"}
    assert (principal.scheme, principal.expires_at, principal.token_id) == ("Bearer", NOW + 3600, "token-1")
    assert principal.claims["iat"] == NOW


def test_both_ways_agree():
    """
    What is decided without waiting is what the flow decides.
    """
    authenticator = bearer(token_cache=0)
    credential = good()

    assert authenticator.attempt(credential, GET) == run(authenticator.authenticate(credential, GET))


def test_claims_cannot_be_changed():
    """
    The claims of a principal are read-only all the way down.
    """
    principal = check(bearer(), good(extra={"a": [{"b": 1}]}))

    with pytest.raises(TypeError):
        principal.claims["sub"] = "x"
    with pytest.raises(TypeError):
        principal.claims["extra"]["a"] = 1
    assert principal.claims["extra"]["a"][0] == {"b": 1}
    assert isinstance(principal.claims["extra"]["a"], tuple)


def test_claims_without_depth_cannot_be_changed():
    """
    Claims without lists and objects are read-only too.
    """
    with pytest.raises(TypeError):
        check(bearer(), good()).claims["sub"] = "x"


def test_a_token_needs_no_subject():
    """
    A token without `sub`, `jti`, client and scopes is a service without any.
    """
    principal = check(bearer(), good(sub=None, client_id=None, scope=None, jti=None))

    assert (principal.subject, principal.client_id, principal.token_id) == (None, None, None)
    assert principal.granted_scopes == frozenset()
    assert principal.is_service


@pytest.mark.parametrize(
    ("alg", "kid"),
    [
        *((alg, "k1") for alg in ["RS256"]),
        ("ES256", "ec"),
        ("EdDSA", "ed"),
        ("Ed25519", "ed"),
        ("RS256", None),
        ("EdDSA", None),
    ],
)
def test_algorithms(alg, kid):
    """
    Every kind of key works, by its name and without one.
    """
    name, kind = {"RS256": ("k1", "RS256"), "ES256": ("ec", "ES256")}.get(alg, ("ed", "EdDSA"))

    assert check(bearer(), good(alg=alg, kid=kid, key=private_key(name, kind))).subject == "user-1"


@pytest.mark.parametrize(
    ("credential", "error"),
    [
        pytest.param(lambda: good(key=private_key("other")), InvalidSignatureError, id="another key"),
        pytest.param(lambda: good()[:-4] + "AAAA", InvalidSignatureError, id="changed signature"),
        pytest.param(lambda: good(alg="none"), UnsupportedAlgorithmError, id="alg none"),
        pytest.param(lambda: good(alg="HS256"), UnsupportedAlgorithmError, id="HMAC"),
        pytest.param(lambda: good(alg="rs256"), UnsupportedAlgorithmError, id="alg in small letters"),
        pytest.param(lambda: good(alg="PS256"), UnsupportedAlgorithmError, id="not the key's algorithm"),
        pytest.param(lambda: good(kid="nobody"), UnknownKeyError, id="unknown key"),
        pytest.param(lambda: good(kid="K1"), UnknownKeyError, id="key id in capitals"),
        pytest.param(lambda: good(header={"typ": "id+jwt"}), WrongTokenTypeError, id="type"),
        pytest.param(lambda: good(nonce="x"), WrongTokenTypeError, id="ID token"),
        pytest.param(lambda: good(iss=f"{ISSUER}/"), InvalidIssuerError, id="issuer"),
        pytest.param(lambda: good(aud="https://other"), InvalidAudienceError, id="audience"),
        pytest.param(lambda: good(exp=NOW - 30), ExpiredTokenError, id="expired"),
        pytest.param(lambda: good(nbf=NOW + 31), ImmatureTokenError, id="not yet"),
        pytest.param(lambda: good(cnf={"jkt": "x"}), SenderConstraintError, id="bound"),
        pytest.param(lambda: good(sub=5), InvalidClaimError, id="subject number"),
        pytest.param(lambda: good(jti=["x"]), InvalidClaimError, id="token id list"),
        pytest.param(lambda: good(client_id=5), InvalidClaimError, id="client number"),
        pytest.param(lambda: good(scope={"a": 1}), InvalidClaimError, id="scope object"),
        pytest.param(lambda: "A" * 16_385, MalformedTokenError, id="too long"),
        pytest.param(lambda: "a.b.c", MalformedTokenError, id="no JSON"),
        pytest.param(lambda: good() + "=", MalformedTokenError, id="padding"),
        pytest.param(lambda: "a,b", InvalidRequestError, id="comma"),
        pytest.param(lambda: "é", InvalidRequestError, id="beyond ASCII"),
        pytest.param(lambda: "\ud800", InvalidRequestError, id="half a character"),
        pytest.param(lambda: good().replace(".", "?", 1), InvalidRequestError, id="question mark"),
    ],
)
@pytest.mark.parametrize("size", [0, 4096])
def test_tokens_that_are_refused(credential, error, size):
    """
    Each defect has its own error, with the cache of verified tokens and without it, and the second time too.
    """
    authenticator = bearer(token_cache=size)
    check(authenticator, good())

    for _ in range(2):
        with pytest.raises(error) as caught:
            check(authenticator, credential())
        assert type(caught.value) is error


@pytest.mark.parametrize(
    "credential",
    [
        pytest.param(lambda: "junk", id="no token"),
        pytest.param(lambda: "A" * 20_000, id="too long"),
        pytest.param(lambda: good(alg="none"), id="algorithm"),
        pytest.param(lambda: good(header={"crit": ["x"]}), id="crit"),
        pytest.param(lambda: good(header={"typ": "logout+jwt"}), id="type"),
        pytest.param(lambda: good(iss="https://evil.com"), id="issuer"),
        pytest.param(lambda: good(aud="https://evil.com"), id="audience"),
        pytest.param(lambda: good(exp=NOW - 3600), id="expired"),
        pytest.param(lambda: good(exp=None), id="no end"),
    ],
)
@pytest.mark.parametrize("age", [None, 100, 250, 700], ids=["cold", "fresh", "ageing", "stale"])
def test_junk_causes_no_network(server, clock, credential, age):
    """
    What can be refused without a key is refused before any fetch, whatever the state of the keys.
    """
    server.answer(Reply(jwks()))
    authenticator = JWTBearer(keys=remote(server, clock), clock=clock)
    if age is not None:
        run(authenticator.warm_up())
        clock.now += age
    before = server.count()

    with pytest.raises(AuthError):
        check(authenticator, credential())
    running = authenticator._keys._worker.running()
    if running is not None:
        running.result(60)

    assert before == server.count()


def test_a_bad_signature_causes_no_fetch(server, clock):
    """
    A bad signature under a known key id is the token's fault: no number of them makes the issuer be asked.
    """
    server.answer(Reply(jwks()))
    authenticator = JWTBearer(keys=remote(server, clock), clock=clock)
    run(authenticator.warm_up())

    for _ in range(50):
        with pytest.raises(InvalidSignatureError):
            check(authenticator, good(key=private_key("other")))

    assert server.count() == 1


def test_no_keys_is_nobodys_fault(server, clock):
    """
    Without keys a good token is neither taken nor blamed.
    """
    authenticator = JWTBearer(keys=remote(server, clock), clock=clock)

    with pytest.raises(KeysUnavailableError):
        check(authenticator, good())


@pytest.mark.parametrize("typ", ["JWT", None])
def test_the_strict_profile(typ):
    """
    `rfc9068` demands the type of access tokens, which `auto` takes as well.
    """
    strict, auto = bearer(profile="rfc9068"), bearer()
    access, other = good(header={"typ": "at+jwt"}), good(header={"typ": typ})

    assert check(strict, access) == check(auto, access)
    check(auto, other)
    with pytest.raises(WrongTokenTypeError):
        check(strict, other)


@pytest.mark.parametrize(("leeway", "end"), [(0, 0), (30, 30), (300, 300), (1.5, 1.5)])
def test_the_leeway(leeway, end):
    """
    A token is refused from `exp + leeway` on, whether or not it was verified before.
    """
    now = [NOW]
    credential = good(exp=NOW + 10)
    for size in (0, 16):
        authenticator = bearer(lambda: now[0], leeway=leeway, token_cache=size)

        for moment in (NOW, NOW + 10 + end - 0.1):
            now[0] = moment
            check(authenticator, credential)
        now[0] = NOW + 10 + end

        with pytest.raises(ExpiredTokenError):
            check(authenticator, credential)
        now[0] = NOW


def test_several_audiences_and_fewer_algorithms():
    """
    One of several audiences is enough; algorithms can be fewer.
    """
    authenticator = bearer(audience=["https://a", AUDIENCE], algorithms=["ES256"])

    check(authenticator, good(alg="ES256", kid="ec", key=private_key("ec", "ES256"), aud=["https://a", "x"]))
    with pytest.raises(UnsupportedAlgorithmError):
        check(authenticator, good())


def test_the_issuer_can_be_another():
    """
    Another issuer is the only one that is trusted then.
    """
    authenticator = bearer(issuer="https://idp.example")

    assert authenticator.issuer == "https://idp.example"
    check(authenticator, good(iss="https://idp.example"))
    with pytest.raises(InvalidIssuerError):
        check(authenticator, good())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, None), ({"Authorization": "Bearer x"}, "x"), ({"Authorization": "Basic x"}, None)],
    ids=repr,
)
def test_what_is_extracted(headers, expected):
    """
    A token comes from the Authorization header, and never from the query.
    """
    assert expected == bearer().extract(Request("GET", "/?access_token=y", headers))


def test_a_key_source_of_ones_own():
    """
    Any object that finds keys will do; without a set to look at nothing is remembered.
    """
    source = Source()
    authenticator = JWTBearer(keys=source, clock=lambda: NOW)

    run(authenticator.warm_up())
    for _ in range(2):
        assert authenticator.attempt(good(), GET) is None
        check(authenticator, good())

    assert source.asked == ["warm", ("k1", "RS256"), ("k1", "RS256")]


# --- The cache of verified tokens ---


class Counting:
    """A key that counts its work."""

    def __init__(self, key):
        self.key, self.kid, self.algorithms, self.checks = key, key.kid, key.algorithms, 0

    def verify(self, *arguments):
        self.checks += 1
        return self.key.verify(*arguments)


def counted(**options):
    """Return an authenticator, and the key that it verifies with."""
    keys = StaticKeySet(jwks())
    found = keys.at_hand()
    key = Counting(found.keys[0])
    keys._keys = type(found)((key,), {})
    return JWTBearer(keys=keys, clock=lambda: NOW, **options), key


def test_a_verified_token_is_not_verified_again():
    """
    A token that was verified is remembered; another one is not taken for it.
    """
    authenticator, key = counted()
    first, second = good(), good(sub="user-2")

    principals = [check(authenticator, credential) for credential in (first, first, second, first, second)]

    assert key.checks == 2
    assert [principal.subject for principal in principals] == ["user-1", "user-1", "user-2", "user-1", "user-2"]


def test_the_cache_can_be_off():
    """
    Without a cache every token is verified every time.
    """
    authenticator, key = counted(token_cache=0)

    for _ in range(3):
        check(authenticator, good())

    assert key.checks == 3


def test_the_cache_is_bounded():
    """
    The oldest entry makes room for a new one.
    """
    authenticator, key = counted(token_cache=2)
    one, two, three = (good(sub=f"user-{number}") for number in range(3))

    for credential in (one, two, one, three):
        check(authenticator, credential)
    assert key.checks == 3
    assert len(authenticator._tokens) == 2
    check(authenticator, two)
    check(authenticator, one)

    assert key.checks == 4


def test_junk_fills_nothing():
    """
    Only tokens that were verified are remembered, and only their headers.
    """
    authenticator, _ = counted()

    for number in range(100):
        with pytest.raises(AuthError):
            check(authenticator, good(sub=str(number), key=private_key("other"), header={"x": number}))

    assert len(authenticator._tokens) == 0
    assert authenticator._usual._headers == {}


def test_headers_that_are_remembered_are_bounded():
    """
    However many headers an issuer writes, 64 are remembered, and each token has its own.
    """
    authenticator, _ = counted(token_cache=0)

    for number in range(200):
        assert check(authenticator, good(sub=f"u{number}", header={"x": number})).subject == f"u{number}"

    assert len(authenticator._usual._headers) <= 64


def test_a_header_that_is_known_pushes_none_out():
    """
    Tokens that must be read with care, one after another with the same header, cost the others nothing.
    """
    authenticator, _ = counted(token_cache=0)
    for number in range(64):
        check(authenticator, good(header={"x": number}))
    before = set(authenticator._usual._headers)

    for _ in range(3):
        check(authenticator, good(header={"x": 0}, aud=[AUDIENCE]))

    assert len(before) == 64
    assert set(authenticator._usual._headers) == before


def test_a_withdrawn_key_ends_its_tokens(server, clock):
    """
    A token that was verified is refused as soon as its key is not published any more.
    """
    other = public_jwk("ec", "ES256")
    server.answer(Reply(jwks(public_jwk(), other)), Reply(jwks(other)))
    source = remote(server, clock)
    authenticator = JWTBearer(keys=source, clock=clock)
    credential = token(now=clock.now)
    check(authenticator, credential)
    check(authenticator, credential)

    clock.now += 600
    run(authenticator.warm_up())

    with pytest.raises(UnknownKeyError):
        check(authenticator, credential)


def test_a_replaced_key_ends_its_tokens(server, clock):
    """
    A token that was verified is refused when another key has taken its key's name.
    """
    server.answer(Reply(jwks()), Reply(jwks(public_jwk("other", kid="k1"))))
    authenticator = JWTBearer(keys=remote(server, clock), clock=clock)
    credential = token(now=clock.now)
    check(authenticator, credential)

    clock.now += 600
    run(authenticator.warm_up())

    with pytest.raises(InvalidSignatureError):
        check(authenticator, credential)


def test_a_refresh_with_the_same_keys_keeps_the_cache(server, clock):
    """
    A refresh that brings the same keys leaves verified tokens alone.
    """
    server.answer(Reply(jwks()), Reply(jwks(public_jwk(), public_jwk("ec", "ES256"))))
    source = remote(server, clock)
    authenticator = JWTBearer(keys=source, clock=clock)
    credential = token(now=clock.now)
    first = check(authenticator, credential)

    clock.now += 600
    run(source.warm_up())

    assert check(authenticator, credential) is first


def test_a_clock_that_is_set_back_makes_a_token_immature():
    """
    A token that was verified is refused before its start like any other.
    """
    now = [NOW]
    authenticator = bearer(lambda: now[0])
    credential = good(nbf=NOW - 10)
    check(authenticator, credential)

    now[0] = NOW - 41

    with pytest.raises(ImmatureTokenError):
        check(authenticator, credential)


def test_the_cache_keeps_no_token():
    """
    Neither the cache nor anything that shows itself holds the token.
    """
    authenticator = bearer()
    credential = good()
    check(authenticator, credential)

    assert credential not in f"{authenticator!r}{authenticator._tokens._entries!r}"
    assert repr(authenticator) == f"JWTBearer(issuer={ISSUER!r}, audience=[{AUDIENCE!r}])"


# --- Arguments ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"issuer": ""}, "issuer", id="no issuer"),
        pytest.param({"issuer": None}, "issuer", id="issuer None"),
        pytest.param({"issuer": "http://idp.example"}, "issuer", id="issuer not https"),
        pytest.param({"audience": ""}, "audience", id="empty audience"),
        pytest.param({"audience": []}, "audience", id="no audience"),
        pytest.param({"audience": [""]}, "audience", id="an empty one"),
        pytest.param({"audience": [5]}, "audience", id="a number"),
        pytest.param({"audience": None}, "audience", id="audience None"),
        pytest.param({"audience": 5}, "audience", id="audience number"),
        pytest.param({"algorithms": []}, "algorithms", id="no algorithm"),
        pytest.param({"algorithms": ["none"]}, "algorithms", id="none"),
        pytest.param({"algorithms": "HS256"}, "algorithms", id="HMAC"),
        pytest.param({"algorithms": [["RS256"]]}, "algorithms", id="algorithms of lists"),
        pytest.param({"algorithms": 5}, "algorithms", id="algorithms number"),
        pytest.param({"leeway": -1}, "leeway", id="negative leeway"),
        pytest.param({"leeway": 301}, "leeway", id="too much leeway"),
        pytest.param({"leeway": True}, "leeway", id="leeway boolean"),
        pytest.param({"leeway": "30"}, "leeway", id="leeway string"),
        pytest.param({"leeway": float("nan")}, "leeway", id="leeway NaN"),
        pytest.param({"profile": "strict"}, "profile", id="profile"),
        pytest.param({"token_cache": -1}, "token_cache", id="negative cache"),
        pytest.param({"token_cache": True}, "token_cache", id="cache boolean"),
        pytest.param({"token_cache": 1.5}, "token_cache", id="cache fraction"),
        pytest.param({"jwks_uri": "http://a.com"}, "jwks_uri", id="jwks_uri not https"),
        pytest.param({"jwks_uri": "https://a.com", "keys": jwks()}, "not both", id="both"),
        pytest.param({"keys": {"keys": []}}, "keys", id="no key"),
        pytest.param({"keys": "https://a.com/jwks"}, "keys", id="a URL for keys"),
        pytest.param({"keys": b"https://a.com/jwks"}, "keys", id="bytes for keys"),
    ],
)
def test_a_wrong_argument_is_found_at_birth(arguments, message):
    """
    An argument that is missing, wrong or contradicts another is a configuration error that names it.
    """
    with pytest.raises(ConfigurationError, match=message):
        JWTBearer(**arguments)


def test_keys_in_any_form():
    """
    Keys may be a set, one key or several.
    """
    for keys in (jwks(), public_jwk(), [public_jwk()]):
        check(JWTBearer(keys=keys, clock=lambda: NOW), good())


def test_the_platform_is_the_default():
    """
    Without arguments it is MindPeeker's issuer and audience, and the issuer tells where its keys are.
    """
    assert repr(JWTBearer()) == f"JWTBearer(issuer={ISSUER!r}, audience=[{AUDIENCE!r}])"
    assert repr(JWTBearer()._keys) == f"RemoteKeySet({ISSUER!r})"
    assert repr(JWTBearer(jwks_uri="https://a.com/jwks")._keys) == "RemoteKeySet('https://a.com/jwks')"


def test_how_an_api_document_describes_it():
    """
    The scheme is OAuth 2 with the platform's two endpoints and the catalogue's scopes.
    """
    scheme = JWTBearer().describe(MINDPEEKER_SCOPES)

    assert scheme["type"] == "oauth2"
    assert scheme["flows"]["clientCredentials"]["tokenUrl"] == f"{ISSUER}/oauth2/token"
    assert scheme["flows"]["authorizationCode"]["authorizationUrl"] == f"{ISSUER}/oauth2/authorize"
    assert scheme["flows"]["clientCredentials"]["scopes"] == dict(MINDPEEKER_SCOPES)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["iss", "aud", "exp", "nbf", "iat", "sub", "scope", "scp", "client_id", "azp", "jti", "cnf", "x"]
        ),
        json_values,
        max_size=2,
    )
)
def test_any_signed_claims_are_a_principal_or_refused(changes):
    """
    Whatever an issuer signs, it is a principal or an AuthError; never anything else.
    """
    credential = compact(
        '{"alg":"EdDSA","kid":"ed"}', json.dumps(claims(NOW) | changes), private_key("ed", "EdDSA"), "EdDSA"
    )

    try:
        principal = check(bearer(), credential)
    except AuthError:
        return

    assert principal.issuer == ISSUER
    assert all(isinstance(scope, str) for scope in principal.scopes)


@given(st.text(st.characters(exclude_categories=())) | st.text(alphabet="eyJ.-_=a0"))
def test_any_credential_is_refused_in_the_declared_way(credential):
    """
    Any text that nobody signed is an AuthError.
    """
    with pytest.raises(AuthError):
        check(bearer(), credential)
