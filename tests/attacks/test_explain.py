"""The hostile corpus, explained: the check that fails is what the guard refuses for, and nothing of the token leaks."""

from __future__ import annotations

import re

import pytest
from tests.attacks.corpus import CORPUS
from tests.attacks.entries import Entry
from tests.attacks.test_corpus import secrets
from tests.contract.guards import guard

from mindpeeker_guard import AuthError, Request, requirement
from mindpeeker_guard._explain_steps import CHECKS
from mindpeeker_guard.explain import Explanation, explain

READ = requirement("remote-viewing:read")
ENTRIES = pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in CORPUS])


def refusal(name: str, entry: Entry) -> AuthError | None:
    """Return what the guard itself raises."""
    try:
        guard(name).check(Request("GET", "", [("Authorization", f"Bearer {entry.token}")]), READ)
    except AuthError as error:
        return error
    return None


def text(explanation: Explanation) -> str:
    """Return all that is shown of an explanation."""
    return "\n".join(part for step in explanation.steps for part in (step.name, step.expected, step.found))


@ENTRIES
@pytest.mark.parametrize("name", ["plain", "flow", "strict"])
def test_the_check_that_fails_is_the_one_that_the_guard_refuses_for(entry: Entry, name: str):
    """
    The first check that fails raises the guard's own error, and no check after it is reached.
    """
    explanation = explain(guard(name), entry.token, READ)

    error = refusal(name, entry)
    failed = explanation.failed
    assert type(error) is type(explanation.error) is type(failed.error if failed else None)
    assert (error and error.code) == (explanation.error and explanation.error.code)
    assert name == "strict" or entry.code == (error and error.code)
    assert [check.name for check in CHECKS if check.name != "sign-in"] == [step.name for step in explanation.steps]
    verdicts = [step.verdict for step in explanation.steps]
    good = verdicts.index("failed") if failed else len(verdicts)
    assert ["ok"] * good + ["failed"] * bool(failed) + ["not reached"] * (
        len(verdicts) - good - bool(failed)
    ) == verdicts


@ENTRIES
def test_an_explanation_holds_neither_the_token_nor_anything_that_a_terminal_obeys(entry: Entry):
    """
    What is shown is printable ASCII of modest length, without a segment of the token.
    """
    shown = text(explain(guard("plain"), entry.token, READ))

    assert re.fullmatch(r"[ -~\n]*", shown)
    assert [] == [secret for secret in secrets(entry.token) if len(secret) >= 40 and secret in shown]
    assert max(len(line) for line in shown.splitlines()) < 1200


def test_every_check_is_what_some_token_fails_on():
    """
    The corpus has a token for every check but the one that needs no token.
    """
    failed = {step.name for entry in CORPUS if (step := explain(guard("plain"), entry.token, READ).failed)}

    assert {check.name for check in CHECKS} - {"credential", "sign-in"} <= failed
