"""From an answer to what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mindpeeker_guard.testing._flaws import Flaw
from mindpeeker_guard.testing._gateways import Answer
from mindpeeker_guard.testing._probes import Expected, Probe

_STATUS: Final[Mapping[Expected, frozenset[int]]] = {
    Expected.ASKED: frozenset({401}),
    Expected.REFUSED: frozenset({401}),
    Expected.REJECTED: frozenset({400, 401}),
    Expected.FORBIDDEN: frozenset({403}),
    Expected.DENIED: frozenset({400, 401, 403}),
}
_REFUSALS: Final = frozenset({400, 401, 403, 429})
_CRASH, _UNAVAILABLE = 500, 503
_PART: Final = 16  # characters: a shorter part of a token may stand in an answer by chance
_NAMED: Final = frozenset({Expected.REFUSED, Expected.FORBIDDEN})  # the answer must say what is wrong
_ERROR: Final = {401: 'error="invalid_token"', 403: 'error="insufficient_scope"'}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes:
        flaw: Of which kind it is.
        sentence: What happened.
        error: What the application raised.
    """

    flaw: Flaw
    sentence: str
    error: BaseException | None = None


class Judge:
    """Judges the answers of one route.

    Args:
        served: What the view answers to a caller whom it serves.
        problem: Whether refusals must be problem details (RFC 9457).
    """

    def __init__(self, served: Answer, *, problem: bool) -> None:
        self._served = served
        self._problem = problem

    def findings(self, probe: Probe, answer: Answer) -> Iterator[Finding]:
        """Yield what is wrong with an answer."""
        if probe.secret and _repeats(answer, probe.secret):
            yield Finding(Flaw.ECHO, f"The answer to {_lower(probe.what)} repeats it ({answer.status}).")
        if answer.status >= _CRASH:
            yield _failed(probe, answer)
        elif probe.expected is Expected.ADMITTED:
            yield from self._admitted(probe, answer)
        elif probe.expected is Expected.UNSERVED:
            yield from self._unserved(probe, answer)
        else:
            yield from self._refused(probe, answer)

    def _admitted(self, probe: Probe, answer: Answer) -> Iterator[Finding]:
        if answer.status in _REFUSALS and (answer.status != 400 or _challenge(answer)):  # noqa: PLR2004 - may be the view's
            flaw = probe.flaw
            if answer.status == 403 and flaw is Flaw.GOOD_REFUSED:  # noqa: PLR2004
                flaw = Flaw.GOOD_FORBIDDEN
            yield Finding(flaw, f"{probe.what} was refused ({answer.status}{_said(answer)}).")

    def _unserved(self, probe: Probe, answer: Answer) -> Iterator[Finding]:
        if answer.status >= 400 or self._is_elsewhere(answer):  # noqa: PLR2004 - refused, or not served at all
            return
        if probe.method == "HEAD" or self._is_of_the_view(answer):
            yield Finding(probe.flaw, f"{probe.what} was let in ({answer.status}).")

    def _is_of_the_view(self, answer: Answer) -> bool:
        """Tell whether an answer to OPTIONS comes from the view: frameworks answer without a body."""
        same_type = answer.headers.get("content-type") == self._served.headers.get("content-type")
        return bool(answer.body) and bool(self._served.body) and same_type

    def _refused(self, probe: Probe, answer: Answer) -> Iterator[Finding]:
        elsewhere = self._is_elsewhere(answer)
        if answer.status not in _REFUSALS and not elsewhere:
            yield Finding(probe.flaw, f"{probe.what} was let in ({answer.status}).")
            return
        if answer.status not in _STATUS[probe.expected]:
            yield Finding(Flaw.STATUS, f"{probe.what} got {answer.status}: it must be {probe.expected.value}.")
        if not elsewhere:
            yield from self._dressed(probe, answer)

    def _is_elsewhere(self, answer: Answer) -> bool:
        """Tell whether a caller was turned away without being refused: sent to a sign-in page, or told of no route."""
        turned = 300 <= answer.status < 400 or answer.status in {404, 405}  # noqa: PLR2004 - redirects, no route
        return turned and answer.status != self._served.status

    def _dressed(self, probe: Probe, answer: Answer) -> Iterator[Finding]:
        challenge = _challenge(answer)
        wanted = _ERROR.get(answer.status, "") if probe.expected in _NAMED else ""
        if answer.status in {401, 403} and (
            not re.search(r"\bBearer\b", challenge, re.IGNORECASE) or wanted not in challenge
        ):
            due = f"Bearer with {wanted}" if wanted else "Bearer"
            said = f"says {challenge!r}" if challenge else "is missing"
            yield Finding(Flaw.CHALLENGE, f"{probe.what}: WWW-Authenticate {said}; it must be {due}.")
        if "no-store" not in answer.headers.get("cache-control", ""):
            yield Finding(Flaw.CACHE, f"{probe.what}: the answer ({answer.status}) lacks Cache-Control: no-store.")
        if self._problem and not _is_problem(answer):
            kind = answer.headers.get("content-type", "no type at all")
            yield Finding(
                Flaw.PROBLEM, f"{probe.what}: the body ({kind}) is no application/problem+json of its status."
            )


def _failed(probe: Probe, answer: Answer) -> Finding:
    if answer.status == _UNAVAILABLE:
        return Finding(Flaw.UNAVAILABLE, f"{probe.what} got 503.")
    raised = f": the application raised {type(answer.error).__name__}" if answer.error else ""
    return Finding(Flaw.CRASH, f"{probe.what} caused an error ({answer.status}){raised}.", answer.error)


def _challenge(answer: Answer) -> str:
    return answer.headers.get("www-authenticate", "")


def _said(answer: Answer) -> str:
    """Return what a challenge says of error and needed scopes, in short."""
    told = dict(re.findall(r'\b(error|scope)="([^"]*)"', _challenge(answer)))
    needs = f", it asks for {told['scope']}" if told.get("scope") else ""
    return f", {told['error']}{needs}" if told.get("error") else ""


def _is_problem(answer: Answer) -> bool:
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return False
    try:
        members: Any = json.loads(answer.body)
    except ValueError:
        return False
    return isinstance(members, dict) and members.get("status") == answer.status


def _repeats(answer: Answer, secret: str) -> bool:
    """Tell whether an answer holds the credential, or its claims or signature."""
    text = answer.body.decode("latin-1") + "\n".join(answer.headers.values())
    return any(part in text for part in (secret, *secret.split(".")[1:]) if len(part) >= _PART)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
