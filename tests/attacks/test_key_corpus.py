"""The hostile corpus of API keys: through the guard, and through every carrier."""

from __future__ import annotations

import logging
import re

import pytest
from tests.attacks.corpus_api_keys import ENTRIES as CORPUS
from tests.attacks.entries import Entry
from tests.attacks.inspection import logged, seen
from tests.contract.clients import CARRIERS, client, reference
from tests.contract.clients.gateways import run
from tests.contract.expected import COMPARED, SENTENCES
from tests.contract.guards import guard
from tests.contract.resources import runs

from mindpeeker_guard import AnswerError, Request

ENTRIES = pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in CORPUS])
# What a server can hand over: header values are bytes (RFC 9110 section 5.5).
CARRIABLE = [entry for entry in CORPUS if all(ord(letter) < 256 for letter in entry.token)]


def verdict(decide) -> str | None:
    """Return the code of the refusal; None for none. Any other exception is a bug."""
    try:
        decide()
    except AnswerError as error:
        return error.code
    return None


def secrets(key: str) -> list[str]:
    """Return the parts of a key that no log may show: all that is longer than an id."""
    return [part for part in re.split(r"[\s,_.]", key) if len(part) > 16]


def test_the_corpus_can_fail():
    """
    There are more than eighty entries, each with a name of its own, and some of them are accepted.
    """
    assert len(CORPUS) == len({entry.name for entry in CORPUS}) >= 80
    assert len(CARRIABLE) >= 75
    assert 6 == len([entry for entry in CORPUS if entry.code is None])
    assert {entry.code for entry in CORPUS} - {None} <= SENTENCES.keys()


@ENTRIES
@pytest.mark.parametrize("name", ["keys", "keys-cold", "keys-only"])
def test_the_guard_refuses_for_the_right_reason(entry: Entry, name: str):
    """
    Each hostile key causes the one error that may be told: blocking and awaited, at first and again.
    """
    decider = guard(name)
    request = Request("GET", "http://testserver/principal", [("X-API-Key", entry.token)])

    assert entry.code == verdict(lambda: decider.check(request))
    assert entry.code == verdict(lambda: decider.check(request))
    assert entry.code == verdict(lambda: run(decider.acheck(request)))


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in CARRIABLE])
def test_every_carrier_answers_like_the_guard_and_tells_nothing(entry: Entry, caplog):
    """
    A hostile key gets the same bytes everywhere, runs no view, and leaves no trace of itself in answers and logs.
    """
    caplog.set_level(logging.DEBUG)
    headers = [("X-API-Key", entry.token)]
    wanted = reference("keys").send("GET", "/principal", headers)
    problems = {}

    for name in CARRIERS:
        runs.clear()
        answer = client(name, "keys").send("GET", "/principal", headers)
        same = (answer.status, answer.body) == (wanted.status, wanted.body) and all(
            answer.headers.get(header) == wanted.headers.get(header) for header in COMPARED
        )
        leak = answer.status != 200 and any(secret in seen(answer) for secret in secrets(entry.token))
        if not same or leak or len(runs) != (entry.code is None):
            problems[name] = (answer.status, len(runs), leak)

    assert {} == problems
    assert wanted.status in ({200} if entry.code is None else {400, 401, 503})
    assert [] == [secret for secret in secrets(entry.token) if secret in logged(caplog)]


def test_all_wrong_keys_look_the_same():
    """
    Unknown id, wrong secret, other environment, wrong checksum: one answer, to the byte, so that nothing can be learnt.
    """
    wrong = [entry for entry in CARRIABLE if entry.code == "api_key_invalid"]

    answers = {
        (answer.status, answer.body, tuple(sorted(answer.headers.items())))
        for answer in (reference("keys").send("GET", "/principal", [("X-API-Key", entry.token)]) for entry in wrong)
    }

    assert 1 == len(answers)
    assert len(wrong) > 60
