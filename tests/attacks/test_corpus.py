"""The hostile corpus: through the guard, and through every carrier."""

from __future__ import annotations

import logging

import pytest
from tests.attacks.corpus import CORPUS
from tests.attacks.entries import Entry
from tests.attacks.inspection import logged, secrets, seen, verdict
from tests.contract.clients import CARRIERS, client, reference
from tests.contract.clients.gateways import run
from tests.contract.expected import COMPARED, SENTENCES
from tests.contract.guards import guard
from tests.contract.resources import runs

from mindpeeker_guard import Request, requirement

READ = requirement("remote-viewing:read")
ENTRIES = pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in CORPUS])
# What a server can hand over: header values are bytes (RFC 9110 section 5.5).
CARRIABLE = [entry for entry in CORPUS if max(map(ord, entry.token)) < 256]


def test_the_corpus_can_fail():
    """
    There are more than 150 entries, each with a name of its own, and some of them are accepted.
    """
    accepted = [entry for entry in CORPUS if entry.code is None]

    assert len(CORPUS) == len({entry.name for entry in CORPUS})
    assert len(CORPUS) >= 150
    assert len(CARRIABLE) >= 150
    assert len(accepted) >= 20
    assert {entry.code for entry in CORPUS} - {None} <= SENTENCES.keys()


@ENTRIES
@pytest.mark.parametrize("name", ["plain", "flow"])
def test_the_guard_refuses_for_the_right_reason(entry: Entry, name: str):
    """
    Each hostile token causes the one error that says what is wrong with it: blocking and awaited, at first and again.
    """
    decider = guard(name)
    request = Request("GET", "http://testserver/read", [("Authorization", f"Bearer {entry.token}")])

    assert entry.code == verdict(lambda: decider.check(request, READ))
    assert entry.code == verdict(lambda: decider.check(request, READ))
    assert entry.code == verdict(lambda: run(decider.acheck(request, READ)))


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in CARRIABLE])
def test_every_carrier_answers_like_the_guard_and_tells_nothing(entry: Entry, caplog):
    """
    A hostile token gets the same bytes everywhere, runs no view, and leaves no trace of itself in answers and logs.
    """
    caplog.set_level(logging.DEBUG)
    headers = [("Authorization", f"Bearer {entry.token}")]
    wanted = reference().send("GET", "/read", headers)
    problems = {}

    for name in CARRIERS:
        runs.clear()
        answer = client(name).send("GET", "/read", headers)
        same = (answer.status, answer.body) == (wanted.status, wanted.body) and all(
            answer.headers.get(header) == wanted.headers.get(header) for header in COMPARED
        )
        leak = answer.status != 200 and any(secret in seen(answer) for secret in secrets(entry.token))
        if not same or leak or len(runs) != (entry.code is None):
            problems[name] = (answer.status, len(runs), leak)

    assert {} == problems
    assert wanted.status in ({200} if entry.code is None else {400, 401, 403})
    assert [] == [secret for secret in secrets(entry.token) if secret in logged(caplog)]
    assert "attacker" not in logged(caplog)
