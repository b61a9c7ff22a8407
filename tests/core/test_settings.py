"""A guard from a mapping or from the environment."""

from __future__ import annotations

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, jwks, token

from mindpeeker_guard import ConfigurationError, Guard, MissingCredentialsError, Request
from mindpeeker_guard.settings import SETTINGS, from_prefixed, guard_from_environ, guard_from_settings

# Each setting with a value of its own, as text, and where that value must arrive.
VALUES = {
    "ISSUER": ("https://idp.example", lambda g: bearer(g)._issuer, "https://idp.example"),
    "AUDIENCE": ("https://a, https://b", lambda g: bearer(g)._audiences, {"https://a", "https://b"}),
    "JWKS_URI": ("https://idp.example/jwks", lambda g: bearer(g)._keys._jwks_uri, "https://idp.example/jwks"),
    "ALGORITHMS": ("ES256 RS256", lambda g: bearer(g)._algorithms, {"ES256", "RS256"}),
    "LEEWAY": ("12.5", lambda g: bearer(g)._leeway, 12.5),
    "PROFILE": ("rfc9068", lambda g: bearer(g)._strict, True),
    "TOKEN_CACHE": ("17", lambda g: bearer(g)._tokens._size, 17),
    "FRESH_FOR": ("111", lambda g: bearer(g)._keys._lifetimes.fresh_for, 111),
    "STALE_FOR": ("222", lambda g: bearer(g)._keys._lifetimes.stale_for, 222),
    "MAX_STALE": ("333", lambda g: bearer(g)._keys._lifetimes.max_stale, 333),
    "UNKNOWN_KID_BURST": ("4", lambda g: bearer(g)._keys._budget._burst, 4),
    "UNKNOWN_KID_REFILL": ("44", lambda g: bearer(g)._keys._budget._refill, 44),
    "CONNECT_TIMEOUT": ("0.5", lambda g: bearer(g)._keys._fetcher._limits.connect_timeout, 0.5),
    "TIMEOUT": ("1.5", lambda g: bearer(g)._keys._fetcher._limits.timeout, 1.5),
    "MAX_BYTES": ("2048", lambda g: bearer(g)._keys._fetcher._limits.max_bytes, 2048),
    "REALM": ("zoo", lambda g: g._challenges._realm, "zoo"),
    "RESOURCE_METADATA": ("https://a/meta", lambda g: g._challenges._resource_metadata, "https://a/meta"),
    "ALLOW_PREFLIGHT": ("yes", lambda g: g._allow_preflight, True),
    "SHIELD": ("off", lambda g: g._failures, None),
    "TRUSTED_PROXIES": (
        "10.0.0.0/8, unix",
        lambda g: repr(g._sources._trusted),
        "TrustedProxies('10.0.0.0/8', 'unix')",
    ),
    "RATE_LIMIT": ("5/second; 100/minute", lambda g: g.is_limited and g._limits.limits[0].rate, "5/second; 100/minute"),
}


def bearer(guard):
    return guard.authenticators[0]


def test_every_setting_is_tested():
    """
    The table above has every setting there is, but those of API keys and of Redis, which go together.
    """
    together = ("API_KEY_", "REDIS_", "REVOCATION_", "MAX_TOKEN_AGE")
    assert set(VALUES) == {name for name in SETTINGS if not name.startswith(together)}


@pytest.mark.parametrize("name", sorted(VALUES))
def test_each_setting_arrives(name):
    """
    Each setting, from a mapping or from the environment, changes what it names.
    """
    text, read, expected = VALUES[name]

    assert expected == read(guard_from_settings({name: text}, {}))
    assert expected == read(guard_from_environ({f"MINDPEEKER_{name}": text}))
    assert expected != read(guard_from_settings({"FRESH_FOR": 300} if name != "FRESH_FOR" else {}, {}))


def test_all_settings_together():
    """
    All settings can be given at once.
    """
    together = guard_from_settings({name: text for name, (text, _, _) in VALUES.items()}, {})

    for _, read, expected in VALUES.values():
        assert expected == read(together)


def test_nothing_is_needed():
    """
    Without a setting it is the platform's issuer and audience.
    """
    guard = guard_from_settings({}, {})

    assert (bearer(guard)._issuer, bearer(guard)._audiences) == (ISSUER, {AUDIENCE})


