"""The Django application: it brings the system checks."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class MindpeekerGuardConfig(AppConfig):
    """Registers the checks."""

    name = "mindpeeker_guard.django"
    label = "mindpeeker_guard"
    verbose_name = "MindPeeker Guard"

    def ready(self) -> None:
        """Register the checks, under Django's security tag."""
        from mindpeeker_guard.django.checks import check_configuration, check_middleware, check_views  # noqa: PLC0415

        register(check_configuration, Tags.security)
        register(check_middleware, Tags.security)
        register(check_views, Tags.security)
