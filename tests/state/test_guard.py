"""A guard that refuses what was revoked: in every carrier's core, by thread and event loop, whatever it remembers."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.state.rig import ISSUER, eventually
from tests.support.ports import free_port
from tests.support.tokens import jwks, private_key, public_jwk, token

from mindpeeker_guard import (
    APIKey,
    ConfigurationError,
    Guard,
    GuardError,
    InsufficientScopeError,
    JWTBearer,
    Principal,
    Request,
    RevokedAPIKeyError,
    RevokedTokenError,
    StoreUnavailableError,
    requirement,
)
from mindpeeker_guard.settings import guard_from_environ, guard_from_settings, state_from_environ
from mindpeeker_guard.state import MemoryState

ALG = "ES256"
KEYS = jwks(public_jwk("k1", ALG))


def fresh(**claims: Any) -> str:
    return token(key=private_key("k1", ALG), alg=ALG, **claims)


def request(text: str) -> Request:
    return Request("GET", "/", [("Authorization", f"Bearer {text}")])


def outcome(guard: Guard, text: str, **needs: Any) -> Any:
    """Return what becomes of a token, by thread and by event loop, which must be the same."""
    asked = requirement(*needs.pop("scopes", ()), **needs)

    def told(error: GuardError) -> type[GuardError]:
        return type(error)

    try:
        plain: Any = guard.check(request(text), asked)
    except GuardError as error:
        plain = told(error)
    try:
        awaited: Any = asyncio.run(guard.acheck(request(text), asked))
    except GuardError as error:
        awaited = told(error)
    assert plain == awaited
    return plain


@pytest.fixture(params=["short way", "told about", "no cache"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Ways through a guard."""
    return {"short way": {}, "told about": {"on_decision": lambda decision: None}, "no cache": {"token_cache": 0}}[
        request.param
    ]


def guarded(revocations: Any = None, *, token_cache: int = 4096, **options: Any) -> Guard:
    return Guard(JWTBearer(keys=KEYS, token_cache=token_cache), revocations=revocations, **options)


def test_a_token_that_is_remembered(state, options):
    """
    A token that was verified a moment ago, and is remembered, is refused on the very next request.
    """
    guard, text, other = guarded(state.revocations, **options), fresh(jti="a"), fresh(jti="b")
    assert "user-1" == outcome(guard, text).subject

    guard.revoke(token_id="a", issuer=ISSUER)

    assert [RevokedTokenError, "b"] == [outcome(guard, text), outcome(guard, other).token_id]


def test_async_revocation(state):
    """
    `arevoke` does what `revoke` does.
    """
    guard, text = guarded(state.revocations), fresh(sub="user-7")
    assert outcome(guard, text).subject == "user-7"

    asyncio.run(guard.arevoke(subject="user-7", issued_before=4_000_000_000))

    assert RevokedTokenError is outcome(guard, text)


def test_revocation_comes_before_scope(state):
    """
    A revoked token learns nothing of what a route asks for: 401, not 403.
    """
    guard, text = guarded(state.revocations), fresh(jti="a")
    assert InsufficientScopeError is outcome(guard, text, scopes=["dowsing:admin"])

    guard.revoke(token_id="a")

    assert RevokedTokenError is outcome(guard, text, scopes=["dowsing:admin"])


def test_a_revoked_token_is_refused_where_none_is_needed(state):
    """
    Where a credential is optional a revoked one is refused all the same.
    """
    guard = guarded(state.revocations)
    guard.revoke(token_id="a")

    assert RevokedTokenError is outcome(guard, fresh(jti="a"), optional=True)
    assert outcome(guard, fresh(jti="b"), optional=True) is not None


def test_a_forged_token_says_nothing(state):
    """
    Whether a token is revoked is told to its holder only: a forged one with the same id has a bad signature.
    """
    guard = guarded(state.revocations)
    guard.revoke(token_id="a")

    forged = token(key=private_key("forger", ALG), alg=ALG, jti="a")

    assert "InvalidSignatureError" == outcome(guard, forged).__name__


def test_the_answer(state):
    """
    401 ``invalid_token``, with a fixed sentence and nothing of the list.
    """
    guard = guarded(state.revocations)
    guard.revoke(token_id="token-1")
    with pytest.raises(RevokedTokenError) as caught:
        guard.check(request(fresh()))

    refusal = guard.refusal(caught.value)

    headers = dict(refusal.headers)
    assert 401 == refusal.status
    assert 'error="invalid_token"' in headers["WWW-Authenticate"]
    assert "no-store" == headers["Cache-Control"]
    assert b"The access token has been revoked." in refusal.body
    assert b"token-1" not in refusal.body


class Keys:
    """A service for API keys that knows all of them."""

    def at_hand(self, text: str, /) -> Principal:
        return Principal(subject="user-1", scheme="ApiKey", token_id=text)

    verify: Callable[[str], Any]


def test_an_api_key(state):
    """
    An API key is refused by its id, with the words for API keys; a token with the same id is not concerned.
    """
    guard = Guard(JWTBearer(keys=KEYS), APIKey(Keys()), revocations=state.revocations)
    asked = Request("GET", "/", [("X-API-Key", "key-1")])
    assert "key-1" == guard.check(asked).token_id

    guard.revoke(api_key="key-1")

    with pytest.raises(RevokedAPIKeyError):
        guard.check(asked)
    assert outcome(guard, fresh(jti="key-1")).token_id == "key-1"


def test_a_guard_without_a_list(caplog):
    """
    Without a list, the first revocation makes one in memory, and says that other processes do not hear of it.
    """
    guard = guarded()
    assert "revocations" not in guard.health()
    text = fresh()
    assert outcome(guard, text)

    guard.revoke(token_id="token-1")
    guard.revoke(token_id="token-2")

    assert RevokedTokenError is outcome(guard, text)
    assert 2 == guard.health()["revocations"].entries
    assert 1 == caplog.text.count("in this process only")


