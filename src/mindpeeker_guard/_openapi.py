"""What guarded routes look like in an OpenAPI document: padlocks with scopes, and the answers of a guard.

FastAPI puts a placeholder for each requirement into the document; `complete` turns the placeholders into the schemes of
the guard, and adds the responses.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from hashlib import sha256
from itertools import product
from typing import Any, Final

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._types import Requirement

_MARK: Final = "x-mindpeeker"
_SCHEMA: Final = "MindPeekerProblem"
_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_RESPONSES: Final[Mapping[str, tuple[str, str]]] = {
    "400": ("More than one credential, or a malformed one", "WWW-Authenticate"),
    "401": ("No credential, or one that is not good", "WWW-Authenticate"),
    "403": ("The credential lacks a scope", "WWW-Authenticate"),
    "429": ("Too many requests", "Retry-After"),
    "503": ("Access cannot be checked at the moment", "Retry-After"),
}
_PROBLEM: Final[Mapping[str, Any]] = {
    "title": "Problem",
    "type": "object",
    "description": "Problem details (RFC 9457) with the error members of RFC 6750.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "error": {"type": "string"},
        "error_description": {"type": "string"},
        "required_scopes": {"type": "array", "items": {"type": "string"}},
    },
}
Alternative = frozenset[str]


def alias(needed: Requirement) -> str:
    """Return the name of the placeholder for a requirement; equal requirements share one."""
    facts = sorted(_facts(needed)["alternatives"]), needed.optional, needed.schemes
    return f"mindpeeker-{sha256(json.dumps(facts).encode()).hexdigest()[:16]}"


def placeholder(needed: Requirement) -> dict[str, Any]:
    """Return the security scheme that stands for a requirement until `complete`."""
    return {"type": "http", "scheme": "bearer", _MARK: _facts(needed)}


def _facts(needed: Requirement) -> dict[str, Any]:
    return {
        "alternatives": [sorted(choice) for choice in needed.scopes.alternatives],
        "optional": needed.optional,
        "schemes": list(needed.schemes),
    }


def complete(
    document: dict[str, Any], guard: Guard, closed: AbstractSet[tuple[str, str]] = frozenset()
) -> dict[str, Any]:
    """Turn the placeholders in `document` into the guard's schemes, in place; a second time changes nothing.

    Args:
        document: The API document.
        guard: Whose schemes and answers are shown.
        closed: Path and method of operations that need any good credential, though they say nothing of it.
    """
    components = document.get("components", {})
    schemes = components.get("securitySchemes", {})
    facts = {name: schemes.pop(name)[_MARK] for name in list(schemes) if _MARK in schemes[name]}
    if not facts and (not closed or _SCHEMA in components.get("schemas", {})):
        return document
    names = {one.scheme: _name(one.scheme, schemes) for one in guard.authenticators}
    shown = {names[one.scheme]: dict(one.describe(guard.catalogue)) for one in guard.authenticators}
    components = document.setdefault("components", components)
    components.setdefault("securitySchemes", schemes).update(shown)
    components.setdefault("schemas", {})[_SCHEMA] = dict(_PROBLEM)
    for path, method, operation in _operations(document):
        ours = [
            (facts[name], set(added))
            for item in operation.get("security", [])
            for name, added in item.items()
            if name in facts
        ]
        if not ours and (path, method) in closed:
            ours = [(_facts(Requirement()), set())]
        if ours:
            _complete_operation(operation, ours, facts, names)
    return document


def _name(scheme: str, taken: Collection[str]) -> str:
    """Return the scheme's name, or another where the application has one of that name."""
    return f"MindPeeker{scheme}" if scheme in taken else scheme


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for paths in (document.get("paths", {}), document.get("webhooks", {})):
        for path, item in paths.items():
            yield from ((path, method, operation) for method, operation in item.items() if method in _METHODS)


def _complete_operation(
    operation: dict[str, Any],
    ours: Iterable[tuple[Mapping[str, Any], set[str]]],
    facts: Mapping[str, Any],
    names: Mapping[str, str],
) -> None:
    others = [item for item in operation.get("security", []) if facts.keys().isdisjoint(item)]
    alternatives = _all(ours)
    security: list[dict[str, list[str]]] = [
        {name: sorted(choice)} for name in _accepted(ours, names) for choice in alternatives
    ]
    # Dependencies that accept nothing in common let nobody in: an empty list would say that everybody may.
    security = security or [{name: [] for name in names.values()}]
    if all(fact["optional"] for fact, _ in ours):
        security.append({})
    operation["security"] = security + others
    for status, response in _responses(alternatives).items():
        operation.setdefault("responses", {}).setdefault(status, response)


def _accepted(ours: Iterable[tuple[Mapping[str, Any], set[str]]], names: Mapping[str, str]) -> list[str]:
    """Return the names of the schemes that all dependencies accept."""
    return [name for scheme, name in names.items() if all(scheme in (fact["schemes"] or names) for fact, _ in ours)]


def _all(ours: Iterable[tuple[Mapping[str, Any], set[str]]]) -> list[Alternative]:
    """Combine dependencies that must all be met: every choice of one alternative from each."""
    choices = [[frozenset(choice) | added for choice in fact["alternatives"]] for fact, added in ours]
    return list(dict.fromkeys(frozenset[str]().union(*picked) for picked in product(*choices)))


def _responses(alternatives: list[Alternative]) -> dict[str, Any]:
    found = {status: _response(text, header) for status, (text, header) in _RESPONSES.items()}
    if any(alternatives):
        needed = " or ".join(" and ".join(f"`{scope}`" for scope in sorted(choice)) for choice in alternatives)
        found["403"]["description"] = f"The credential lacks a scope: {needed}"
    return found


def _response(description: str, header: str) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {header: {"schema": {"type": "string"}}},
        "content": {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{_SCHEMA}"}}},
    }
