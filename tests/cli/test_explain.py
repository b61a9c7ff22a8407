"""`explain`: every check, in words and as JSON, with the exit code of the answer."""

from __future__ import annotations

import json
import re

import pytest
from tests.attacks.corpus import CORPUS
from tests.cli.conftest import run
from tests.support.server import Reply
from tests.support.tokens import jwks, public_jwk, token

from mindpeeker_guard import errors
from mindpeeker_guard.cli._explain import ADVICE


def test_an_accepted_token(keys_file):
    """
    A good token ends with 0, every check ok, and its scopes.
    """
    ended = run("explain", "--jwks", keys_file, "--scopes", "remote-viewing:read", stdin=token())

    assert 0 == ended.code
    assert "Accepted." in ended.out
    assert 18 - 1 == len(re.findall(r"^ok ", ended.out, re.MULTILINE))
    assert "FAILED" not in ended.out


def test_a_refused_token(keys_file):
    """
    A bad token ends with 1, names the check, what was expected and found, the rule, and the next step.
    """
    ended = run("explain", "--jwks", keys_file, stdin=token(aud="https://api.example.com"))

    assert 1 == ended.code
    assert re.search(r"^FAILED +audience ", ended.out, re.MULTILINE)
    assert "Refused: 401 audience_mismatch." in ended.out
    assert "RFC 7519 section 4.1.3" in ended.out.replace("\n", " ")
    assert "\nNext: " in ended.out
    assert "not reached" in ended.out


def test_the_json_form(keys_file):
    """
    The JSON form has the verdict, each step, and who calls.
    """
    good = run("explain", "--json", "--jwks", keys_file, stdin=token()).members
    bad = run("explain", "--json", "--jwks", keys_file, "--scopes", "profile", stdin=token()).members

    assert (True, 200, None, "user-1") == (good["accepted"], good["status"], good["code"], good["principal"]["subject"])
    assert (False, 403, "scope_insufficient") == (bad["accepted"], bad["status"], bad["code"])
    assert {"name", "rule", "expected", "found", "verdict", "code"} == set(bad["steps"][0])
    assert "scope_insufficient" == bad["steps"][-1]["code"]


SAMPLES = {entry.code: entry for entry in CORPUS if max(map(ord, entry.token)) < 128}


@pytest.mark.parametrize("code", [code for code in SAMPLES if code])
def test_hostile_tokens_are_refused_by_the_command(code, keys_file):
    """
    For each kind of refusal, the command ends with 1, with a reason and advice, and without the token.
    """
    ended = run("explain", "--jwks", keys_file, "--at", "1700000000", "--scopes", "remote-viewing:read",
                stdin=SAMPLES[code].token)  # fmt: skip

    assert 1 == ended.code
    assert "FAILED" in ended.out
    assert not [part for part in SAMPLES[code].token.split(".") if len(part) > 30 and part in ended.out]


@pytest.mark.parametrize("name", errors.__dict__)
def test_every_refusal_has_advice(name):
    """
    There is a next step for every error that a guard can have with a token.
    """
    kind = getattr(errors, name)
    if isinstance(kind, type) and issubclass(kind, errors.AuthError | errors.KeysUnavailableError):
        code = getattr(kind, "code", None)
        assert code in {*ADVICE, None, "token_invalid", "rate_limited", "too_many_failures"} or issubclass(
            kind, errors.InvalidAPIKeyError
        )


def test_the_issuer_is_asked_for_its_keys(issuer):
    """
    Without a key file, the keys come from the issuer, as for a guard; the environment has the settings.
    """
    env = {"MINDPEEKER_ISSUER": issuer.issuer}

    good = run("explain", stdin=issuer.issue(), env=env)
    unknown = run("explain", "--json", stdin=issuer.issue(headers={"kid": "nobody"}), env=env)

    assert (0, 1) == (good.code, unknown.code)
    assert "key_unknown" == unknown.members["code"]


def test_an_issuer_that_cannot_be_reached(server):
    """
    Where the keys cannot be had, the answer is no verdict, and the exit code is 4.
    """
    server.answer(Reply(b"<html>", headers={"Content-Type": "text/html"}))

    ended = run("explain", "--jwks-uri", server.url(), stdin=token())

    assert 4 == ended.code
    assert "Not decided: 503 keys_unavailable." in ended.out
    assert "JSON" in ended.out


def test_options_beat_the_environment(keys_file):
    """
    An option beats the variable of the same name.
    """
    env = {"MINDPEEKER_AUDIENCE": "https://other.example", "MINDPEEKER_ISSUER": "https://x.example"}
    words = ["--audience", "https://api.mindpeeker.com", "--issuer", "https://auth.mindpeeker.com"]

    assert 0 == run("explain", "--jwks", keys_file, *words, stdin=token(), env=env).code
    assert 1 == run("explain", "--jwks", keys_file, stdin=token(), env=env).code