def test_a_list_that_cannot_be_had(make):
    """
    By `fail_closed` a guard without its list answers 503 with a time to try again, and says so in its health.
    """
    state = make(f"redis://127.0.0.1:{free_port()}", policy="fail_closed")
    guard = guarded(state.revocations)

    assert StoreUnavailableError is outcome(guard, fresh())
    assert not guard.health()["revocations"].usable
    with pytest.raises(StoreUnavailableError) as caught:
        guard.check(request(fresh()))
    refusal = guard.refusal(caught.value)
    assert (503, "5") == (refusal.status, dict(refusal.headers)["Retry-After"])


@pytest.mark.parametrize("awaited", [False, True])
def test_warming_up(make, calm, awaited):
    """
    `warm_up` reads the list, so that the first request need not wait for it.
    """
    state = make(calm)
    guard = guarded(state.revocations)

    asyncio.run(guard.awarm_up()) if awaited else guard.warm_up()

    assert state.revocations.ready
    assert guard.health()["revocations"].connected


def test_guards_share(make, calm):
    """
    What one guard revokes, guards of other processes refuse.
    """
    guards = [guarded(make(calm).revocations) for _ in range(3)]
    text = fresh(client_id="leaked")
    assert all(outcome(guard, text).client_id == "leaked" for guard in guards)

    guards[0].revoke(client_id="leaked")

    eventually(lambda: all(outcome(guard, text) is RevokedTokenError for guard in guards))


def test_without_a_list_state_is_not_even_imported():
    """
    Who has no revocations pays nothing for them: not an import.
    """
    script = (
        "import mindpeeker_guard, sys; mindpeeker_guard.Guard(mindpeeker_guard.JWTBearer());"
        "print([name for name in sys.modules if 'guard.state' in name or name == 'redis'])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)

    assert "[]" == done.stdout.strip()


ENVIRON = {
    "MINDPEEKER_REDIS_URL": "redis://:hidden-5521@127.0.0.1:1/0",
    "MINDPEEKER_REDIS_PREFIX": "zoo",
    "MINDPEEKER_REDIS_SECRET": "hidden-secret-of-32-bytes-or-more",
    "MINDPEEKER_REVOCATION_POLICY": "fail_closed",
    "MINDPEEKER_REVOCATION_MAX_OUTAGE": "17",
    "MINDPEEKER_MAX_TOKEN_AGE": "7200",
}


def test_from_the_environment():
    """
    Every setting arrives; keys are shared where there is a secret, and only there.
    """
    pytest.importorskip("redis")
    guard = guard_from_environ(ENVIRON)
    mapped = guard_from_settings({name.removeprefix("MINDPEEKER_"): value for name, value in ENVIRON.items()}, {})

    for one in (guard, mapped):
        revocations = one._revocations
        assert ("fail_closed", 17.0) == revocations.health()[5:7]
        assert 7200 == revocations._terms.max_token_age
        assert "{zoo}:log" == revocations._log._names.log
        assert one.authenticators[0]._keys._fleet._shared is not None
    unsigned = guard_from_environ({name: value for name, value in ENVIRON.items() if "SECRET" not in name})
    assert unsigned.authenticators[0]._keys._fleet._shared is None
    assert state_from_environ(ENVIRON) is not None
    assert state_from_environ({}) is None


@pytest.mark.parametrize("name", [name for name in ENVIRON if name != "MINDPEEKER_REDIS_URL"])
def test_settings_that_need_a_redis(name):
    """
    A setting that means nothing without a Redis is an error without one, rather than a wish that nobody hears.
    """
    with pytest.raises(ConfigurationError, match="needs REDIS_URL") as caught:
        guard_from_environ({name: ENVIRON[name]})

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"REDIS_URL": 7}, {"REDIS_SECRET": 7}, {"REDIS_SECRET": "hidden"}])
def test_secrets_that_are_wrong_are_not_shown(changes):
    """
    What is wrong with a URL or a secret is said without it.
    """
    pytest.importorskip("redis")
    settings = {name.removeprefix("MINDPEEKER_"): value for name, value in ENVIRON.items()} | changes

    with pytest.raises(ConfigurationError) as caught:
        guard_from_settings(settings, {})

    assert "hidden" not in str(caught.value)
    assert "7" not in str(caught.value)


def test_nothing_of_a_token_is_logged(state, caplog):
    """
    The log has the code, and neither the token nor its id.
    """
    caplog.set_level(logging.DEBUG)
    guard = guarded(state.revocations)
    guard.revoke(token_id="the-id-5521")
    with pytest.raises(RevokedTokenError) as caught:
        guard.check(request(fresh(jti="the-id-5521")))
    guard.refusal(caught.value)

    assert "token_revoked" in caplog.text
    assert "the-id-5521" not in caplog.text


def test_memory_needs_no_extra():
    """
    Revocations in memory work without redis-py.
    """
    assert MemoryState().revocations.ready


def test_a_guard_that_a_test_kit_stands_in_for():
    """
    What a test revokes while another issuer is trusted in the guard's place is refused, and nothing of it stays.
    """
    from mindpeeker_guard.testing import FakeIssuer

    guard = guarded()
    with FakeIssuer() as issuer, issuer.trusted_by(guard):
        text = issuer.token("remote-viewing:read", sub="user-1")
        assert outcome(guard, text).subject == "user-1"
        guard.revoke(subject="user-1")
        assert RevokedTokenError is outcome(guard, text)

    assert "revocations" not in guard.health()
    assert {"warm_up", "health", "revoke"}.isdisjoint(vars(Guard))
