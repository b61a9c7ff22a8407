"""What a guard adds to a Django request: ``WSGIHandler()(environ, start_response)``, guarded view minus bare view.

Django's settings are one to a process, so the handlers are built under different ones, and the guard in force is
exchanged before each part that needs another.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Final

from benchmarks import ours
from benchmarks.harness import REQUESTS_PART_NS, Candidate, Row, Subject, compared, labelled, peer
from benchmarks.tokens import SCOPE, raw_verify, signing_key
from benchmarks.verify import authlib_validator
from benchmarks.webapps import BARE, COLD, FLOOR, FLOOR_NOTE, HOT, PATH, behind_signature_check, wsgi_subject

_GOALS: Final = {COLD: 2.2, HOT: 0.4}
_MIDDLEWARE: Final = "mindpeeker_guard.django.GuardMiddleware"

Decorator = Callable[[Any], Any]


def rows(rounds: int) -> list[Row]:
    """Measure ours and Authlib's resource protector."""
    _configure()
    authlib = labelled("Authlib")
    candidates = [
        Candidate(FLOOR, "reference", _floor, note=FLOOR_NOTE),
        Candidate(COLD, "ours", lambda: _guarded(COLD, hot=False), _GOALS[COLD]),
        Candidate(HOT, "ours", lambda: _guarded(HOT, hot=True), _GOALS[HOT]),
        Candidate(authlib, "peer", lambda: _subject(authlib, _authlib())),
    ]
    bare = _subject(BARE, lambda view: view, guarded=False)
    return compared(
        "Django, added per request", raw_verify(signing_key()), candidates, rounds, minus=bare, part_ns=REQUESTS_PART_NS
    )


def _configure() -> None:
    settings = peer("django.conf").settings
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="benchmark", MIDDLEWARE=[], LOGGING_CONFIG=None)
        peer("django").setup()
    # Django logs each refusal while the routes are tried.
    logging.getLogger("django.request").setLevel(logging.CRITICAL)


def _subject(
    name: str, decorate: Decorator, middleware: tuple[str, ...] = (), guard: Any = None, *, guarded: bool = True
) -> Subject:
    """Build a handler for one view, under settings of its own; they come into force again before each part."""
    settings = peer("django.conf").settings
    use = partial(_use, settings, _urlconf(name, decorate), guard)
    use()
    settings.MIDDLEWARE = list(middleware)
    handler = peer("django.core.handlers.wsgi").WSGIHandler()
    return wsgi_subject(name, handler, guarded=guarded, prepare=use)


def _urlconf(name: str, decorate: Decorator) -> str:
    http, urls = peer("django.http"), peer("django.urls")

    def sessions(request: Any) -> Any:
        del request
        return http.HttpResponse(b"ok")

    module: Any = ModuleType(f"benchmarks_urls_{name}")
    module.urlpatterns = [urls.path(PATH[1:], decorate(sessions))]
    sys.modules[module.__name__] = module
    return str(module.__name__)


def _use(settings: Any, urlconf: str, guard: Any) -> None:
    settings.ROOT_URLCONF = urlconf
    if guard is not None:
        settings.MINDPEEKER_GUARD = guard
        # What ``override_settings`` sends in a project's tests: the guard in force is looked up anew.
        changed = peer("django.core.signals").setting_changed
        changed.send(sender=_use, setting="MINDPEEKER_GUARD", value=guard, enter=True)
        peer("mindpeeker_guard.django.conf").configuration()


def _floor() -> Subject:
    return _subject(FLOOR, behind_signature_check, guarded=False)


def _guarded(name: str, *, hot: bool) -> Subject:
    adapter = peer("mindpeeker_guard.django")
    guard = ours.guard(signing_key().jwks, hot=hot)
    return _subject(name, adapter.require_scopes(SCOPE), (_MIDDLEWARE,), guard)


def _authlib() -> Decorator:
    protector = peer("authlib.integrations.django_oauth2").ResourceProtector()
    protector.register_token_validator(authlib_validator(signing_key()))
    return protector([SCOPE])  # type: ignore[no-any-return]
