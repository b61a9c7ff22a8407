"""The Django application of the API keys: a table, an admin, a command."""

from django.apps import AppConfig


class APIKeysConfig(AppConfig):
    """Brings the table. It is an application of its own, so that projects without API keys get no migration."""

    name = "mindpeeker_guard.django.api_keys"
    label = "mindpeeker_api_keys"
    verbose_name = "MindPeeker API keys"
