"""The guard: takes the credential out of a request, has it authenticated, and checks what the route asks for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from mindpeeker_guard import _rules
from mindpeeker_guard._challenges import Challenges, Renderer, render_problem
from mindpeeker_guard._decisions import DecisionHook
from mindpeeker_guard._flow import arun, run
from mindpeeker_guard._logs import log_refusal
from mindpeeker_guard._operations import refuse_revoked
from mindpeeker_guard._requests import Request
from mindpeeker_guard._scopes import MINDPEEKER_SCOPES, ScopeCatalogue
from mindpeeker_guard._shield import Shield
from mindpeeker_guard._sources import TrustedProxies
from mindpeeker_guard._thorough import Attempt, Extract, Found, Thorough, no_attempt
from mindpeeker_guard._types import Authenticator, Principal, Refusal, Requirement
from mindpeeker_guard.errors import (
    AnswerError,
    AuthError,
    ConfigurationError,
    InvalidRequestError,
    MissingCredentialsError,
)

if TYPE_CHECKING:
    from mindpeeker_guard.rate_limits import RateLimits  # loaded by those who have some
    from mindpeeker_guard.state._protocols import RevocationList

_ANY_PRINCIPAL = Requirement()


class Guard(Thorough):
    """Decides about requests. An application makes one, at start, and shares it between threads and event loops.

    Args:
        authenticators: One for each kind of credential, the one to offer first in front.
        realm: The protection space that challenges name.
        catalogue: The scopes this API knows, and what they imply; the platform's by default.
        resource_metadata: The URL of the protected resource's metadata (RFC 9728), if it is served.
        allow_preflight: Whether CORS preflight requests are let through, with no principal. Browsers send them without
            credentials; whoever answers them must do nothing else.
        renderer: Makes content type and body of refusals; problem details by default.
        revocations: The credentials that are refused before their end, of a `RedisState` or a `MemoryState`.
        limits: How many requests callers may send; see `RateLimits`. Routes may have limits of their own besides.
        shield: How many credentials that are not good may come from one address; see `Shield`. False for no bound.
        trusted_proxies: The addresses or networks of the proxies in front, whose ``X-Forwarded-For`` is believed; or a
            `TrustedProxies`. An empty list says that there are none. As long as nothing is said, no header is believed,
            and the shield cuts nobody off at an address that is not public: it may be a proxy's.
        on_decision: Called with a `Decision` after each one, in the thread or on the event loop of the request: it must
            be quick. What it raises is logged and changes nothing.
        decision_claims: The claims that decisions may show, such as ``sub``; none by default.
        clock: Tells the time, in seconds since the epoch.

    Raises:
        ConfigurationError: There is no authenticator, two for one scheme, or an argument is wrong.
    """

    def __init__(  # noqa: PLR0913 - each is a rule of its own
        self,
        *authenticators: Authenticator,
        realm: str = "mindpeeker",
        catalogue: ScopeCatalogue = MINDPEEKER_SCOPES,
        resource_metadata: str | None = None,
        allow_preflight: bool = False,
        renderer: Renderer = render_problem,
        revocations: RevocationList | None = None,
        limits: RateLimits | None = None,
        shield: Shield | bool | None = True,
        trusted_proxies: TrustedProxies | Iterable[str] | None = None,
        on_decision: DecisionHook | None = None,
        decision_claims: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not authenticators or any(isinstance(one, type) or not hasattr(one, "extract") for one in authenticators):
            raise ConfigurationError("Guard needs at least one authenticator, an object: Guard(JWTBearer()).")
        schemes = [authenticator.scheme for authenticator in authenticators]
        if len(set(schemes)) < len(schemes):
            raise ConfigurationError("Guard takes one authenticator for each scheme.")
        if not isinstance(realm, str) or not realm.isprintable() or not realm.isascii() or not realm:
            raise ConfigurationError("realm must be a string of printable ASCII characters.")
        super().__init__(
            revocations=revocations,
            limits=limits,
            shield=shield,
            trusted_proxies=trusted_proxies,
            telling=(on_decision, decision_claims),
            clock=clock,
        )
        self._catalogue = catalogue
        self._use(authenticators)
        self._allow_preflight = allow_preflight
        self._challenges = Challenges(schemes, realm, resource_metadata, renderer)

    def _use(self, authenticators: tuple[Authenticator, ...]) -> None:
        self._authenticators = authenticators
        for one in authenticators:
            adopt: Callable[[ScopeCatalogue], None] | None = getattr(one, "adopt", None)
            if adopt is not None:
                adopt(self._catalogue)
        self._ways: tuple[tuple[Authenticator, Extract, Attempt], ...] = tuple(
            (one, one.extract, getattr(one, "attempt", no_attempt)) for one in authenticators
        )
        # Nearly every guard has one, and looking for a second credential would cost it more than finding the first.
        self._first, self._extract, self._attempt = self._ways[0]
        self._has_others = len(self._ways) > 1

    def _with(self, authenticators: tuple[Authenticator, ...]) -> Guard:
        """Return a guard with the same rules and other authenticators: how `mindpeeker_guard.testing` stands in."""
        twin = copy(self)
        twin._use(authenticators)  # noqa: SLF001 - one of us
        return twin

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Guard:
        """Make a guard from ``MINDPEEKER_ISSUER``, ``MINDPEEKER_AUDIENCE``, ``MINDPEEKER_JWKS_URI`` and the like.

        Raises:
            ConfigurationError: A variable is unknown or its value is wrong.
        """
        from mindpeeker_guard.settings import guard_from_environ  # noqa: PLC0415 - settings are built on the guard

        return guard_from_environ(environ)

    @property
    def authenticators(self) -> tuple[Authenticator, ...]:
        """The authenticators, in order."""
        return self._authenticators

    @property
    def catalogue(self) -> ScopeCatalogue:
        """The scopes this guard knows."""
        return self._catalogue

    def check(self, request: Request, requirement: Requirement = _ANY_PRINCIPAL) -> Principal | None:
        """Decide about a request, blocking where keys must be fetched.

        Returns:
            Who calls; None only where the requirement is optional and the request has no credential, or for a CORS
            preflight request that may pass.

        Raises:
            AuthError: The request is refused.
            UnavailableError: It cannot be decided at the moment.
        """
        if self._reasons or requirement.rates:
            return run(self._decide(request, requirement))
        try:
            credential = None if self._has_others or requirement.schemes else self._extract(request)
            if credential is not None:
                authenticator, attempt = self._first, self._attempt
            else:
                found = self._find(request, requirement)
                if found is None:
                    return None
                authenticator, attempt, credential = found
            principal = attempt(credential, request)
            if principal is None:
                principal = run(authenticator.authenticate(credential, request))
            if self._revocations is not None:
                if not self._revocations.ready:
                    run(self._revocations.prepare())
                refuse_revoked(principal, self._revocations)
            needed = requirement.just_scopes
            if needed is not None and needed <= principal.scopes and principal.catalogue is self._catalogue:
                return principal
            return self._admit(principal, requirement)
        except AnswerError as error:
            error.schemes = requirement.schemes
            self._note(error, request)
            raise

    async def acheck(self, request: Request, requirement: Requirement = _ANY_PRINCIPAL) -> Principal | None:
        """Decide about a request without blocking the event loop; see `check`."""
        if self._reasons or requirement.rates:
            return await arun(self._decide(request, requirement))
        try:
            credential = None if self._has_others or requirement.schemes else self._extract(request)
            if credential is not None:
                authenticator, attempt = self._first, self._attempt
            else:
                found = self._find(request, requirement)
                if found is None:
                    return None
                authenticator, attempt, credential = found
            principal = attempt(credential, request)
            if principal is None:
                principal = await arun(authenticator.authenticate(credential, request))
            if self._revocations is not None:
                if not self._revocations.ready:
                    await arun(self._revocations.prepare())
                refuse_revoked(principal, self._revocations)
            needed = requirement.just_scopes
            if needed is not None and needed <= principal.scopes and principal.catalogue is self._catalogue:
                return principal
            return self._admit(principal, requirement)
        except AnswerError as error:
            error.schemes = requirement.schemes
            self._note(error, request)
            raise

    def authorize(self, principal: Principal, requirement: Requirement, request: Request | None = None) -> None:
        """Check what a route asks for against a principal that is known already.

        Args:
            principal: Who calls.
            requirement: What the route asks for.
            request: The request, to tell about it.

        Raises:
            SchemeNotAcceptedError: The route does not accept the kind of credential that the principal came with.
            StepUpRequiredError: The sign-in is too weak or too old.
            InsufficientScopeError: A scope is missing.
        """
        try:
            _rules.check_scheme(principal.scheme, requirement)
            _rules.authorize(principal, requirement, self._clock)
        except AuthError as error:
            error.schemes = requirement.schemes
            if self._telling is not None:
                self._telling.tell(
                    request,
                    requirement,
                    0.0,
                    scheme=principal.scheme,
                    principal=principal,
                    remembered=True,
                    error=error,
                )
            raise

    def check_anonymous(self, request: Request, requirement: Requirement) -> None:
        """Check what a route asks for against a request without a credential.

        Raises:
            MissingCredentialsError: It needs one.
        """
        try:
            self._check_anonymous(request, requirement)
        except MissingCredentialsError as error:
            error.schemes = requirement.schemes
            if self._telling is not None:
                self._telling.tell(request, requirement, 0.0, error=error)
            raise

    def refusal(self, error: AnswerError) -> Refusal:
        """Return the complete answer to `error`, and log its code and reason."""
        log_refusal(error)
        return self._challenges.refusal(error)

    def validate(self, requirement: Requirement) -> None:
        """Check, at start, that a requirement asks only for scopes of this guard's catalogue, and schemes it knows.

        Raises:
            ConfigurationError: Names the scope, and the nearest one there is; or the scheme, and those there are.
        """
        self._catalogue.check(requirement.scopes.names)
        schemes = [one.scheme for one in self._authenticators]
        for scheme in requirement.schemes:
            if scheme not in schemes:
                known = ", ".join(schemes)
                raise ConfigurationError(f"Unknown scheme {scheme!r}: this guard has an authenticator for {known}.")
        self.validate_rates(requirement.rates)

    def _find(self, request: Request, requirement: Requirement) -> Found | None:
        """Return the one credential in a request, and who checks it; None where none is needed."""
        found: Found | None = None
        for authenticator, extract, attempt in self._ways:
            credential = extract(request)
            if credential is not None:
                if found is not None:
                    raise InvalidRequestError("credentials of two schemes")
                found = authenticator, attempt, credential
        if found is None:
            self._check_anonymous(request, requirement)
        elif requirement.schemes:
            _rules.check_scheme(found[0].scheme, requirement)
        return found

    def _admit(self, principal: Principal, requirement: Requirement) -> Principal:
        if principal.catalogue is not self._catalogue:
            principal = replace(principal, catalogue=self._catalogue)
        _rules.authorize(principal, requirement, self._clock)
        return principal

    def _check_anonymous(self, request: Request, requirement: Requirement) -> None:
        if not requirement.optional and not (self._allow_preflight and _rules.is_preflight(request)):
            raise MissingCredentialsError

    def __repr__(self) -> str:
        return f"Guard({', '.join(map(repr, self._authenticators))})"
