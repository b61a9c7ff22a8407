"""The guard: one credential, one decision, one answer."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from tests.support.server import Reply
from tests.support.tokens import jwks, private_key, token

from mindpeeker_guard import (
    ConfigurationError,
    ExpiredTokenError,
    Guard,
    GuardError,
    InsufficientScopeError,
    InvalidRequestError,
    InvalidSignatureError,
    InvalidTokenError,
    JWTBearer,
    KeysUnavailableError,
    MissingCredentialsError,
    Principal,
    RemoteKeySet,
    Request,
    Requirement,
    ScopeCatalogue,
    StaticKeySet,
    StepUpRequiredError,
    any_of,
    requirement,
)
from mindpeeker_guard._flow import call

NOW = 1_700_000_000
KEYS = StaticKeySet(jwks())
PREFLIGHT = {"Origin": "https://app.mindpeeker.com", "Access-Control-Request-Method": "GET"}


class Tickets:
    """A second kind of credential: `X-Ticket`, looked up in a store."""

    scheme = "Ticket"

    def __init__(self, store, *, eager=False):
        self.store = store
        self.eager = eager

    def describe(self, catalogue):
        return {"type": "apiKey", "in": "header", "name": "X-Ticket"}

    def extract(self, request):
        return next(iter(request.values("x-ticket")), None)

    def attempt(self, credential, request):
        return self.principal(self.store(credential)) if self.eager else None

    def authenticate(self, credential, request):
        return self.principal((yield from call(self.store, credential)))

    def principal(self, scopes):
        if scopes is None:
            raise InvalidTokenError("no such ticket")
        return Principal(granted_scopes=frozenset(scopes), scheme=self.scheme)

    def __repr__(self):
        return "Tickets()"


def tickets(**store):
    return Tickets(store.get)


def guard(*more, **options):
    bearer = JWTBearer(keys=KEYS, clock=lambda: NOW)
    return Guard(bearer, *more, **({"clock": lambda: NOW} | options))


def carrying(credential, method="GET", **headers):
    return Request(method, "/", {"Authorization": f"Bearer {credential}", **headers})


def good(**changes):
    return token(now=NOW, **changes)


def blocking(which, *arguments):
    return which.check(*arguments)


def awaiting(which, *arguments):
    return asyncio.run(which.acheck(*arguments))


@pytest.fixture(params=[blocking, awaiting], ids=["check", "acheck"])
def check(request):
    """Both ways to ask a guard."""
    return request.param


def test_a_good_token_gets_its_principal(check):
    """
    A request with a good token gets its principal.
    """
    principal = check(guard(), carrying(good()))

    assert (principal.subject, principal.scheme) == ("user-1", "Bearer")


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        pytest.param(Request(), MissingCredentialsError, id="nothing"),
        pytest.param(Request("GET", "/?access_token=x"), MissingCredentialsError, id="token in the query"),
        pytest.param(Request(headers={"Cookie": "access_token=x"}), MissingCredentialsError, id="token in a cookie"),
        pytest.param(Request(headers={"X-API-Key": "x"}), MissingCredentialsError, id="a scheme it does not have"),
        pytest.param(Request(headers={"Authorization": "Basic eA=="}), MissingCredentialsError, id="another scheme"),
        pytest.param(Request(headers={"Authorization": "Bearer"}), InvalidRequestError, id="no token"),
        pytest.param(
            Request(headers=[("Authorization", f"Bearer {good()}")] * 2), InvalidRequestError, id="twice the same"
        ),
        pytest.param(carrying(good(exp=NOW - 60)), ExpiredTokenError, id="expired"),
        pytest.param(carrying(good(), method="OPTIONS", **PREFLIGHT), None, id="a preflight with a good token"),
    ],
)
def test_requests_without_a_good_token(check, request_, error):
    """
    Everything else is refused, each in its own way.
    """
    if error is None:
        assert check(guard(), request_).subject == "user-1"
        return
    with pytest.raises(error):
        check(guard(), request_)


def test_two_schemes_are_one_too_many(check):
    """
    A request with credentials of two of the guard's schemes is malformed, even if both are good.
    """
    both = guard(tickets(t1=["profile"]))

    with pytest.raises(InvalidRequestError, match="two schemes"):
        check(both, carrying(good(), **{"X-Ticket": "t1"}))
    with pytest.raises(InvalidRequestError, match="two schemes"):
        check(both, carrying("junk", **{"X-Ticket": "junk"}))
    assert check(both, Request(headers={"X-Ticket": "t1"})).scheme == "Ticket"
    assert check(both, carrying(good())).scheme == "Bearer"


def test_only_schemes_of_this_guard_count(check):
    """
    A header of a scheme that the guard does not have means nothing.
    """
    assert check(guard(), carrying(good(), **{"X-Ticket": "t1", "X-API-Key": "k"})).scheme == "Bearer"


def test_an_authenticator_that_needs_not_wait(check):
    """
    What an authenticator can decide at once is not asked for a second time.
    """
    asked = []

    def store(ticket):
        asked.append(ticket)
        return ["profile"]

    check(Guard(Tickets(store, eager=True)), Request(headers={"X-Ticket": "t1"}))

    assert asked == ["t1"]


def test_an_authenticator_without_a_short_way(check):
    """
    An authenticator need not have an `attempt`.
    """

    class Slow:
        scheme = "Ticket"
        extract = Tickets.extract
        authenticate = Tickets.authenticate
        principal = Tickets.principal
        store = {"t1": ["profile"]}.get

    assert check(Guard(Slow()), Request(headers={"X-Ticket": "t1"})).granted_scopes == {"profile"}


def test_an_async_store_needs_an_async_check():
    """
    An async store works with `acheck`; with `check` it is a configuration error.
    """

    async def store(ticket):
        return ["profile"]

    asynchronous = Guard(Tickets(store))
    request = Request(headers={"X-Ticket": "t1"})

    assert awaiting(asynchronous, request).granted_scopes == {"profile"}
    with pytest.raises(ConfigurationError, match="async"):
        asynchronous.check(request)


@pytest.mark.parametrize(
    ("scope", "needed", "missing"),
    [
        pytest.param("remote-viewing:read", requirement("remote-viewing:read"), None, id="the scope"),
        pytest.param("remote-viewing:admin", requirement("remote-viewing:read"), None, id="implied"),
        pytest.param("dowsing:admin", requirement("remote-viewing:read"), ("remote-viewing:read",), id="other service"),
        pytest.param(
            "profile",
            requirement("email", "profile"),
            ("email", "profile"),
            id="one of two",
        ),
        pytest.param("profile", requirement("email", "profile", any_scope=True), None, id="one is enough"),
        pytest.param(
            "",
            requirement(any_of("email", "profile"), "dowsing:read"),
            ("email", "dowsing:read"),
            id="the shortest alternative",
        ),
        pytest.param("", requirement(), None, id="nothing asked"),
    ],
)
def test_scopes(check, scope, needed, missing):
    """
    A principal without the scopes is refused, and told the shortest set that would do, as it was written.
    """
    request = carrying(good(scope=scope))

    if missing is None:
        assert check(guard(), request, needed) is not None
        return
    with pytest.raises(InsufficientScopeError) as caught:
        check(guard(), request, needed)
    assert missing == caught.value.scopes


def test_the_signature_comes_before_the_scopes(check):
    """
    Nobody can map routes with forged tokens: a bad signature is refused before scopes are looked at.
    """
    with pytest.raises(InvalidSignatureError):
        check(guard(), carrying(good(key=private_key("other"), scope="")), requirement("profile"))


def test_an_optional_credential(check):
    """
    Where a credential is optional none is fine, a good one is used, and a bad one is still refused.
    """
    optional = requirement(optional=True)
    scoped = requirement("profile", optional=True)

    assert check(guard(), Request(), optional) is None
    assert check(guard(), Request(), scoped) is None
    assert check(guard(), carrying(good()), optional).subject == "user-1"
    with pytest.raises(ExpiredTokenError):
        check(guard(), carrying(good(exp=NOW - 60)), optional)
    with pytest.raises(InvalidRequestError):
        check(guard(), Request(headers={"Authorization": "Bearer"}), optional)
    with pytest.raises(InsufficientScopeError):
        check(guard(), carrying(good()), scoped)


@pytest.mark.parametrize(
    ("method", "headers", "passes"),
    [
        pytest.param("OPTIONS", PREFLIGHT, True, id="preflight"),
        pytest.param("GET", PREFLIGHT, False, id="not OPTIONS"),
        pytest.param("options", PREFLIGHT, False, id="small letters"),
        pytest.param("OPTIONS", {}, False, id="plain OPTIONS"),
        pytest.param("OPTIONS", {"Origin": "https://a"}, False, id="no method asked for"),
        pytest.param("OPTIONS", {"Access-Control-Request-Method": "GET"}, False, id="no origin"),
        pytest.param("OPTIONS", [*PREFLIGHT.items(), ("Origin", "https://b")], False, id="two origins"),
        pytest.param("OPTIONS", PREFLIGHT | {"Origin": "https://a, https://b"}, False, id="two origins, joined"),
    ],
)
def test_preflights(check, method, headers, passes):
    """
    A CORS preflight passes without a principal where that is allowed, and nowhere else.
    """
    request = Request(method, "/", headers)

    if passes:
        assert check(guard(allow_preflight=True), request, requirement("profile")) is None
    else:
        with pytest.raises(MissingCredentialsError):
            check(guard(allow_preflight=True), request)
    with pytest.raises(MissingCredentialsError):
        check(guard(), request)


def test_a_preflight_with_a_bad_token_is_refused(check):
    """
    A preflight that carries a credential is checked like any request.
    """
    with pytest.raises(ExpiredTokenError):
        check(guard(allow_preflight=True), carrying(good(exp=NOW - 60), method="OPTIONS", **PREFLIGHT))


@pytest.mark.parametrize(
    ("needed", "claims", "good_enough"),
    [
        pytest.param({"acr": "gold"}, {"acr": "gold"}, True, id="acr"),
        pytest.param({"acr": ["gold", "silver"]}, {"acr": "silver"}, True, id="one of two"),
        pytest.param({"acr": "gold"}, {"acr": "silver"}, False, id="another acr"),
        pytest.param({"acr": "gold"}, {"acr": "gold silver"}, False, id="acr is not split"),
        pytest.param({"acr": "gold"}, {}, False, id="no acr"),
        pytest.param({"acr": "gold"}, {"acr": ["gold"]}, False, id="acr list"),
        pytest.param({"acr": "gold"}, {"acr": {"gold": 1}}, False, id="acr object"),
        pytest.param({"max_age": 60}, {"auth_time": NOW - 60}, True, id="just fresh"),
        pytest.param({"max_age": 60}, {"auth_time": NOW - 61}, False, id="just old"),
        pytest.param({"max_age": 0}, {"auth_time": NOW}, True, id="this very moment"),
        pytest.param({"max_age": 60}, {}, False, id="no time"),
        pytest.param({"max_age": 60}, {"auth_time": str(NOW)}, False, id="time string"),
        pytest.param({"max_age": 60}, {"auth_time": True}, False, id="time boolean"),
        pytest.param({"max_age": 60}, {"auth_time": NOW * 1000}, False, id="milliseconds"),
        pytest.param({"acr": "gold", "max_age": 60}, {"acr": "gold", "auth_time": NOW - 99}, False, id="strong, old"),
        pytest.param({"acr": "gold", "max_age": 60}, {"acr": "x", "auth_time": NOW}, False, id="fresh, weak"),
    ],
)
def test_step_up(check, needed, claims, good_enough):
    """
    A sign-in that is too weak or too old is refused with what is needed; claims of the wrong type prove nothing.
    """
    wanted = requirement("remote-viewing:read", **needed)

    if good_enough:
        assert check(guard(), carrying(good(**claims)), wanted).subject == "user-1"
        return
    with pytest.raises(StepUpRequiredError) as caught:
        check(guard(), carrying(good(**claims)), wanted)
    assert (wanted.acr_values, wanted.max_age) == (caught.value.acr_values, caught.value.max_age)


def test_a_missing_scope_comes_before_step_up(check):
    """
    Whoever lacks a scope is not sent to sign in again for nothing.
    """
    with pytest.raises(InsufficientScopeError):
        check(guard(), carrying(good(scope="")), requirement("profile", acr="gold"))


def test_a_catalogue_of_ones_own(check):
    """
    The guard's catalogue decides what scopes imply, for every authenticator.
    """
    catalogue = ScopeCatalogue({"zoo:admin": "All", "zoo:feed": "Feed", "remote-viewing:read": "Read"})
    own = guard(tickets(t1=["zoo:admin"]), catalogue=catalogue)

    for request in (carrying(good(scope="zoo:admin")), Request(headers={"X-Ticket": "t1"})):
        principal = check(own, request, requirement("zoo:feed"))
        assert principal.catalogue is catalogue
        assert principal.has("zoo:close")
    with pytest.raises(InsufficientScopeError):
        check(own, carrying(good(scope="remote-viewing:admin")), requirement("remote-viewing:read"))
    assert own.catalogue is catalogue


def test_principals_are_made_with_the_guards_catalogue(check):
    """
    An authenticator learns of its guard's catalogue, so that no principal is made twice.
    """
    catalogue = ScopeCatalogue({"zoo:admin": "All", "zoo:feed": "Feed"})
    bearer = JWTBearer(keys=jwks(), clock=lambda: NOW)
    own = Guard(bearer, catalogue=catalogue, clock=lambda: NOW)
    request = carrying(good(scope="zoo:admin"))

    principals = [check(own, request, requirement("zoo:feed")) for _ in range(3)]

    assert bearer.attempt(good(scope="zoo:admin"), request).catalogue is catalogue
    assert principals[1] is principals[2]  # the one that is remembered


def test_guards_that_share_an_authenticator(check):
    """
    What a scope implies is for each guard to say, whoever else uses its authenticator and its remembered tokens.
    """
    wide = ScopeCatalogue({"zoo:admin": "All", "zoo:feed": "Feed"})
    narrow = ScopeCatalogue({"zoo:feed": "Feed"})
    bearer = JWTBearer(keys=jwks(), clock=lambda: NOW)
    first, second = (Guard(bearer, catalogue=one, clock=lambda: NOW) for one in (wide, narrow))
    request, needed = carrying(good(scope="zoo:admin")), requirement("zoo:feed")

    for _ in range(3):
        assert check(first, request, needed).scopes == {"zoo:admin", "zoo:feed"}
        with pytest.raises(InsufficientScopeError):
            check(second, request, needed)


def test_a_guard_validates_requirements():
    """
    A requirement with a scope that this guard does not know is a configuration error with the nearest name.
    """
    catalogue = ScopeCatalogue({"zoo:feed": "Feed"})
    needed = requirement("zoo:feed")

    guard(catalogue=catalogue).validate(needed)
    with pytest.raises(ConfigurationError, match="zoo:feed"):
        guard().validate(needed)


def test_a_principal_that_is_known_already():
    """
    `authorize` checks a principal that was found before.
    """
    principal = Principal(granted_scopes=frozenset({"profile"}))

    guard().authorize(principal, requirement("profile"))
    with pytest.raises(InsufficientScopeError):
        guard().authorize(principal, requirement("email"))


# --- Answers ---


def test_the_bytes_of_a_refusal():
    """
    A refusal is complete: status, headers and body, ready to copy.
    """
    refusal = guard().refusal(MissingCredentialsError())

    assert refusal.status == 401
    assert refusal.headers == (
        ("Content-Type", "application/problem+json"),
        ("Cache-Control", "no-store"),
        ("WWW-Authenticate", 'Bearer realm="mindpeeker"'),
    )
    assert refusal.body == (
        b'{"type":"about:blank","title":"Unauthorized","status":401,"detail":"This resource needs a credential."}'
    )


def test_every_scheme_challenges():
    """
    All schemes of a guard are offered, the first one in front, with the realm and the metadata's URL.
    """
    answering = guard(tickets(), realm='my "realm"', resource_metadata="https://api.mindpeeker.com/meta")

    header = dict(answering.refusal(MissingCredentialsError()).headers)["WWW-Authenticate"]

    parameters = r'realm="my \"realm\"", resource_metadata="https://api.mindpeeker.com/meta"'
    assert header == f"Bearer {parameters}, Ticket {parameters}"


def test_a_renderer_of_ones_own():
    """
    One hook replaces content type and body, and leaves the rest alone.
    """

    def render(error, problem):
        return "text/plain", f"{error.code} {problem['status']}".encode()

    refusal = guard(renderer=render).refusal(InsufficientScopeError(["profile"]))

    assert refusal.body == b"scope_insufficient 403"
    assert dict(refusal.headers)["Content-Type"] == "text/plain"
    assert 'scope="profile"' in dict(refusal.headers)["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("error", "level", "line"),
    [
        pytest.param(ExpiredTokenError(), logging.INFO, "401 token_expired: ExpiredTokenError", id="theirs"),
        pytest.param(KeysUnavailableError("down", 5), logging.WARNING, "503 keys_unavailable: down", id="ours"),
    ],
)
def test_a_refusal_is_logged(caplog, error, level, line):
    """
    A refusal leaves one line with code and reason, as a warning where it is our fault.
    """
    caplog.set_level(logging.DEBUG, "mindpeeker_guard")

    guard().refusal(error)

    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (level, line)
    assert (record.mindpeeker_code, record.mindpeeker_status) == (error.code, error.status)


@pytest.mark.parametrize(
    "credential",
    [
        lambda: good(exp=NOW - 60),
        lambda: good(key=private_key("other")),
        lambda: good(kid="SECRET-KID"),
        lambda: good(aud="SECRET-AUDIENCE"),
        lambda: good(iss="SECRET-ISSUER"),
        lambda: good(header={"typ": "SECRET-TYPE"}),
        lambda: good(header={"alg": "SECRET-ALG"}),
        lambda: good(scope=["SECRET", 5]),
        lambda: "SECRET.SECRET.SECRET",
        lambda: "SECRET,",
        lambda: good(scope="SECRET"),
    ],
)
def test_no_log_and_no_answer_shows_a_credential(caplog, check, credential):
    """
    Neither the log nor an answer holds the token, a claim or a header of it.
    """
    caplog.set_level(logging.DEBUG)
    text = credential()
    answering = guard()

    with pytest.raises(GuardError) as caught:
        check(answering, carrying(text), requirement("profile"))
    refusal = answering.refusal(caught.value)

    shown = f"{caplog.text}{refusal!r}{caught.value!r}{caught.value.reason}"
    assert caught.value.code in caplog.text
    for part in ["SECRET", *text.split(".")]:
        assert part not in shown


# --- Making one ---


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(Guard, "at least one", id="nothing"),
        pytest.param(lambda: guard(JWTBearer(keys=KEYS)), "one authenticator for each", id="a scheme twice"),
        pytest.param(lambda: guard(realm=""), "realm", id="no realm"),
        pytest.param(lambda: guard(realm="a\nb"), "realm", id="control character"),
        pytest.param(lambda: guard(realm="é"), "realm", id="beyond ASCII"),
        pytest.param(lambda: guard(realm=None), "realm", id="realm None"),
        pytest.param(lambda: Guard(JWTBearer), "authenticator", id="a class"),
    ],
)
def test_a_guard_complains_at_birth(make, message):
    """
    A guard that could not work is a configuration error.
    """
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_a_guard_shows_its_authenticators():
    """
    A guard lists its authenticators in order.
    """
    shown = guard(tickets())

    assert [each.scheme for each in shown.authenticators] == ["Bearer", "Ticket"]
    assert repr(shown).startswith("Guard(JWTBearer(issuer=")
    assert repr(shown).endswith("Tickets())")


def test_a_guard_from_the_environment():
    """
    A guard can be made of environment variables.
    """
    made = Guard.from_env({"MINDPEEKER_ISSUER": "https://idp.example", "PATH": "/bin"})

    assert made.authenticators[0].issuer == "https://idp.example"


def test_warming_up(server, clock):
    """
    Warming up fetches the keys, for those authenticators that have something to fetch.
    """
    server.answer(Reply(jwks()))
    warm = Guard(
        tickets(), JWTBearer(keys=RemoteKeySet(server.url(), clock=clock, timeout=30, connect_timeout=30), clock=clock)
    )

    warm.warm_up()
    asyncio.run(warm.awarm_up())

    assert server.count() == 1
    assert warm.check(carrying(token(now=clock.now))).subject == "user-1"


def test_warming_up_without_an_issuer(server, clock):
    """
    A guard that cannot be warmed up says so, and works once the issuer does.
    """
    cold = Guard(JWTBearer(keys=RemoteKeySet(server.url(), clock=clock, timeout=30, connect_timeout=30), clock=clock))

    with pytest.raises(KeysUnavailableError):
        cold.warm_up()
    server.answer(Reply(jwks()))
    clock.now += 1

    assert cold.check(carrying(token(now=clock.now))).subject == "user-1"


def test_an_outage_is_never_a_401(server, clock, check):
    """
    A good token is answered with 503 and a time to wait while there are no keys.
    """
    server.answer(Reply(status=503, headers={"Retry-After": "30"}))
    cold = Guard(JWTBearer(keys=RemoteKeySet(server.url(), clock=clock, timeout=30, connect_timeout=30), clock=clock))

    with pytest.raises(KeysUnavailableError) as caught:
        check(cold, carrying(token(now=clock.now)))
    refusal = cold.refusal(caught.value)

    assert (refusal.status, dict(refusal.headers)["Retry-After"]) == (503, "30")
    assert "WWW-Authenticate" not in dict(refusal.headers)
    assert json.loads(refusal.body)["title"] == "Service Unavailable"


def test_the_empty_requirement_is_the_default():
    """
    Without a requirement a guard asks for a principal, and no more.
    """
    assert guard().check(carrying(good(scope=None))) == guard().check(carrying(good(scope=None)), Requirement())
