"""API keys in a Django project: an application with a table, an admin and a command.

Put ``"mindpeeker_guard.django.api_keys"`` into ``INSTALLED_APPS`` and run ``manage.py migrate``. `api_keys` returns the
service that the settings ``API_KEY_PEPPER`` and ``API_KEY_ENVIRONMENT`` describe; `DjangoStore` is its store.
"""

from mindpeeker_guard.django.api_keys._store import DjangoStore
from mindpeeker_guard.django.api_keys.conf import api_keys

__all__ = ["DjangoStore", "api_keys"]
