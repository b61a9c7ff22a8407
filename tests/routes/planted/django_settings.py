"""The settings module of a project that is audited by its settings."""

SECRET_KEY = "planted"
ROOT_URLCONF = "planted_urls"
INSTALLED_APPS = ["mindpeeker_guard.django"]
MIDDLEWARE = ["mindpeeker_guard.django.GuardMiddleware"]
