"""`inspect`: what a token says, however it was copied, and never as if it were verified."""

from __future__ import annotations

import json
import re

import pytest
from tests.cli.conftest import process, run
from tests.support.tokens import b64, token

from mindpeeker_guard.api_keys._format import make_key

AT = "2023-11-14T22:13:20Z"
NOW = 1_700_000_000


def good(**changes):
    return token(now=NOW, **changes)


def test_a_token_is_decoded_and_marked_unverified():
    """
    Header and claims are shown with times in words, under a line that says that nothing was verified.
    """
    ended = run("inspect", "--at", AT, stdin=good(exp=NOW - 180, nbf=NOW + 60))

    assert 0 == ended.code
    assert ended.out.startswith("UNVERIFIED")
    assert "2023-11-14 22:10:20 UTC, expired 3 minutes" in ended.out
    assert "not good before in 60 seconds" in re.sub(r"\s+", " ", ended.out)
    assert '"https://auth.mindpeeker.com"' in ended.out


def test_the_signature_is_not_shown():
    """
    Nothing of the signature is shown, as text or as JSON.
    """
    signature = good().rpartition(".")[2]

    for words in ([], ["--json"]):
        ended = run("inspect", *words, stdin=good())
        assert "256" in ended.out
        assert signature[:16] not in ended.out + ended.err


def test_the_json_form():
    """
    The JSON form has the parts, the times in words, and says that they are not verified.
    """
    told = run("inspect", "--json", "--at", str(NOW), stdin=good()).members

    assert (False, "RS256", "user-1", 256, None) == (
        told["verified"],
        told["header"]["alg"],
        told["claims"]["sub"],
        told["signature_bytes"],
        told["objection"],
    )
    assert "2023-11-14 23:13:20 UTC, expires in 60 minutes" == told["in_words"]["exp"]


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "  {}\r\n",
        '"{}"',
        "'{}'",
        "`{}`",
        "Bearer {}",
        "bearer   {}",
        "Authorization: Bearer {}",
        '"Authorization: Bearer {}"',
        "Bearer '{}'",
        '{{"access_token": "{}", "token_type": "Bearer"}}',
        "\ufeff{}",
    ],
)
def test_tokens_are_taken_as_they_are_copied(form):
    """
    Blanks, quotes, the scheme and a token response around the token are taken off.
    """
    ended = run("inspect", "--json", stdin=form.format(good()))

    assert (0, "user-1") == (ended.code, ended.members["claims"]["sub"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_files_of_other_shells_are_read(encoding, write):
    """
    A file with the byte order mark that shells on Windows write is read.
    """
    ended = run("inspect", "--json", write("token.txt", good().encode(encoding)))

    assert "user-1" == ended.members["claims"]["sub"]


def test_a_token_from_a_variable():
    """
    `--token-env` names the variable that has the token.
    """
    ended = run("inspect", "--json", "--token-env", "MY_TOKEN", env={"MY_TOKEN": good()})

    assert "user-1" == ended.members["claims"]["sub"]


def test_what_was_taken_off_is_said_on_standard_error():
    """
    Quotes around a token are a usual mistake, so that it had some is said.
    """
    ended = run("inspect", stdin=f'"{good()}"')

    assert "Took the quotes around the token off.\n" == ended.err


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ("", "token_missing", "empty"),
        ("  \n", "token_missing", "empty"),
        ("hello", "token_opaque", "opaque"),
        (make_key("live").text, "api_key", "API key"),
        ("a.b", "token_malformed", "2 segments"),
        (f"{b64('{}')}.....", "token_malformed", "6 segments"),
        ("a.b.c.d.e", "token_encrypted", "JWE"),
        ("not.a.token", "token_malformed", "no JWT"),
        ("two words", "token_malformed", "characters"),
        (f"{b64('[]')}.{b64('{}')}.AA", "token_malformed", "not a JSON object"),
        ('{"access_token": 1}', "input_invalid", "no access_token"),
        ('{"error": "invalid_client"}', "token_missing", "error of a token endpoint"),
        ('{"access_token"', "input_invalid", "begins like JSON"),
        ("{" * 60_000, "input_invalid", "begins like JSON"),
        (b"\xff\xfe\x00\xd8", "input_invalid", "not text"),
        (bytes(range(256)) * 16, "input_invalid", "not text"),
        (b"\x00" * 100, "token_malformed", "characters"),
        ("a" * (64 * 1024 + 1), "input_invalid", "more than 65536 bytes"),
    ],
    ids=lambda value: None if isinstance(value, str) and len(value) < 30 else "given",
)
def test_what_is_no_token(given, code, words):
    """
    What is no signed JWT gets one sentence with the cause, and exit code 3; the JSON form has a code.
    """
    ended = run("inspect", stdin=given)
    told = run("inspect", "--json", stdin=given)

    assert (3, 3, "", "") == (ended.code, told.code, ended.out, told.out)
    assert ended.err.startswith("Error: ")
    assert words in ended.err
    assert (code, 3) == (told.error["code"], told.error["exit_code"])
    assert len(ended.err) < 600