def test_the_time_can_be_given(keys_file):
    """
    `--at` tells whether a token was good at another time: seconds, or a date with or without a zone.
    """
    old = token(now=1_700_000_000)

    for at in ("1700000000", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20", "2023-11-14T23:13:20+01:00"):
        assert 0 == run("explain", "--jwks", keys_file, "--at", at, stdin=old).code
    assert 1 == run("explain", "--jwks", keys_file, stdin=old).code
    assert 2 == run("explain", "--jwks", keys_file, "--at", "soon", stdin=old).code
    assert 2 == run("explain", "--jwks", keys_file, "--at", "9" * 400, stdin=old).code


def test_one_scope_of_several(keys_file):
    """
    With `--any-scope` one of the scopes is enough; several may stand in one word.
    """
    words = ["--scopes", "analytics:read remote-viewing:read"]

    assert 1 == run("explain", "--jwks", keys_file, *words, stdin=token()).code
    assert 0 == run("explain", "--jwks", keys_file, *words, "--any-scope", stdin=token()).code


def test_a_scope_of_ones_own_is_noted(keys_file):
    """
    A scope that the platform does not have may be the API's own, or misspelt: it is noted, with the nearest name.
    """
    ended = run("explain", "--jwks", keys_file, "--scopes", "remote-viewing:reed", stdin=token())

    assert 1 == ended.code
    assert "did you mean 'remote-viewing:read'?" in ended.err


def test_a_sign_in_can_be_asked_for(keys_file):
    """
    `--acr` and `--max-age` ask for a sign-in.
    """
    ended = run("explain", "--json", "--jwks", keys_file, "--acr", "gold", "--max-age", "60", stdin=token())

    assert (1, "step_up_required") == (ended.code, ended.members["code"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--profile", "strict"], 5),
        (["--leeway", "many"], 5),
        (["--algorithm", "HS256"], 5),
        (["--issuer", "http://auth.example.com"], 5),
        (["--jwks", "no-such-file"], 3),
        (["--max-age", "-1"], 2),
        (["--scopes", 'a"b'], 5),
    ],
)
def test_settings_that_are_wrong(words, code):
    """
    A wrong setting is one sentence, with its exit code.
    """
    ended = run("explain", *words, stdin=token())

    assert code == ended.code
    assert ended.err.startswith("Error: ")


@pytest.mark.parametrize("content", ["", "<html>", "[]", '{"keys": []}', '{"keys": {}}', "\xff"])
def test_key_files_that_are_none(content, write):
    """
    A key file without a usable key is one sentence, with exit code 3.
    """
    ended = run("explain", "--jwks", write("keys.json", content.encode("latin-1")), stdin=token())

    assert 3 == ended.code


def test_a_hostile_token_controls_nothing(keys_file):
    """
    What a token holds is shown as plain ASCII; nothing of it is markup.
    """
    hostile = token(iss="\x1b[2J[bold]x[/bold]\x9b\u202e\r\n")

    ended = run("explain", "--jwks", keys_file, stdin=hostile, env={"FORCE_COLOR": "1"})

    assert "\x1b[2J" not in ended.out
    assert "[bold]x[/bold]" in re.sub(r"\s", "", ended.out)
    assert re.fullmatch(r"[ -~\n]*", re.sub(r"\x1b\[[0-9;]*m", "", ended.out))


def test_nothing_is_coloured_where_nobody_looks(keys_file):
    """
    Where standard output is no terminal there is no escape sequence; NO_COLOR holds where colours are forced.
    """
    plain = run("explain", "--jwks", keys_file, stdin=token())
    forced = run("explain", "--jwks", keys_file, stdin=token(), env={"FORCE_COLOR": "1"})
    refused = run("explain", "--jwks", keys_file, stdin=token(), env={"FORCE_COLOR": "1", "NO_COLOR": "1"})

    assert "\x1b" not in plain.out
    assert "\x1b[32m" in forced.out
    assert "\x1b[3" not in refused.out


def test_lines_fit_into_80_columns(keys_file):
    """
    No line is longer than 80 columns, and none ends in a blank.
    """
    ended = run("explain", "--jwks", keys_file, "--scopes", "profile", stdin=token(sub="x" * 500))

    assert max(map(len, ended.out.splitlines())) <= 80
    assert not re.search(r"[ \t]$", ended.out, re.MULTILINE)


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_nothing_is_lost_in_the_table(columns, keys_file):
    """
    Whatever the width, the columns hold all that is expected and found.
    """
    words = ["explain", "--jwks", keys_file, "--at", "2026-11-22T12:00:00Z"]
    steps = run(*words, "--json", stdin=token(now=1_795_348_800)).members["steps"]
    lines = run(*words, stdin=token(now=1_795_348_800), env={"COLUMNS": str(columns)}).out.partition("\n\n")[0]

    start, middle = lines.index("Expected"), lines.index("Found")
    expected = "".join("".join(line[start:middle].split()) for line in lines.splitlines())
    found = "".join("".join(line[middle:].split()) for line in lines.splitlines())
    assert [] == [step["expected"] for step in steps if "".join(step["expected"].split()) not in expected]
    shown = [step["found"] for step in steps if step["found"] != step["expected"]]
    assert [] == [text for text in shown if "".join(text.split()) not in found]


def test_private_keys_in_a_file_are_not_shown(write):
    """
    A key file may hold private keys: they are used, and nothing of them is shown.
    """
    entry = public_jwk(d="SECRETSECRETSECRET")

    ended = run("explain", "--jwks", write("keys.json", json.dumps(jwks(entry))), stdin=token())

    assert 0 == ended.code
    assert "SECRET" not in ended.out + ended.err
