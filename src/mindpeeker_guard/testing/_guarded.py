"""`assert_guarded`: dozens of callers against a route of the user's own application."""

from __future__ import annotations

import json as _json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from mindpeeker_guard._scopes import MINDPEEKER_SCOPES, ScopeCatalogue
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.testing._callers import Caller, caller
from mindpeeker_guard.testing._flaws import Flaw
from mindpeeker_guard.testing._friendly import anonymous, exact, friendly
from mindpeeker_guard.testing._gateways import Answer, Call
from mindpeeker_guard.testing._hostile import attacks
from mindpeeker_guard.testing._issuer import FakeIssuer
from mindpeeker_guard.testing._judge import Finding, Judge
from mindpeeker_guard.testing._principals import scope_list
from mindpeeker_guard.testing._probes import Kit, Probe, Profile
from mindpeeker_guard.testing._report import report
from mindpeeker_guard.testing._scope_probes import too_little

_NO_ROUTE = frozenset({404, 405})


def assert_guarded(  # noqa: PLR0913 - each is a fact about the route
    target: Any,
    route: str,
    scopes: str | Iterable[str] = (),
    *,
    any_scope: bool = False,
    claims: Mapping[str, Any] | None = None,
    issuer: FakeIssuer | None = None,
    json: Any = None,
    catalogue: ScopeCatalogue = MINDPEEKER_SCOPES,
    profile: Profile = "auto",
    problem: bool = True,
) -> None:
    """Attack a route, and fail with a text that says in words what is wrong.

    More than forty callers are sent: some who must be let in, and many who must not, from a token that has expired to
    one signed with the public key. Who is let in runs the view, so give a test's database to a route that writes.

    Args:
        target: The application (Flask, FastAPI, Django's handlers, anything WSGI or ASGI), or a test client for it, or
            the URL of a server.
        route: Method and path, with parameters filled in: ``"GET /v1/sessions"``.
        scopes: What the route requires: several scopes, or one string with blanks between them.
        any_scope: Whether one of `scopes` is enough.
        claims: What a good token for this route says besides, such as ``acr`` and ``auth_time``.
        issuer: Signs the tokens, where the application is configured with it. By default every guard of this process
            trusts a new one for the run, and is itself again afterwards.
        json: What a good request has as its body.
        catalogue: Says what scopes imply.
        profile: ``"rfc9068"`` where the guard demands tokens of that profile.
        problem: Whether refusals must be problem details; False where the application renders its own.

    Raises:
        AssertionError: Something is wrong.
        ConfigurationError: `target` or `route` is not what it must be.
    """
    __tracebackhide__ = True
    method, path = _method_and_path(route)
    findings: list[Finding] = []
    with ExitStack() as stack:
        signer = _trusted(stack, target, issuer)
        kit = Kit(
            signer,
            tuple(scope_list(scopes)),
            any_scope=any_scope,
            catalogue=catalogue,
            profile=profile,
            claims=claims or {},
        )
        sender = caller(target)
        stack.callback(sender.close)
        run = _Run(sender, method, path, b"" if json is None else _json.dumps(json).encode())
        findings.extend(run.findings(kit, problem=problem))
    if findings:
        cause = next((finding.error for finding in findings if finding.error is not None), None)
        raise AssertionError(report(route, findings, run.sent)) from cause


def _method_and_path(route: str) -> tuple[str, str]:
    method, _, path = route.partition(" ")
    if not method.isupper() or not path.startswith("/") or "?" in path or not path.isascii():
        raise ConfigurationError(f"A route is a method and a path, such as 'GET /v1/sessions': {route!r}.")
    return method, path


def _trusted(stack: ExitStack, target: Any, issuer: FakeIssuer | None) -> FakeIssuer:
    if issuer is None:
        if isinstance(target, str):
            raise ConfigurationError(
                "A server elsewhere cannot trust this test: pass the issuer it is configured with."
            )
        issuer = stack.enter_context(FakeIssuer())
        stack.enter_context(issuer.trusted_by())
    return issuer


class _Run:
    """One route under attack."""

    def __init__(self, sender: Caller, method: str, path: str, body: bytes) -> None:
        self.sent = 0
        self._sender = sender
        self._method = method
        self._path = path
        self._body = body

    def findings(self, kit: Kit, *, problem: bool) -> Iterator[Finding]:
        first, nobody = exact(kit), next(anonymous(self._method))
        served = self._send(first)
        if served.status in _NO_ROUTE and self._send(nobody).status == served.status:
            yield Finding(Flaw.NO_ROUTE, f"A good token and no token at all got {served.status}.")
            return
        judge = Judge(served, problem=problem)
        yield from judge.findings(first, served)
        for probe in self._probes(kit):
            yield from judge.findings(probe, self._send(probe))

    def _probes(self, kit: Kit) -> Iterator[Probe]:
        yield from anonymous(self._method)
        yield from friendly(kit)
        yield from too_little(kit)
        yield from attacks(kit, self._method)

    def _send(self, probe: Probe) -> Answer:
        self.sent += 1
        target = f"{self._path}?{probe.query}" if probe.query else self._path
        headers = probe.headers
        if not probe.body and self._body:
            headers = (*headers, ("Content-Type", "application/json"))
        return self._sender.send(Call(probe.method or self._method, target, headers, probe.body or self._body))
