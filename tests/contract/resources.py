"""The resources that every carrier guards, written once in the words that all adapters share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from mindpeeker_guard import Guard, Principal, Requirement, all_of, any_of, requirement

ACR: Final = "urn:mindpeeker:mfa"
METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS")
JSON: Final = "application/json"
OPEN: Final = "/open"

# `words` has require, require_scopes and require_any_scope: a module of an adapter, or what stands for one.
RESOURCES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "/read": lambda words: words.require_scopes("remote-viewing:read"),
    "/both": lambda words: words.require_scopes("remote-viewing:read", "profile"),
    "/any": lambda words: words.require_any_scope("analytics:read", "analytics:export"),
    "/nested": lambda words: words.require(all_of("profile", any_of("dowsing:read", "dowsing:write"))),
    "/sensitive": lambda words: words.require_scopes("organizations:read"),
    "/principal": lambda words: words.require(),
    "/optional": lambda words: words.require_scopes("remote-viewing:read", optional=True),
    "/stepup": lambda words: words.require(acr=ACR, max_age=300),
    "/recent": lambda words: words.require("remote-viewing:read", max_age=300),
    "/tokens": lambda words: words.require_scopes("profile", schemes=["Bearer"]),
    "/keys": lambda words: words.require("profile", schemes="ApiKey"),
    "/either": lambda words: words.require_any_scope("profile", schemes=["ApiKey", "Bearer"]),
    "/optional-tokens": lambda words: words.require_scopes("profile", optional=True, schemes="Bearer"),
}
# What a guard must have an authenticator for.
_SCHEMES: Final[Mapping[str, frozenset[str]]] = {
    "/tokens": frozenset({"Bearer"}),
    "/keys": frozenset({"ApiKey"}),
    "/either": frozenset({"ApiKey", "Bearer"}),
    "/optional-tokens": frozenset({"Bearer"}),
}


def resources(guard: Guard) -> dict[str, Callable[[Any], Any]]:
    """Return the resources that `guard` can guard."""
    known = {one.scheme for one in guard.authenticators}
    return {path: make for path, make in RESOURCES.items() if _SCHEMES.get(path, known) <= known}


runs: Final[list[Principal | None]] = []
"""The principal of every view that ran."""


class Requirements:
    """The shared words, for carriers that take a requirement as it is."""

    @staticmethod
    def require(*scopes: Any, **options: Any) -> Requirement:
        return requirement(*scopes, **options)

    require_scopes = require

    @staticmethod
    def require_any_scope(*scopes: Any, **options: Any) -> Requirement:
        return requirement(*scopes, any_scope=True, **options)


def show(principal: Principal | None) -> bytes:
    """Return what a view answers; called by views only, so that it tells which of them ran."""
    runs.append(principal)
    return shown(principal)


def shown(principal: Principal | None) -> bytes:
    """Return a principal in JSON, the same bytes everywhere."""
    facts = principal and {
        "client_id": principal.client_id,
        "scheme": principal.scheme,
        "scopes": sorted(principal.scopes),
        "sub": principal.subject,
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode("ascii")
