"""`mindpeeker-guard revoke`."""

from __future__ import annotations

import pytest
from tests.state.rig import principal, ready
from tests.support.commands import runner
from tests.support.ports import free_port

from mindpeeker_guard.cli._main import cli


def run(url, prefix, *arguments):
    environ = {"MINDPEEKER_REDIS_URL": url, "MINDPEEKER_REDIS_PREFIX": prefix}
    return runner().invoke(cli, ["revoke", *arguments], env=environ)


@pytest.mark.parametrize(
    ("arguments", "caller"),
    [
        (["--token-id", "a"], {"token_id": "a"}),
        (["--token-id", "a", "--expires-at", "4100000000"], {"token_id": "a"}),
        (["--subject", "a", "--issued-before", "2100-01-01T00:00:00Z"], {"subject": "a"}),
        (["--client-id", "a", "--issued-before", "4100000000.5"], {"client_id": "a"}),
        (["--api-key", "a"], {"scheme": "ApiKey", "token_id": "a"}),
        (
            ["--issued-before", "2100-01-01T02:00:00+02:00", "--issuer", "https://a.example"],
            {"issuer": "https://a.example"},
        ),
        (["--issued-before", "now"], {"iat": 1}),
    ],
)
def test_what_it_revokes(make, calm, arguments, caller):
    """
    What the command revokes, the processes that share the Redis refuse, and nothing else.
    """
    state = make(calm)
    ready(state.revocations)

    done = run(calm.url, state._prefix, *arguments)

    assert (0, "") == (done.exit_code, done.stderr)
    late = make(calm)
    ready(late.revocations)
    assert late.revocations.is_revoked(principal(**caller))
    assert not late.revocations.is_revoked(principal(iat=4_200_000_000, token_id="other", subject="b", client_id="b"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Revoke one of"),
        (["--token-id", "a", "--subject", "b"], "Revoke one of"),
        (["--token-id", "a", "--issued-before", "now"], "for good"),
        (["--issued-before", "yesterday"], "ISO 8601"),
        (["--issued-before", "2026-01-01T00:00:00"], "ISO 8601"),
        (["--issued-before", "²"], "ISO 8601"),
        (["--expires-at", "9" * 40, "--token-id", "a"], "expires_at must be"),
        (["--redis-url", "redis://x"], "No such option"),
    ],
)
def test_a_command_line_that_is_wrong(make, calm, arguments, says):
    """
    What contradicts itself is said in a sentence, with code 2, and revokes nothing.
    """
    state = make(calm)

    done = run(calm.url, state._prefix, *arguments)

    assert 2 == done.exit_code
    assert says in done.stdout + done.stderr
    ready(state.revocations)
    assert 0 == state.revocations.health().entries


def test_without_a_redis():
    """
    Without a URL the command says which variable is missing, and with one that nobody answers on, that it must be
    repeated; never with the URL.
    """
    done = runner().invoke(cli, ["revoke", "--token-id", "a"], env={"MINDPEEKER_REDIS_URL": None})
    assert 5 == done.exit_code
    assert "MINDPEEKER_REDIS_URL is not set" in done.stdout + done.stderr

    done = run(f"redis://:hidden-5521@127.0.0.1:{free_port()}/0", "zoo", "--token-id", "a")
    assert 4 == done.exit_code
    assert "ConnectionError" in done.stdout + done.stderr
    assert "Repeat it" in done.stdout + done.stderr
    assert "hidden" not in done.stdout + done.stderr

    done = run("http://:hidden-5521@127.0.0.1", "zoo", "--token-id", "a")
    assert 5 == done.exit_code
    assert "hidden" not in done.stdout + done.stderr
