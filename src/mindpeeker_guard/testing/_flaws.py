"""What can be wrong with a guarded route: the likely cause and the fix, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Advice:
    """What to say about a flaw.

    Attributes:
        cause: The likely cause.
        fix: What to do.
    """

    cause: str
    fix: str


class Flaw(Enum):
    """Kinds of flaws, the worst first."""

    NO_ROUTE = Advice(
        "there is no such route, whoever asks.",
        "check method and path; give a path that exists, with its parameters filled in: 'DELETE /v1/sessions/17'.",
    )
    OPEN = Advice(
        "the guard never runs. In Flask, the decorator is missing or stands above @app.get, so that the bare function "
        "is registered; in FastAPI, the dependency is missing or not in Depends(…); in Django, GuardMiddleware is not "
        "in MIDDLEWARE or the view is @public; in all three, optional=True lets nobody in particular pass.",
        "Flask: @app.get(…) first, @require_scopes(…) below it. FastAPI: Annotated[Principal, Depends(require_scopes("
        "…))]. Django: 'mindpeeker_guard.django.GuardMiddleware' in MIDDLEWARE. init_app(app, guard, default='deny') "
        "closes what was forgotten.",
    )
    HEAD_OPEN = Advice(
        "the guard looks at some methods only, and HEAD runs the same view as GET.",
        "guard the route, not the method: @require_scopes(…) on the view, without an 'if request.method' around it.",
    )
    OPTIONS_OPEN = Advice(
        "OPTIONS runs the view, and the guard lets it pass because it might be a CORS preflight request.",
        "leave OPTIONS to the framework or to CORS middleware; allow_preflight=True lets real preflight requests pass.",
    )
    UNSIGNED = Advice(
        "the token is decoded, but its signature is not verified (jwt.decode with verify_signature off, or base64).",
        "do not decode tokens in the view: let the guard do it, and read current_principal (request.principal).",
    )
    ALGORITHM = Advice(
        "the token chooses the algorithm by which it is checked, so that 'none' or an HMAC with the public key counts.",
        "fix the algorithms on the server, asymmetric ones only; JWTBearer() does.",
    )
    KEY = Advice(
        "the token chooses the key by which it is checked (jwk, jku, x5u, x5c, kid).",
        "take keys from the configured issuer only; JWTBearer() does.",
    )
    TIMES = Advice(
        "the times of the token (exp, nbf, iat) are not checked, or not strictly.",
        "let the guard check them; for tests with another time give Guard and JWTBearer a clock, not a large leeway.",
    )
    ISSUER = Advice(
        "iss is not compared with the issuer, character by character.",
        "configure the issuer: JWTBearer(issuer='https://auth.mindpeeker.com'), or MINDPEEKER_ISSUER.",
    )
    AUDIENCE = Advice(
        "aud is not compared with this API's own name, so that tokens for other services are good here.",
        "configure the audience: JWTBearer(audience='https://api.mindpeeker.com'), or MINDPEEKER_AUDIENCE.",
    )
    TYPE = Advice(
        "tokens of another kind are taken for access tokens: ID tokens, log-out tokens, tokens bound to a key.",
        "let JWTBearer() check typ, nonce and cnf; profile='rfc9068' is stricter still.",
    )
    FORM = Advice(
        "the token is parsed leniently, so that two readers of one token can see two different things.",
        "do not parse tokens by hand; JWTBearer() refuses what is not written as RFC 7515 says.",
    )
    LOCATION = Advice(
        "a token is read from elsewhere than the Authorization header: query, form, cookie, another header or scheme.",
        "read it from 'Authorization: Bearer …' alone: URLs are logged, and browsers send cookies for other sites.",
    )
    SCOPE = Advice(
        "the guard asks for any good token, not for the scope.",
        "name the scope on the route: require_scopes('…').",
    )
    SIMILAR_SCOPE = Advice(
        "scopes are compared as text ('in', startswith, lower()), not as a set of names.",
        "use require_scopes('…'), or principal.has('…').",
    )
    OTHER_SCOPE = Advice(
        "a scope is taken to imply another one that it does not: only svc:admin implies svc:*, of the same service.",
        "use the catalogue's rule: require_scopes('…'), or principal.has('…').",
    )
    GOOD_REFUSED = Advice(
        "the application does not trust this issuer: another issuer, audience or algorithm is configured, or it has a "
        "guard of its own making.",
        "leave issuer=None, and every mindpeeker guard of this process trusts the test; else configure the application "
        "with issuer.settings() or issuer.environ(), and pass that issuer.",
    )
    GOOD_FORBIDDEN = Advice(
        "the route requires something else than the scopes named here, or reads the scope claim in one form only.",
        "name all scopes of the route: assert_guarded(app, route, scopes=[…]); any_scope=True where one is enough.",
    )
    ADMIN_FORBIDDEN = Advice(
        "the scope is looked for in the token itself, without what the catalogue says that others imply.",
        "use require_scopes('…') or principal.scopes, not principal.granted_scopes or the scope claim.",
    )
    CRASH = Advice(
        "a credential that nobody expected ends in an exception.",
        "let the guard parse credentials; it answers every junk with 400 or 401.",
    )
    UNAVAILABLE = Advice(
        "the guard cannot get the issuer's keys.",
        "see guard.health(); jwks_uri must be the fake issuer's: issuer.settings() has it.",
    )
    ECHO = Advice(
        "the answer repeats the credential, or an exception's text that holds it.",
        "answer with the guard's refusal, which has fixed texts.",
    )
    STATUS = Advice(
        "the refusal has a status of its own making. 401: get a new token. 403: this token does not reach here.",
        "answer with the guard's refusal; an error handler of yours should keep its status.",
    )
    CHALLENGE = Advice(
        "WWW-Authenticate is missing or says something else (RFC 6750 section 3), so clients cannot tell what to do.",
        "answer with the guard's refusal; an error handler of yours should keep its headers.",
    )
    CACHE = Advice(
        "caches may keep the refusal, and give it to others.",
        "answer with the guard's refusal, which says Cache-Control: no-store; keep that header in error handlers.",
    )
    PROBLEM = Advice(
        "an error handler renders refusals in its own way.",
        "if that is meant, say assert_guarded(…, problem=False); else answer with the guard's refusal.",
    )

    @property
    def advice(self) -> Advice:
        """Cause and fix."""
        return self.value


IMPLIED: dict[Flaw, frozenset[Flaw]] = {
    Flaw.OPEN: frozenset(Flaw) - {Flaw.OPEN, Flaw.GOOD_REFUSED, Flaw.GOOD_FORBIDDEN, Flaw.CRASH, Flaw.ECHO},
    Flaw.UNSIGNED: frozenset({Flaw.ALGORITHM, Flaw.KEY, Flaw.FORM}),
    Flaw.SCOPE: frozenset({Flaw.SIMILAR_SCOPE, Flaw.OTHER_SCOPE}),
    Flaw.GOOD_REFUSED: frozenset({Flaw.GOOD_FORBIDDEN, Flaw.ADMIN_FORBIDDEN, Flaw.OTHER_SCOPE}),
    Flaw.GOOD_FORBIDDEN: frozenset({Flaw.ADMIN_FORBIDDEN, Flaw.OTHER_SCOPE}),
}
"""What follows from a flaw, and is not worth naming beside it."""
