"""An audit as an OpenAPI document: paths, what they require, and the answers of the guard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mindpeeker_guard import _openapi as shared
from mindpeeker_guard._guard import Guard
from mindpeeker_guard.authenticators import JWTBearer
from mindpeeker_guard.routes._records import GuardedRoute

_PARAMETER: Final = re.compile(r"<(?:[^<>]*:)?([^<>:]+)>|\{([^{}:]+)(?::[^{}]*)?\}")
_ANY: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_METHODS: Final = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})


def to_openapi(
    routes: Iterable[GuardedRoute],
    guard: Guard | None = None,
    *,
    title: str = "API",
    document: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document with the paths of `routes`, their security requirements and scopes.

    WebSockets and mounted applications without routes have no place in such a document. Each operation says under
    ``x-mindpeeker-guard`` what the audit found, with what OpenAPI has no words for.

    Args:
        routes: What an audit has found.
        guard: Whose schemes are shown; by default, those of one with access tokens only.
        title: The title of the document.
        document: The application's own document. It stays as it is; only operations that it lacks are added.
    """
    made = shared.complete(_document(list(routes), title), guard or Guard(JWTBearer()))
    return made if document is None else _merged(document, made)


def _document(routes: Iterable[GuardedRoute], title: str) -> dict[str, Any]:
    schemes: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for route in routes:
        if route.kind == "http":
            place = paths.setdefault(_template(route.path), {})
            for method in sorted(_METHODS.intersection(route.methods or _ANY)):
                place.setdefault(method.lower(), _operation(route, schemes))
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "0"},
        "paths": {path: place for path, place in paths.items() if place},
        "components": {"securitySchemes": schemes},
    }


def _operation(route: GuardedRoute, schemes: dict[str, Any]) -> dict[str, Any]:
    names = [match[1] or match[2] for match in _PARAMETER.finditer(route.path)]
    found: dict[str, Any] = {
        "summary": route.endpoint,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in dict.fromkeys(names)
        ],
        "responses": {"default": {"description": "The answer of the view"}},
        "x-mindpeeker-guard": {
            key: value for key, value in route.as_dict().items() if key in {"state", "requirement", "hint"} and value
        },
    }
    if route.requirement is not None:
        alias = shared.alias(route.requirement)
        schemes[alias] = shared.placeholder(route.requirement)
        found["security"] = [{alias: []}]
    return found


def _template(path: str) -> str:
    return _PARAMETER.sub(lambda match: f"{{{match[1] or match[2]}}}", path)


def _merged(own: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """Return `own` with the operations of `made` that it lacks, and what they refer to."""
    paths = {path: dict(item) for path, item in own.get("paths", {}).items()}
    for path, item in made["paths"].items():
        paths[path] = {**item, **paths.get(path, {})}
    components = {name: dict(entries) for name, entries in own.get("components", {}).items()}
    for name, entries in made["components"].items():
        components[name] = {**entries, **components.get(name, {})}
    return {**own, "paths": paths, "components": components}
