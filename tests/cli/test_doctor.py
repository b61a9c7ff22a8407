"""`doctor`: each problem is found, told in one line, and comes with one line of advice."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from email.utils import format_datetime

import pytest
from tests.cli.conftest import PROGRAM, bare_environment, run
from tests.support.server import Reply
from tests.support.tokens import jwks, public_jwk, token

from mindpeeker_guard.cli._doctor_local import check_jwt_module


def findings(*words, code=0, env=None, stdin=b""):
    ended = run("doctor", "--json", *words, env=env, stdin=stdin)
    assert code == ended.code, ended
    told = ended.members
    assert told["healthy"] == (code == 0)
    assert all(finding["advice"] for finding in told["findings"] if finding["level"] in {"warning", "problem"})
    return {finding["name"]: finding for finding in told["findings"]}


def levels(found):
    return {name: finding["level"] for name, finding in found.items()}


def date(seconds=0):
    return {"Date": format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True)}


def test_a_healthy_set_up(issuer):
    """
    With a good issuer everything is ok, or not there to be looked at, and the exit code is 0.
    """
    found = findings("--issuer", issuer.issuer)

    assert {"ok", "skipped"} == set(levels(found).values())
    assert "1 usable: RS256 (2048 bits)" == found["keys"]["text"]
    assert issuer.jwks_uri in found["discovery"]["text"]


def test_the_table(issuer):
    """
    The table has a line for each finding, within 80 columns, and counts what is wrong.
    """
    ended = run("doctor", "--issuer", issuer.issuer)

    assert 0 == ended.code
    assert "0 problems, 0 warnings." in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_offline_asks_nobody(server):
    """
    With `--offline` no request is sent.
    """
    found = findings("--offline", "--issuer", server.url(""))

    assert "skipped" == found["issuer"]["level"]
    assert 0 == server.count()


def test_a_misspelt_variable_is_a_problem():
    """
    A variable that is nearly a setting stops a guard: it is named with the nearest one, once.
    """
    ended = run("doctor", "--offline", "--json", env={"MINDPEEKER_AUDIENC": "x"})

    told = [finding for finding in ended.members["findings"] if finding["level"] == "problem"]
    assert 1 == ended.code
    assert ["Unknown setting MINDPEEKER_AUDIENC. Did you mean MINDPEEKER_AUDIENCE?"] == [one["text"] for one in told]


def test_an_unknown_variable_is_a_warning():
    """
    A variable that is nothing of the guard's nor of the platform's is noted; clients' own are not.
    """
    known = {"MINDPEEKER_CLIENT_ID": "a", "MINDPEEKER_CLIENT_SECRET": "hunter2", "MINDPEEKER_API_KEY": "hunter2"}

    ended = run("doctor", "--offline", "--json", env={"MINDPEEKER_COLOUR": "x", **known})

    told = [finding["text"] for finding in ended.members["findings"] if finding["level"] == "warning"]
    assert (0, ["MINDPEEKER_COLOUR is no setting of the guard"]) == (ended.code, told)
    assert "hunter2" not in ended.out


@pytest.mark.parametrize(
    ("env", "text"),
    [
        ({"MINDPEEKER_LEEWAY": "many"}, "MINDPEEKER_LEEWAY must be a number"),
        ({"MINDPEEKER_ISSUER": "http://auth.example.com"}, "https URL"),
        ({"MINDPEEKER_ALGORITHMS": "HS256"}, "algorithms must be some of"),
    ],
)
def test_a_wrong_setting_is_a_problem(env, text):
    """
    A setting that no guard can be made with is a problem.
    """
    assert text in findings("--offline", env=env, code=1)["guard"]["text"]


def test_settings_that_are_rarely_meant():
    """
    A slash at the issuer's end and a long leeway are warnings.
    """
    found = findings("--offline", env={"MINDPEEKER_ISSUER": "https://auth.example.com/", "MINDPEEKER_LEEWAY": "300"})

    assert "warning" == found["issuer name"]["level"] == found["leeway"]["level"]


def test_proxies_are_told_without_passwords():
    """
    Proxies in the environment are named, their passwords are not.
    """
    env = {"HTTPS_PROXY": "http://me:hunter2@proxy.example:3128", "no_proxy": "localhost", "ALL_PROXY": "x@[bad"}

    found = findings("--offline", env=env)

    assert "HTTPS_PROXY=http://...@proxy.example:3128" in found["proxies"]["text"]
    assert "hunter2" not in json.dumps(found)


def test_other_certificate_stores_are_told():
    """
    SSL_CERT_FILE changes whom the guard trusts.
    """
    assert "SSL_CERT_FILE" in findings("--offline", env={"SSL_CERT_FILE": "/nowhere"})["trusted CAs"]["text"]


@pytest.mark.parametrize("owners", [["PyJWT", "jwt"], ["jwt"], ["python-jwt", "PyJWT"]])
def test_another_package_named_jwt_is_a_problem(owners):
    """
    Another distribution with files in the package `jwt` is named, with the way out.
    """
    finding = check_jwt_module(owners)

    assert "problem" == finding.level
    assert "pip uninstall" in finding.advice
    assert "ok" == check_jwt_module(["PyJWT"]).level


def test_another_module_named_jwt_is_told_at_once(tmp_path):
    """
    Where another package has taken PyJWT's place, importing the package fails with what to do.
    """
    (tmp_path / "jwt").mkdir()
    (tmp_path / "jwt" / "__init__.py").write_text("class JWT: ...\n", encoding="utf-8")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {PROGRAM}"

    done = subprocess.run(
        [sys.executable, "-c", program, "doctor"], env=bare_environment(), capture_output=True, text=True, check=False
    )

    assert 1 == done.returncode
    assert "pip uninstall jwt python-jwt" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(b"<html>"), "JSON"),
        (Reply(status=500), "HTTP status 500"),
        (Reply({"issuer": "https://other.example", "jwks_uri": "https://other.example/jwks"}), "https://other.example"),
        (Reply(status=302), "HTTP status 302"),
    ],
)
def test_metadata_that_are_none(reply, text, server):
    """
    Metadata that cannot be used are a problem; another issuer's name is shown.
    """
    server.answer(reply, path="/.well-known/oauth-authorization-server")
    server.answer(reply, path="/.well-known/openid-configuration")

    finding = findings("--issuer", server.url(""), code=1)["discovery"]

    assert "problem" == finding["level"]
    assert text in finding["text"]


def test_an_issuer_that_is_not_there():
    """
    An issuer that cannot be reached is a problem, and the rest is not asked for.
    """
    found = findings("--issuer", "http://127.0.0.1:1", code=1)

    assert "ConnectError" in found["discovery"]["text"]
    assert "keys" not in found


def test_an_environment_that_no_client_can_be_made_with():
    """
    Where no HTTP client can be made, that is the problem, and there is no traceback.
    """
    found = findings("--issuer", "https://127.0.0.1:1", env={"SSL_CERT_FILE": "/nowhere/ca.pem"}, code=1)

    assert "problem" == found["HTTP client"]["level"]


def test_a_slash_too_many_is_told(issuer):
    """
    Where the issuer calls itself otherwise, its own name is shown.
    """
    found = findings("--issuer", f"{issuer.issuer}/", code=1)

    assert f'It calls itself "{issuer.issuer}"' in found["discovery"]["text"]
    assert "to the letter" in found["discovery"]["advice"]


@pytest.mark.parametrize(
    ("document", "name", "level", "text"),
    [
        (jwks(public_jwk(bits=1024)), "keys", "problem", "RSA key of an unacceptable size"),
        ({"keys": []}, "keys", "problem", "no usable key"),
        ({"error": 1}, "keys", "problem", "no list of keys"),
        (b"<html>", "keys", "problem", "JSON"),
        (jwks(public_jwk(), public_jwk("bad", d="AAAA")), "key safety", "problem", "private key published"),
        (jwks(public_jwk(), public_jwk("weak", bits=1024)), "key fitness", "warning", '"weak"'),
        (jwks(public_jwk(), public_jwk(kid=None)), "key ids", "warning", "no kid"),
        (jwks(public_jwk("e", "ES256")), "keys", "ok", "ES256 (256 bits)"),
        (jwks(public_jwk("d", "EdDSA")), "keys", "ok", "EdDSA"),
    ],
)
def test_keys_are_judged(document, name, level, text, server):
    """
    Keys that no guard can use, and keys that are a danger, are found.
    """
    server.answer(Reply(document))

    found = findings("--jwks-uri", server.url(), "--issuer", server.url(""), code=int(level == "problem"))

    assert level == found[name]["level"]
    assert text in found[name]["text"]
    assert "skipped" == found["discovery"]["level"]


def test_keys_for_other_algorithms_only(server):
    """
    Keys that the accepted algorithms leave out are of no use.
    """
    server.answer(Reply(jwks()))

    found = findings("--jwks-uri", server.url(), "--issuer", server.url(""), "--algorithm", "ES256", code=1)

    assert "none is for an algorithm" in found["keys"]["text"]


@pytest.mark.parametrize(
    ("offset", "level"), [(0, "ok"), (20, "warning"), (-20, "warning"), (300, "problem"), (None, "skipped")]
)
def test_the_clock_is_compared(offset, level, server):
    """
    The issuer's clock is told from its Date; further off than the leeway is a problem.
    """
    server.answer(Reply(jwks(), headers={} if offset is None else date(offset)))

    words = ["--jwks-uri", server.url(), "--issuer", server.url("")]
    found = findings(*words, code=int(level == "problem"))

    assert level == found["clock"]["level"]


def test_a_token_is_explained(issuer, write):
    """
    With `--token` the doctor explains a token, too.
    """
    good, bad = issuer.issue(), issuer.issue(aud="https://api.example.com")
    words = ["--issuer", issuer.issuer]

    assert "ok" == findings(*words, "--token", write("token", good))["token"]["level"]
    found = findings(*words, "--token", "-", stdin=bad, code=1)["token"]
    assert "audience_mismatch" in found["text"]
    assert "problem" == findings(*words, "--token-env", "NO_SUCH_VARIABLE", code=1)["token"]["level"]


def test_a_token_that_nobody_can_judge(server, write):
    """
    Without keys the token is no problem of its own.
    """
    server.answer(Reply(status=500))
    words = ["--jwks-uri", server.url(), "--issuer", server.url("")]

    found = findings(*words, "--token", write("token", token(iss=server.url(""))), code=1)

    assert "warning" == found["token"]["level"]
