"""`token`: client credentials, and nothing but the token on standard output."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs

import pytest
from tests.cli.conftest import process, run
from tests.support.server import Reply, hang_up
from tests.support.tokens import token

from mindpeeker_guard.cli._token import basic

CLIENT = {"MINDPEEKER_CLIENT_ID": "my-app", "MINDPEEKER_CLIENT_SECRET": "my-secret"}
GRANTED = {"access_token": token(), "token_type": "Bearer", "expires_in": 3600, "scope": "profile"}


def metadata(server, **changes):
    issuer = server.url("")
    members = {"issuer": issuer, "jwks_uri": server.url(), "token_endpoint": server.url("/token")}
    server.answer(Reply(members | changes), path="/.well-known/oauth-authorization-server")
    return {**CLIENT, "MINDPEEKER_ISSUER": issuer}


def test_only_the_token_is_on_standard_output(issuer):
    """
    The token, and nothing else, goes to standard output; what it is good for goes to standard error.
    """
    ended = run("token", "--scope", "remote-viewing:read", env={**CLIENT, "MINDPEEKER_ISSUER": issuer.issuer})

    assert 0 == ended.code
    assert 2 == ended.out.strip().count(".")
    assert 'token_type "Bearer", scope "remote-viewing:read", expires_in 3600\n' == ended.err


def test_a_pipe(issuer):
    """
    What `token` prints is what `explain` reads, in processes of their own.
    """
    env = {**CLIENT, "MINDPEEKER_ISSUER": issuer.issuer}

    printed = process("token", env=env)
    explained = process("explain", "--scopes", "profile", stdin=printed.stdout, env=env)

    assert (0, 0) == (printed.returncode, explained.returncode)
    assert b"Accepted." in explained.stdout


def test_the_whole_response(issuer):
    """
    With `--json` the whole response is printed.
    """
    told = run("token", "--json", env={**CLIENT, "MINDPEEKER_ISSUER": issuer.issuer}).members

    assert {"access_token", "token_type", "expires_in", "scope", "issued_at"} == set(told)


@pytest.mark.parametrize("auth", ["post", "basic"])
def test_both_ways_to_log_in(auth, issuer, server):
    """
    The client's secret goes into the form, or into a header, never into both.
    """
    server.answer(Reply(GRANTED), path="/token")

    assert 0 == run("token", "--auth", auth, env={**CLIENT, "MINDPEEKER_ISSUER": issuer.issuer}).code
    assert 0 == run("token", "--auth", auth, "--audience", "x", env=metadata(server)).code

    hit = server.hits[-1]
    form = parse_qs(hit.body.decode())
    assert ["client_credentials"] == form["grant_type"]
    assert ["x"] == form["audience"]
    assert (auth == "post") == ("client_secret" in form)
    assert (auth == "basic") == (hit.headers.get("Authorization") == basic("my-app", "my-secret"))


def test_the_secret_from_a_file_or_standard_input(issuer, write):
    """
    The secret can come from a file or from standard input; a line break at its end is none of it.
    """
    env = {"MINDPEEKER_CLIENT_ID": "my-app", "MINDPEEKER_ISSUER": issuer.issuer}

    assert 0 == run("token", "--secret-file", write("secret", "my-secret\n"), env=env).code
    assert 0 == run("token", "--secret-file", "-", stdin="my-secret\r\n", env=env).code
    assert 0 == run("token", "--secret-env", "OTHER", env={**env, "OTHER": "my-secret"}).code


def test_the_secret_cannot_be_given_on_the_command_line():
    """
    There is no option that takes the secret itself.
    """
    ended = run("token", "--client-secret", "my-secret", env=CLIENT)

    assert 2 == ended.code
    assert "my-secret" not in ended.err


@pytest.mark.parametrize(
    ("env", "words", "code", "text"),
    [
        ({}, [], 5, "no client id"),
        ({"MINDPEEKER_CLIENT_ID": "x"}, [], 5, "no client secret"),
        ({"MINDPEEKER_CLIENT_ID": "x"}, ["--secret-file", "no-such-file"], 3, "cannot be read"),
        (CLIENT, ["--token-endpoint", "http://example.com/token"], 5, "https URL"),
        (CLIENT, ["--issuer", "ftp://example.com"], 5, "https URL"),
        ({**CLIENT, "MINDPEEKER_AUDIENCES": "x"}, [], 5, "Did you mean"),
        ({**CLIENT, "MINDPEEKER_CLIENT_SECRET": "x" * 5000}, [], 3, "more than"),
    ],
)
def test_what_is_missing_or_wrong(env, words, code, text):
    """
    What is missing is said in one sentence, before anything is sent.
    """
    ended = run("token", *words, env=env)

    assert (code, "") == (ended.code, ended.out)
    assert text in ended.err


def test_a_secret_that_is_no_text(write):
    """
    A binary secret is no secret.
    """
    assert 3 == run("token", "--secret-file", write("secret", b"\xff\xfe"), env=CLIENT).code


@pytest.mark.parametrize(
    ("env", "words", "reason"),
    [
        ({"MINDPEEKER_CLIENT_SECRET": "wrong-secret"}, [], "invalid_client"),
        ({"MINDPEEKER_CLIENT_ID": "nobody"}, [], "invalid_client"),
        ({}, ["--scope", "dowsing:admin"], "invalid_scope"),
    ],
)
def test_a_refusal_ends_with_1(env, words, reason, issuer):
    """
    When the issuer refuses, its reason and the next step are told, and never the secret.
    """
    ended = run("token", *words, env={**CLIENT, "MINDPEEKER_ISSUER": issuer.issuer, **env})
    told = run("token", "--json", *words, env={**CLIENT, "MINDPEEKER_ISSUER": issuer.issuer, **env})

    assert (1, 1) == (ended.code, told.code)
    assert reason in ended.err
    assert ("token_refused", True) == (told.error["code"], bool(told.error["hint"]))
    assert "secret" not in ended.err.replace("client id and secret", "")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(b"<html>"), 4),
        (Reply({}), 4),
        (Reply({"access_token": 1}), 4),
        (Reply(GRANTED, status=500), 4),
        (Reply(GRANTED | {"access_token": "a\x1b[2Jb"}), 4),
        (Reply({"error": "\x1b[2J[bold]", "error_description": "\x1b[2J\u202e"}, status=400), 1),
        (Reply(act=hang_up), 4),
        (Reply(status=302, headers={"Location": "http://127.0.0.1/x"}), 4),
    ],
)
def test_answers_that_are_no_token(reply, code, server):
    """
    Whatever a server answers, there is one sentence, in plain text, and an exit code.
    """
    server.answer(reply, path="/token")

    ended = run("token", env=metadata(server))

    assert (code, "") == (ended.code, ended.out)
    assert ended.err.startswith("Error: ")
    assert "\x1b" not in ended.err
    assert ended.err.isascii()


def test_the_platforms_path_where_no_metadata_are(server):
    """
    An issuer without metadata is asked at the platform's path; one of another name is not believed.
    """
    server.answer(Reply(GRANTED), path="/oauth2/token")
    env = {**CLIENT, "MINDPEEKER_ISSUER": server.url("")}

    assert 0 == run("token", env=env).code
    metadata(server, issuer="https://auth.example.com")
    assert 0 == run("token", env=env).code
    metadata(server, token_endpoint="http://example.com/token")
    assert 0 == run("token", env=env).code
    assert 3 == server.count("/oauth2/token")


def test_an_issuer_that_is_not_there():
    """
    An issuer that cannot be reached ends with 4.
    """
    ended = run("token", "--issuer", "http://127.0.0.1:1", env=CLIENT)

    assert 4 == ended.code
    assert "ConnectError" in ended.err


def test_the_header_of_basic():
    """
    Id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1).
    """
    assert "Basic " + base64.b64encode(b"a%3Ab:c+d").decode() == basic("a:b", "c d")
