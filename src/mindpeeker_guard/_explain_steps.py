"""The checks of a `JWTBearer` and of its guard, one by one and in their order, each with a name and a rule.

A test over all hostile tokens holds that the first one that fails here is what the guard refuses for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from mindpeeker_guard import _claims
from mindpeeker_guard._explain_case import (
    Case,
    check_algorithm,
    check_caller,
    check_characters,
    check_form,
    check_required_scopes,
    check_scopes,
    check_sign_in,
    check_signature,
    check_size,
    check_time,
    check_type,
    extract,
    find_key,
)
from mindpeeker_guard._headers import MAX_TOKEN
from mindpeeker_guard._shown import distance, moment, plain, shown, time_in_words
from mindpeeker_guard.errors import AnswerError

_ID_TOKEN_MARKS: Final = ("nonce", "at_hash", "c_hash")
_CALLER: Final = ("sub", "client_id", "azp", "cid", "appid", "jti")


class Check(NamedTuple):
    """One check: `run` raises what the guard would raise."""

    name: str
    rule: str
    run: Callable[[Case], None]
    expected: Callable[[Case], str]
    found: Callable[[Case, AnswerError | None], str]
    applies: Callable[[Case], bool] = lambda _: True


def _always(text: str) -> Callable[[Case], str]:
    return lambda _: text


def _reason(good: str) -> Callable[[Case, AnswerError | None], str]:
    """Show `good`, or the reason of the refusal, which is never taken from the token."""
    return lambda _, error: good if error is None else plain(error.reason or error.description)


def _claim(*names: str) -> Callable[[Case, AnswerError | None], str]:
    """Show these claims, each by its name where there may be several."""

    def found(case: Case, _: AnswerError | None) -> str:
        there = [name for name in names if name in case.claims]
        if len(names) == 1:
            return shown(case.claims[names[0]]) if there else "absent"
        return ", ".join(f"{name} {shown(case.claims[name])}" for name in there) or "absent"

    return found


def _time(name: str) -> Callable[[Case, AnswerError | None], str]:
    return lambda case, _: time_in_words(case.claims[name], case.now) if name in case.claims else "absent"


def _header(name: str) -> Callable[[Case, AnswerError | None], str]:
    def found(case: Case, _: AnswerError | None) -> str:
        value = getattr(case.token.header, name) if case.token is not None else None
        return "absent" if value is None else shown(value)

    return found


def _size_found(case: Case, _: AnswerError | None) -> str:
    return f"{len(case.credential)} characters"


def _type_found(case: Case, error: AnswerError | None) -> str:
    marks = [name for name in _ID_TOKEN_MARKS if name in case.claims]
    return f"typ {_header('typ')(case, error)}" + (f", with {', '.join(marks)}" if marks else "")


def _type_expected(case: Case) -> str:
    if case.bearer.rules.strict:
        return "typ at+jwt; sub, client_id, iat and jti; no mark of an ID token"
    return "typ JWT, at+jwt or absent; no mark of an ID token (nonce, at_hash, c_hash)"


def _exp_expected(case: Case) -> str:
    return f"after {moment(case.now)}, give or take {case.bearer.rules.leeway:g} s"


def _start_expected(case: Case) -> str:
    return f"absent, or not after {moment(case.now)}, give or take {case.bearer.rules.leeway:g} s"


def _key_found(case: Case, error: AnswerError | None) -> str:
    kid = f"kid {_header('kid')(case, None)}"
    if error is not None:
        return f"{kid}: {plain(error.reason or error.description)}"
    return f"{kid}: {'1 key' if len(case.candidates) == 1 else f'{len(case.candidates)} keys'} to try"


def _scopes_expected(case: Case) -> str:
    alternatives = [" ".join(sorted(names)) for names in case.requirement.scopes.alternatives]
    return plain(" or ".join(alternatives))


def _scopes_found(case: Case, _: AnswerError | None) -> str:
    return plain(" ".join(sorted(case.principal.scopes)), 400) or "none"


def _sign_in_expected(case: Case) -> str:
    acr, max_age = case.requirement.acr_values, case.requirement.max_age
    parts = [f"acr {' or '.join(acr)}"] if acr else []
    return plain("; ".join([*parts, f"auth_time at most {max_age} s ago"] if max_age is not None else parts))


def _sign_in_found(case: Case, _: AnswerError | None) -> str:
    signed_in: Any = case.claims.get("auth_time")
    ago = f", {distance(signed_in, case.now)}" if moment(signed_in) is not None else ""
    return f"acr {_claim('acr')(case, None)}; auth_time {_claim('auth_time')(case, None)}{ago}"


CHECKS: Final = (
    Check(
        "credential",
        "RFC 6750 section 2.1",
        extract,
        lambda case: f"one {' or '.join(case.requirement.schemes) or case.bearer.scheme} credential",
        _reason("one"),
    ),
    Check("size", "", check_size, _always(f"at most {MAX_TOKEN} characters"), _size_found),
    Check(
        "characters",
        "RFC 6750 section 2.1",
        check_characters,
        _always("letters, digits and -._~+/, then ="),
        _reason("only these"),
    ),
    Check(
        "form",
        "RFC 7515 section 7.1",
        check_form,
        _always("header, payload and signature in canonical base64url; two JSON objects"),
        _reason("three segments, well-formed"),
    ),
    Check(
        "algorithm",
        "RFC 8725 section 3.1",
        check_algorithm,
        lambda case: f"one of {' '.join(sorted(case.bearer.rules.algorithms))}",
        _header("alg"),
    ),
    Check("type", "RFC 9068 section 4", check_type, _type_expected, _type_found),
    Check(
        "issuer",
        "RFC 7519 section 4.1.1",
        lambda case: _claims.check_issuer(case.claims, case.bearer.rules.issuer),
        lambda case: shown(case.bearer.rules.issuer),
        _claim("iss"),
    ),
    Check(
        "audience",
        "RFC 7519 section 4.1.3",
        lambda case: _claims.check_audience(case.claims, case.bearer.rules.audiences),
        lambda case: " or ".join(shown(name) for name in sorted(case.bearer.rules.audiences)),
        _claim("aud"),
    ),
    Check("expiry", "RFC 7519 section 4.1.4", check_time("exp"), _exp_expected, _time("exp")),
    Check("not before", "RFC 7519 section 4.1.5", check_time("exp", "nbf"), _start_expected, _time("nbf")),
    Check("issued at", "RFC 7519 section 4.1.6", check_time("exp", "iat"), _start_expected, _time("iat")),
    Check(
        "key",
        "RFC 7515 section 4.1.4",
        find_key,
        _always("a key of the issuer that kid names and that fits alg"),
        _key_found,
    ),
    Check(
        "signature",
        "RFC 7515 section 5.2",
        check_signature,
        _always("made with that key"),
        lambda _, error: "it fits" if error is None else "it does not fit",
    ),
    Check(
        "binding",
        "RFC 7800 section 3.1",
        lambda case: _claims.check_unbound(case.claims),
        _always("no cnf: a bound token is no bearer token"),
        lambda case, _: "cnf" if "cnf" in case.claims else "absent",
    ),
    Check("caller", "RFC 9068 section 2.2", check_caller, _always("names that are strings"), _claim(*_CALLER)),
    Check(
        "scope claim",
        "RFC 6749 section 3.3",
        check_scopes,
        _always("a string or a list of strings, or absent"),
        _claim("scope", "scp"),
    ),
    Check(
        "scopes",
        "RFC 6750 section 3.1",
        check_required_scopes,
        _scopes_expected,
        _scopes_found,
        lambda case: bool(case.requirement.scopes.names),
    ),
    Check(
        "sign-in",
        "RFC 9470 section 3",
        check_sign_in,
        _sign_in_expected,
        _sign_in_found,
        lambda case: bool(case.requirement.acr_values) or case.requirement.max_age is not None,
    ),
)
"""Every check, in the order in which the guard makes them."""
