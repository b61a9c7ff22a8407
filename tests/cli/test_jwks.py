"""`jwks`: an issuer's keys, judged by the guard's own code, and sources that are none."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import run
from tests.support.server import Reply, drip_body, hang_up
from tests.support.tokens import jwks, public_jwk

from mindpeeker_guard._jwks import parse_jwks
from mindpeeker_guard.cli._jwks import describe, thumbprint

# The example of RFC 7638 section 3.1.
RFC7638 = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
    "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
    "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJ"
    "zKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}

ODD = [
    public_jwk("weak", bits=1024),
    public_jwk("enc", use="enc"),
    public_jwk("private", d="AAAASECRETAAAA"),
    {"kty": "oct", "k": "SECRETSECRET", "kid": "secret"},
    {"kty": "RSA", "kid": "broken", "n": "!!", "e": "AQAB"},
    {"kty": "EC", "crv": "P-256K", "x": "AA", "y": "AA", "kid": "curve"},
    {"kty": 7, "kid": 8, "use": [], "alg": {}},
    {"kty": "RSA", "kid": "odd", "n": "A" * 5, "e": 3},
    "no object",
    None,
]


def test_the_thumbprint():
    """
    The thumbprint is the one of RFC 7638's own example.
    """
    assert "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" == thumbprint(RFC7638)


def test_a_secret_key_has_no_thumbprint():
    """
    A thumbprint of a secret key would be a digest of the secret: it has none.
    """
    assert thumbprint(ODD[3]) is None


@pytest.mark.parametrize("kind", ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_usable_keys(kind):
    """
    A key of every kind is usable, for the algorithms that a guard takes it for.
    """
    row = describe(public_jwk("k", kind))

    assert (True, None, "k", "sig") == (row.usable, row.reason, row.kid, row.use)
    assert kind in row.algorithms
    assert len(row.thumbprint) == 43


@pytest.mark.parametrize("entry", ODD, ids=[f"odd {number}" for number, _ in enumerate(ODD)])
def test_a_key_is_judged_as_by_a_guard(entry):
    """
    Why a key is not usable is what the guard counts.
    """
    row = describe(entry)

    assert {row.reason: 1} == parse_jwks({"keys": [entry]}).skipped
    assert not row.usable


def test_keys_as_a_table(server):
    """
    The table has key id, thumbprint, type, algorithms, use, and whether a key is usable or why not.
    """
    server.answer(Reply(jwks(public_jwk(), *ODD)))

    ended = run("jwks", server.url())

    assert 0 == ended.code
    for words in ("RSA 2048", "RSA 1024", "oct", "EC P-256K", "(none)", "1 of 11 keys are usable."):
        assert words in ended.out
    assert "no: private" in " ".join(ended.out.split())
    assert "SECRET" not in ended.out


def test_keys_as_json(server):
    """
    The JSON form has the same, and where the keys came from.
    """
    server.answer(Reply(jwks(public_jwk(), public_jwk("weak", bits=1024))))

    told = run("jwks", "--json", server.url()).members

    assert (server.url(), 1) == (told["source"], told["usable"])
    assert ["RSA 2048", "RSA 1024"] == [key["type"] for key in told["keys"]]
    assert [None, "RSA key of an unacceptable size"] == [key["reason"] for key in told["keys"]]


def test_no_usable_key_is_a_no(server):
    """
    A set without a usable key ends with 1.
    """
    server.answer(Reply(jwks(public_jwk(bits=1024))))

    assert 1 == run("jwks", server.url()).code


def test_the_issuer_tells_where_the_keys_are(issuer):
    """
    With `--issuer`, or the variable, the issuer's metadata tell.
    """
    by_option = run("jwks", "--json", "--issuer", issuer.issuer).members
    by_variable = run("jwks", "--json", env={"MINDPEEKER_ISSUER": issuer.issuer}).members
    by_url = run("jwks", "--json", env={"MINDPEEKER_JWKS_URI": issuer.jwks_uri}).members

    assert issuer.jwks_uri == by_option["source"] == by_variable["source"] == by_url["source"]
    assert issuer.kid == by_option["keys"][0]["kid"] == by_option["keys"][0]["thumbprint"]


def test_keys_from_a_file_and_from_standard_input(keys_file):
    """
    A file works like a URL, and so does standard input.
    """
    with open(keys_file, "rb") as opened:  # noqa: PTH123
        content = opened.read()

    assert 0 == run("jwks", keys_file).code
    assert 1 == run("jwks", "--json", "-", stdin=content).members["usable"]


@pytest.mark.parametrize("value", ["many", "0", "-1", "inf", "nan"])
def test_limits_that_are_none(value, server):
    """
    A limit in the environment that is no number above 0 is a setting that is wrong.
    """
    ended = run("jwks", server.url(), env={"MINDPEEKER_TIMEOUT": value})

    assert (5, 0) == (ended.code, server.count())


def test_limits_come_from_the_settings(server):
    """
    What is fetched keeps to the guard's settings.
    """
    server.answer(Reply(b"{" + b" " * 2000 + b"}"))

    ended = run("jwks", server.url(), env={"MINDPEEKER_MAX_BYTES": "1024"})

    assert 4 == ended.code
    assert "more than 1024 bytes" in ended.err


def test_a_slow_answer_is_given_up(server):
    """
    A server that drips is given up at the deadline.
    """
    server.answer(Reply(act=drip_body))

    ended = run("jwks", server.url(), env={"MINDPEEKER_TIMEOUT": "0.5"})

    assert 4 == ended.code
    assert "timed out" in ended.err


BROKEN = {
    "an error": (Reply(status=500), "HTTP status 500"),
    "not found": (Reply(status=404), "HTTP status 404"),
    "a redirect": (Reply(status=302, headers={"Location": "http://127.0.0.1/elsewhere"}), "HTTP status 302"),
    "a page": (Reply(b"<!doctype html><p>Hi", headers={"Content-Type": "text/html"}), "JSON"),
    "a list": (Reply([]), "JSON"),
    "nothing": (Reply(b""), "JSON"),
    "too much": (Reply(b"{" + b" " * 300_000 + b"}"), "more than"),
    "no answer": (Reply(act=hang_up), "RemoteProtocolError"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("as_json", [False, True])
def test_keys_that_cannot_be_had(name, as_json, server):
    """
    Each way to fail is one sentence with the cause and one with the next step, and exit code 4.
    """
    reply, cause = BROKEN[name]
    server.answer(reply)

    ended = run("jwks", server.url(), *(["--json"] if as_json else []))

    assert (4, "") == (ended.code, ended.out)
    assert cause in ended.err
    assert ended.error["hint"] if as_json else "\nNext:  " in ended.err
    assert as_json or 2 == len(ended.err.splitlines())


def test_a_document_that_is_no_key_set(server):
    """
    JSON that is no key set ends with 3.
    """
    server.answer(Reply({"error": "no"}))

    ended = run("jwks", server.url())

    assert 3 == ended.code
    assert "no list of keys" in ended.err


@pytest.mark.parametrize(
    "url", ["http://example.com/jwks", "ftp://127.0.0.1/", "https://user:secret@example.com/", "https://[bad", "://x"]
)
def test_urls_that_are_not_asked(url):
    """
    Plain http beyond loopback, other schemes and URLs with passwords are refused, and passwords not repeated.
    """
    ended = run("jwks", url)

    assert 5 == ended.code
    assert "https URL" in ended.err
    assert "secret" not in ended.err


@pytest.mark.parametrize("env", [{"SSL_CERT_FILE": "/nowhere/ca.pem"}, {"HTTPS_PROXY": "nonsense://x"}])
def test_an_environment_that_no_client_can_be_made_with(env):
    """
    A proxy or a certificate file that is none is a setting that is wrong: exit code 5, and the way out.
    """
    ended = run("jwks", "https://127.0.0.1:1/jwks", env=env)

    assert 5 == ended.code
    assert "No HTTP client can be made" in ended.err
    assert "SSL_CERT_FILE" in ended.err


def test_two_sources_are_one_too_many():
    """
    A URL and `--issuer` contradict each other.
    """
    assert 2 == run("jwks", "keys.json", "--issuer", "https://auth.example.com").code


def test_hostile_keys_control_nothing(server):
    """
    Names in a key set are shown as plain ASCII, within 80 columns.
    """
    bad = "\x1b[2J[bold]x[/bold]\x9b\u202e" + "y" * 500
    server.answer(Reply(jwks(public_jwk(bad), {"kty": bad, "crv": bad, "use": bad, "alg": bad})))

    ended = run("jwks", server.url())

    assert "\x1b" not in ended.out
    assert ended.out.isascii()
    assert max(map(len, ended.out.splitlines())) <= 80
    assert json.loads(run("jwks", "--json", server.url()).out)["keys"][0]["kid"] == bad
