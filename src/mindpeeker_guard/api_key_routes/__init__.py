"""HTTP routes for API keys: make, list, show, revoke, rotate; one handler, carried by three frameworks.

``mindpeeker_guard.api_key_routes.flask.blueprint(keys)``, ``.fastapi.router(keys)`` and ``.django.urls(keys)`` give the
same answers. `APIKeyRoutes` is what another framework needs.
"""

from mindpeeker_guard.api_key_routes._errors import (
    BodyTooLargeError,
    InvalidBodyError,
    OwnerUnknownError,
    UnsupportedContentTypeError,
)
from mindpeeker_guard.api_key_routes._handler import (
    PREFIX,
    SCHEMES,
    APIKeyRoutes,
    Operation,
    Route,
    RouteAnswer,
    RouteRequest,
    keys_of,
)
from mindpeeker_guard.api_key_routes._values import BODY_LIMIT

__all__ = [
    "BODY_LIMIT",
    "PREFIX",
    "SCHEMES",
    "APIKeyRoutes",
    "BodyTooLargeError",
    "InvalidBodyError",
    "Operation",
    "OwnerUnknownError",
    "Route",
    "RouteAnswer",
    "RouteRequest",
    "UnsupportedContentTypeError",
    "keys_of",
]
