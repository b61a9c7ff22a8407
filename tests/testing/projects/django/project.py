"""A Django project in one file that knows nothing of tests: its settings point at the real issuer."""

from django.http import JsonResponse
from django.urls import path

from mindpeeker_guard.django import require_scopes

SECRET_KEY = "not a secret"
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "project"
MIDDLEWARE = ["mindpeeker_guard.django.GuardMiddleware"]
MINDPEEKER_GUARD = {"AUDIENCE": "https://api.mindpeeker.com"}


@require_scopes("remote-viewing:read")
def sessions(request):
    return JsonResponse({"sub": request.principal.subject})


urlpatterns = [path("v1/sessions", sessions)]