def test_the_mapping_beats_the_environment():
    """
    A setting of the application's wins; what it leaves out comes from the environment.
    """
    environ = {"MINDPEEKER_AUDIENCE": "https://env", "MINDPEEKER_LEEWAY": "7"}

    guard = guard_from_settings({"AUDIENCE": "https://own"}, environ)

    assert bearer(guard)._audiences == {"https://own"}
    assert bearer(guard)._leeway == 7


def test_a_wrong_value_that_is_overridden_does_not_matter():
    """
    What the mapping overrides is not read from the environment.
    """
    guard = guard_from_settings({"LEEWAY": 5}, {"MINDPEEKER_LEEWAY": "junk"})

    assert bearer(guard)._leeway == 5


def test_arguments_beat_everything():
    """
    An argument for the guard wins over mapping and environment.
    """
    guard = guard_from_settings(
        {"REALM": "own"}, {"MINDPEEKER_ALLOW_PREFLIGHT": "yes"}, realm="argument", allow_preflight=False
    )

    assert guard._challenges._realm == "argument"
    assert not guard._allow_preflight


def test_key_settings_keep_the_discovery():
    """
    With a setting of the key set, the issuer is still asked for its keys; with a `jwks_uri`, it is not.
    """
    found = guard_from_settings({"ISSUER": "https://idp.example", "TIMEOUT": 1}, {})
    given = guard_from_settings({"JWKS_URI": "https://idp.example/jwks", "TIMEOUT": 1}, {})

    assert repr(bearer(found)._keys) == "RemoteKeySet('https://idp.example')"
    assert repr(bearer(given)._keys) == "RemoteKeySet('https://idp.example/jwks')"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", {"a"}),
        ("a,b", {"a", "b"}),
        (" a , b c ", {"a", "b", "c"}),
        ('["a", "b c"]', {"a", "b c"}),
        (["a", "b"], {"a", "b"}),
        (("a",), {"a"}),
        ({"a"}, {"a"}),
    ],
    ids=lambda value: repr(sorted(value) if isinstance(value, set) else value),
)
def test_lists(value, expected):
    """
    A list is a sequence, JSON, or words between commas or blanks.
    """
    assert expected == bearer(guard_from_settings({"AUDIENCE": value}, {}))._audiences


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((value, True) for value in ("true", "TRUE", "1", "yes", "on", True, 1)),
        *((value, False) for value in ("false", "0", "No", "OFF", False, 0)),
    ],
    ids=repr,
)
def test_switches(value, expected):
    """
    A switch is a boolean, or one of the words for it.
    """
    assert expected is guard_from_settings({"ALLOW_PREFLIGHT": value}, {})._allow_preflight


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", ""),
        ("ISSUER", 5),
        ("ISSUER", None),
        ("AUDIENCE", ""),
        ("AUDIENCE", " , "),
        ("AUDIENCE", []),
        ("AUDIENCE", ["a", ""]),
        ("AUDIENCE", ["a", 5]),
        ("AUDIENCE", "[1]"),
        ("AUDIENCE", "[]"),
        ("AUDIENCE", '["a"'),
        ("AUDIENCE", {"a": 1}),
        ("AUDIENCE", b"a"),
        ("AUDIENCE", 5),
        ("JWKS_URI", ["https://a"]),
        ("ALGORITHMS", None),
        ("LEEWAY", "soon"),
        ("LEEWAY", ""),
        ("LEEWAY", True),
        ("LEEWAY", None),
        ("LEEWAY", [5]),
        ("LEEWAY", 10**400),
        ("MAX_BYTES", "1.5"),
        ("MAX_BYTES", "nan"),
        ("MAX_BYTES", "inf"),
        ("UNKNOWN_KID_BURST", 2.5),
        ("TOKEN_CACHE", "many"),
        ("ALLOW_PREFLIGHT", "maybe"),
        ("ALLOW_PREFLIGHT", ""),
        ("ALLOW_PREFLIGHT", None),
        ("ALLOW_PREFLIGHT", 2),
        ("ALLOW_PREFLIGHT", []),
        ("REALM", ""),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_wrong_value_names_its_setting(name, value):
    """
    A value that cannot be read is a configuration error that names the setting as it was written.
    """
    with pytest.raises(ConfigurationError, match=f"MY_{name} must be "):
        guard_from_settings({name: value}, {}, prefix="MY_")


