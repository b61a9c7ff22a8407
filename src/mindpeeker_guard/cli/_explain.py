"""``explain``: every check of a token, as the guard makes them."""

from __future__ import annotations

from typing import Any, Final

import click
from rich.text import Text

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._scopes import all_of, any_of
from mindpeeker_guard._shown import plain
from mindpeeker_guard._types import Requirement
from mindpeeker_guard.cli._command import console, json_option, note, print_json, show, table, verdict, working
from mindpeeker_guard.cli._exits import GOOD, NETWORK, NO
from mindpeeker_guard.cli._input import read_token, token_options
from mindpeeker_guard.cli._options import at_option, guard_options, make_guard
from mindpeeker_guard.errors import AnswerError, ConfigurationError, UnavailableError
from mindpeeker_guard.explain import Explanation, Step, explain

ADVICE: Final = {
    "token_revoked": "Sign in again: this token, or all from before a time, were revoked.",
    "credentials_missing": "Send the token as 'Authorization: Bearer ...'.",
    "scheme_not_accepted": "Send a credential of a kind that the route accepts.",
    "request_invalid": "Send one token and nothing else, without blanks, quotes or line breaks in it.",
    "token_malformed": "Send the access token as it was issued: was it cut, or is it another kind of token?",
    "algorithm_not_allowed": "Have the issuer sign with an algorithm that the guard accepts, under a key made for it.",
    "token_type_wrong": "Send the access token; an ID token, refresh token or logout token is something else.",
    "issuer_mismatch": "Compare the two, to the letter: a slash at the end counts. MINDPEEKER_ISSUER sets it.",
    "audience_mismatch": "Ask for a token for this API, or set MINDPEEKER_AUDIENCE to what the token names.",
    "token_expired": "Get a new token; if it is new, compare the clocks: mindpeeker-guard doctor.",
    "token_immature": "Compare the clocks of the issuer and of this machine: mindpeeker-guard doctor.",
    "claim_missing": "Have the issuer put the claim into its access tokens.",
    "claim_invalid": "Have the issuer write the claim as its definition says: times are numbers, names are strings.",
    "key_unknown": "Is it a token of this issuer, and of this environment? mindpeeker-guard jwks shows its keys.",
    "signature_invalid": "Was the token changed, or signed with another key of the same name?",
    "sender_constrained": "This token is bound to a key (DPoP, mutual TLS): it cannot be sent as a bearer token.",
    "scope_insufficient": "Ask for a token with the scope; mindpeeker-guard scopes shows what implies it.",
    "step_up_required": "The user must sign in again, or more strongly.",
    "keys_unavailable": "The issuer's keys cannot be had: mindpeeker-guard doctor looks for the reason.",
}
"""What to do, by the code of the refusal."""

_EXPECTED: Final = 29  # columns: the platform's issuer fits
_USUAL_WIDTH: Final = 80


@click.command(short_help="Show every check of a token: expected, found, verdict.")
@token_options
@click.option("--scopes", "--scope", multiple=True, metavar="SCOPE", help="What the route needs; all that are given.")
@click.option("--any-scope", is_flag=True, help="One of the scopes is enough.")
@click.option("--acr", multiple=True, metavar="VALUE", help="An authentication context that the route takes.")
@click.option("--max-age", type=click.IntRange(min=0), metavar="SECONDS", help="How old the sign-in may be.")
@click.option("--jwks", "keys", metavar="FILE", help="Use the keys in this file; nothing is fetched.")
@guard_options
@at_option
@json_option
def command(file: str | None, token_env: str | None, *, as_json: bool, **options: Any) -> None:
    """Show every check that a guard makes of a token: what it expects, what it finds, and its verdict.

    Reads FILE, or standard input. The guard is made from the environment (MINDPEEKER_ISSUER, MINDPEEKER_AUDIENCE ...)
    and from the options, which beat it. Exits with 0 if the token is accepted, 1 if it is refused, and 4 if the keys
    cannot be had.
    """
    given = read_token(file, token_env)
    guard = make_guard(options, keys=options["keys"], at=options["at"])
    requirement = _requirement(guard, options)
    with working("Checking"):
        explanation = explain(guard, given.token, requirement)
    if as_json:
        print_json(members(explanation))
    else:
        for text in given.notes:
            note(text)
        _print(explanation)
    click.get_current_context().exit(_exit_code(explanation.error))


def _requirement(guard: Guard, options: dict[str, Any]) -> Requirement:
    names = [name for text in options["scopes"] for name in text.split()]
    expression = any_of(*names) if options["any_scope"] and names else all_of(*names)
    try:
        guard.catalogue.check(names)
    except ConfigurationError as error:
        note(f"Note: {plain(str(error).partition(' Scopes of your own')[0])}")
    return Requirement(scopes=expression, acr_values=options["acr"], max_age=options["max_age"])


def _exit_code(error: AnswerError | None) -> int:
    return GOOD if error is None else NETWORK if isinstance(error, UnavailableError) else NO


def members(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as a JSON object."""
    error, principal = explanation.error, explanation.principal
    made: dict[str, Any] = {
        "accepted": error is None,
        "status": 200 if error is None else error.status,
        "code": None if error is None else error.code,
        "steps": [_step(step) for step in explanation.steps],
    }
    if error is not None:
        made |= {"description": error.description, "advice": ADVICE.get(error.code)}
    if principal is not None:
        made["principal"] = {
            "subject": principal.subject,
            "client_id": principal.client_id,
            "granted_scopes": sorted(principal.granted_scopes),
            "scopes": sorted(principal.scopes),
            "expires_at": principal.expires_at,
        }
    return made


def _step(step: Step) -> dict[str, Any]:
    code = step.error.code if step.error is not None else None
    shown = {"name": step.name, "rule": step.rule, "expected": step.expected, "found": step.found}
    return {**shown, "verdict": step.verdict, "code": code}


def _print(explanation: Explanation) -> None:
    made = table("", "Check", "Expected", "Found")
    made.columns[0].no_wrap = made.columns[1].no_wrap = True
    if console().width >= _USUAL_WIDTH:
        made.columns[2].min_width = _EXPECTED
    for step in explanation.steps:
        reached = step.verdict != "not reached"
        found = "not reached" if not reached else "the same" if step.found == step.expected else step.found
        texts = (Text(text, style="" if reached else "dim") for text in (step.name, step.expected, found))
        made.add_row(verdict(step.verdict) if reached else Text("-"), *texts)
    show(made, "", *summary(explanation))


def summary(explanation: Explanation) -> list[Text]:
    """Return the verdict, its reason and the next step, a line each."""
    error, step = explanation.error, explanation.failed
    if error is None:
        reach = sorted(explanation.principal.scopes) if explanation.principal is not None else []
        return [Text("Accepted.", style="bold green"), Text(f"Scopes: {plain(' '.join(reach), 1000) or 'none'}")]
    rule = f" ({step.rule})" if step is not None and step.rule else ""
    word = "Not decided" if isinstance(error, UnavailableError) else "Refused"
    lines = [Text(f"{word}: {error.status} {error.code}. {error.description}{rule}", style="bold red")]
    advice = ADVICE.get(error.code)
    return [*lines, Text(f"Next: {advice}")] if advice else lines
