"""Every public form of the routes for API keys, for the type checkers. Nothing here is ever run."""

from __future__ import annotations

from typing import assert_type

from django.urls import URLPattern
from fastapi import APIRouter
from flask import Blueprint

from mindpeeker_guard import Guard, Principal, any_of
from mindpeeker_guard.api_key_routes import APIKeyRoutes, Route, RouteAnswer, RouteRequest, keys_of
from mindpeeker_guard.api_key_routes.django import urls
from mindpeeker_guard.api_key_routes.fastapi import router
from mindpeeker_guard.api_key_routes.flask import blueprint
from mindpeeker_guard.api_keys import APIKeys

keys = keys_of(Guard.from_env())
assert_type(keys, APIKeys)

assert_type(blueprint(keys), Blueprint)
blueprint(keys, prefix="/keys", scopes=["profile", any_of("email", "profile")], admin_scope="profile", name="keys")
assert_type(router(keys), APIRouter)
router(keys, prefix="/keys", scopes=("profile",), admin_scope="profile")
assert_type(urls(keys), list[URLPattern])
urls(keys, prefix="keys", scopes=["profile"], admin_scope="profile")

routes = APIKeyRoutes(keys, admin_scope="organizations:write")
assert_type(routes.table, tuple[Route, ...])
assert_type(routes.is_async, bool)
request = RouteRequest(Principal(subject="u"), "/v1/api-keys", query="limit=1", content_type="", body=b"")
answer = next(routes.create(request))
made = RouteAnswer(200, (("Content-Type", "application/json"),), b"{}")
assert_type(made.headers, tuple[tuple[str, str], ...])
