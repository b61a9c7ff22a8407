"""Guard the views of a Django project (5.2 and later), under WSGI and ASGI.

Put ``"mindpeeker_guard.django"`` into ``INSTALLED_APPS`` for the system checks, and
``"mindpeeker_guard.django.GuardMiddleware"`` into ``MIDDLEWARE``. Every view then needs a good credential, unless it is
marked `public`; `require_scopes` asks for more.
"""

try:
    import django as _django
except ImportError as error:
    message = "mindpeeker_guard.django needs the extra 'django': pip install 'mindpeeker-guard[django]'."
    raise ImportError(message) from error

from mindpeeker_guard._views import public
from mindpeeker_guard.django._decorators import rate_limit, require, require_any_scope, require_scopes
from mindpeeker_guard.django._middleware import GuardedRequest, GuardMiddleware

del _django

__all__ = [
    "GuardMiddleware",
    "GuardedRequest",
    "public",
    "rate_limit",
    "require",
    "require_any_scope",
    "require_scopes",
]