@pytest.mark.parametrize(
    ("name", "value", "argument"),
    [
        ("ISSUER", "http://idp.example", "issuer"),
        ("JWKS_URI", "http://idp.example/jwks", "jwks_uri"),
        ("ALGORITHMS", "HS256", "algorithms"),
        ("LEEWAY", "1e9", "leeway"),
        ("LEEWAY", "nan", "leeway"),
        ("PROFILE", "strict", "profile"),
        ("TOKEN_CACHE", "-1", "token_cache"),
        ("TIMEOUT", "inf", "timeout"),
        ("FRESH_FOR", "0", "fresh_for"),
        ("REALM", "é", "realm"),
    ],
)
def test_a_value_out_of_range_names_its_argument(name, value, argument):
    """
    A value that is read but not in range is a configuration error that names the argument.
    """
    with pytest.raises(ConfigurationError, match=argument):
        guard_from_environ({f"MINDPEEKER_{name}": value})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("AUDIENCES", "MY_AUDIENCE?"),
        ("audience", "MY_AUDIENCE?"),
        ("JWKS_URL", "MY_JWKS_URI?"),
        ("KEYS", "Did you mean MY_"),
    ],
)
def test_an_unknown_setting_is_named_with_the_nearest_one(name, hint):
    """
    A setting of the application's that is none is a configuration error with the nearest name.
    """
    with pytest.raises(ConfigurationError, match=f"Unknown setting MY_{name}") as caught:
        guard_from_settings({name: "x"}, {}, prefix="MY_")

    assert hint in str(caught.value)


def test_names_of_the_framework_are_suggested_too():
    """
    A framework's own names are among those that an error may name.
    """
    with pytest.raises(ConfigurationError, match="Did you mean MY_PUBLIC_PATHS"):
        guard_from_settings({"PUBLIC_PATH": "x"}, {}, prefix="MY_", also=["PUBLIC_PATHS"])


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("MINDPEEKER_AUDIENCES", "MINDPEEKER_AUDIENCE"),
        ("MINDPEEKER_audience", "MINDPEEKER_AUDIENCE"),
        ("MINDPEEKER_JWKS_URL", "MINDPEEKER_JWKS_URI"),
        ("MINDPEEKER_ALLOW_PREFLIGT", "MINDPEEKER_ALLOW_PREFLIGHT"),
    ],
)
def test_a_misspelt_variable_is_an_error(name, nearest):
    """
    A variable that is nearly a setting is a configuration error with the right name.
    """
    with pytest.raises(ConfigurationError, match=f"{name}.*Did you mean {nearest}"):
        guard_from_environ({name: "x"})


@pytest.mark.parametrize(
    "name",
    [
        "MINDPEEKER_CLIENT_ID",
        "MINDPEEKER_CLIENT_SECRET",
        "MINDPEEKER_API_KEY",
        "MINDPEEKER_DATABASE_URL",
        "MINDPEEKER_",
        "MINDPEEKER",
        "AUDIENCE",
        "mindpeeker_audience",
        "PATH",
    ],
)
def test_other_variables_are_nobodys_business(name):
    """
    The platform's own variables, and anything that is not nearly a setting, are left alone.
    """
    assert from_prefixed({name: "x"}) == {}
    assert bearer(guard_from_environ({name: "x"}))._audiences == {AUDIENCE}


def test_a_mapping_that_holds_other_things():
    """
    Settings are taken out of a larger mapping by their prefix; keys that are no strings do not matter.
    """
    assert from_prefixed({"MINDPEEKER_REALM": "zoo", "DEBUG": True, 5: "x"}) == {"REALM": "zoo"}


def test_the_environment_is_read_when_asked(monkeypatch):
    """
    Without a mapping for it the process's environment is read, at the time of the call.
    """
    monkeypatch.setenv("MINDPEEKER_REALM", "late")

    assert Guard.from_env()._challenges._realm == "late"
    assert guard_from_settings({})._challenges._realm == "late"


def test_a_guard_from_settings_works(server, clock):
    """
    A guard made of settings fetches keys and decides.
    """
    from tests.support.server import Reply

    server.answer(Reply(jwks()))
    guard = guard_from_settings({"JWKS_URI": server.url(), "TIMEOUT": "2"}, {})

    assert guard.check(Request(headers={"Authorization": f"Bearer {token()}"})).subject == "user-1"
    with pytest.raises(MissingCredentialsError):
        guard.check(Request())
