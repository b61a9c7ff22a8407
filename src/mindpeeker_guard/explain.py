"""Why a token is accepted or refused: every check of the guard in order, with what was expected and what was found.

The verdict is the guard's own. The steps run the same functions as the guard does, one by one, for people to read:
nothing here decides about a request. What a step shows is escaped and cut, and never holds the token or its signature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from mindpeeker_guard._explain_case import Case
from mindpeeker_guard._explain_steps import CHECKS, Check
from mindpeeker_guard._guard import Guard
from mindpeeker_guard._requests import Request
from mindpeeker_guard._types import Principal, Requirement
from mindpeeker_guard.authenticators.jwt_bearer import JWTBearer
from mindpeeker_guard.errors import AnswerError, ConfigurationError

__all__ = ["Explanation", "Step", "explain"]

Verdict = Literal["ok", "failed", "not reached"]
_ANY: Final = Requirement()
_TRIES: Final = 2  # between the guard's look and ours a token may end, or a key be withdrawn


class Step(NamedTuple):
    """One check.

    Attributes:
        name: A stable short name: ``issuer``.
        rule: Where the rule stands: ``RFC 7519 section 4.1.1``.
        expected: What the guard demands.
        found: What the token has; empty where the check was not reached.
        verdict: ``ok``, ``failed`` or ``not reached``.
        error: What the check raised, if it failed.
    """

    name: str
    rule: str
    expected: str
    found: str
    verdict: Verdict
    error: AnswerError | None = None


class Explanation(NamedTuple):
    """All checks of one token, and the guard's verdict.

    Attributes:
        steps: The checks, in the guard's order; at most one failed.
        error: Why the guard refuses, or cannot tell; None where it accepts.
        principal: Who calls, where the guard accepts.
    """

    steps: tuple[Step, ...]
    error: AnswerError | None
    principal: Principal | None

    @property
    def failed(self) -> Step | None:
        """The check that failed; None where all are good."""
        return next((step for step in self.steps if step.verdict == "failed"), None)


def explain(guard: Guard, token: str, requirement: Requirement = _ANY) -> Explanation:
    """Check `token` as `guard` does, and tell what each check expected and found.

    Keys are fetched where the guard would fetch them, and the guard tells of its decision as of any other. The token
    may be anything: it is never echoed.

    Args:
        guard: The guard; one of its authenticators is a `JWTBearer`.
        token: What follows ``Bearer`` in the header.
        requirement: What the route asks for.

    Raises:
        ConfigurationError: The guard has no `JWTBearer`.
    """
    bearer = next((one for one in guard.authenticators if isinstance(one, JWTBearer)), None)
    if bearer is None:
        raise ConfigurationError("Only a guard with a JWTBearer can explain a token.")
    request = Request("GET", "", [("Authorization", f"{bearer.scheme} {token}")])
    for _ in range(_TRIES):
        error, principal = _verdict(guard, request, requirement)
        steps = _steps(Case(guard, bearer, request, requirement))
        failed = next((step.error for step in steps if step.verdict == "failed"), None)
        if type(failed) is type(error):
            return Explanation(steps, error, principal)
    return Explanation(_overruled(steps, error), error, principal)


def _verdict(guard: Guard, request: Request, requirement: Requirement) -> tuple[AnswerError | None, Principal | None]:
    try:
        return None, guard.check(request, requirement)
    except AnswerError as error:
        return error, None


def _steps(case: Case) -> tuple[Step, ...]:
    steps: list[Step] = []
    reached = True
    for check in CHECKS:
        if check.applies(case):
            step = _step(check, case) if reached else _unreached(check, case)
            reached = reached and step.verdict == "ok"
            steps.append(step)
    return tuple(steps)


def _step(check: Check, case: Case) -> Step:
    error = _error(check.run, case)
    verdict: Verdict = "ok" if error is None else "failed"
    return Step(check.name, check.rule, check.expected(case), check.found(case, error), verdict, error)


def _unreached(check: Check, case: Case) -> Step:
    return Step(check.name, check.rule, check.expected(case), "", "not reached")


def _error(run: Callable[[Case], None], case: Case) -> AnswerError | None:
    try:
        run(case)
    except AnswerError as error:
        return error
    return None


def _overruled(steps: tuple[Step, ...], error: AnswerError | None) -> tuple[Step, ...]:
    """Put the guard's verdict in place of that of the steps: it is the truth."""
    doubtful = tuple(s._replace(verdict="not reached", error=None) if s.verdict == "failed" else s for s in steps)
    if error is None:
        return (*doubtful, Step("guard", "", "no objection", "no objection", "ok"))
    return (*doubtful, Step("guard", "", "no objection", error.code, "failed", error))