def test_a_token_that_a_guard_refuses_for_its_form_is_decoded():
    """
    An unsigned token, or one with an extension, is shown, with what a guard has against its form.
    """
    unsigned = ".".join((b64('{"alg": "none"}'), b64('{"sub": "x"}'), ""))
    ended = run("inspect", stdin=unsigned)
    extension = run("inspect", "--json", stdin=good(header={"crit": ["b64"], "b64": True}))

    assert (0, True) == (ended.code, "A guard refuses it for its form" in ended.out)
    assert "crit" in extension.members["objection"]


HOSTILE = "\x1b]0;owned\x07\x1b[31m[bold red]x[/bold red]\x9b1m\u202e:smile:\r\n\x7f\x00"


def test_a_hostile_token_controls_neither_terminal_nor_markup():
    """
    Escape sequences, control characters, markup and emoji names in names and values come out as plain text.
    """
    hostile = good(header={HOSTILE: HOSTILE, "kid": HOSTILE}, **{HOSTILE: HOSTILE, "list": [HOSTILE]})

    for words in ([], ["--json"]):
        ended = run("inspect", *words, stdin=hostile, env={"FORCE_COLOR": "1"} if not words else None)
        text = re.sub(r"\x1b\[[0-9;]*m", "", ended.out) if not words else ended.out
        assert 0 == ended.code
        assert re.fullmatch(r"[ -~\n]*", text)
        assert "[boldred]x[/boldred]" in re.sub(r"\s", "", text)
        assert "\x1b[31m" not in ended.out
        assert ":smile:" in re.sub(r"\s", "", text)


def test_ten_megabytes_are_not_read():
    """
    Of an endless input no more is read than is needed to see that it is none.
    """
    done = process("inspect", stdin=b"a" * 10_000_000)

    assert 3 == done.returncode
    assert b"more than 65536 bytes" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_process_decodes_in_ascii():
    """
    Where the terminal knows ASCII only, what is shown is ASCII, and nothing breaks.
    """
    done = process("inspect", stdin=good(sub="Zoë").encode(), env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})

    assert (0, b"") == (done.returncode, done.stderr)
    assert b"Zo\\u00eb" in done.stdout


def test_lines_fit_into_80_columns():
    """
    No line is longer than 80 columns, however long a value is.
    """
    ended = run("inspect", stdin=good(sub="x" * 300, **{"n" * 300: 1}))

    assert max(map(len, ended.out.splitlines())) <= 80


def test_a_claim_that_should_be_a_time():
    """
    A time in milliseconds, or in quotes, is no time.
    """
    told = run("inspect", "--json", stdin=good(exp=NOW * 10**6, iat="now")).members["in_words"]

    assert {"no time in seconds since the epoch"} == set(told.values())


def test_the_json_form_is_one_object():
    """
    What is printed with `--json` can be parsed, whatever the token holds.
    """
    assert HOSTILE == json.loads(run("inspect", "--json", stdin=good(sub=HOSTILE)).out)["claims"]["sub"]
