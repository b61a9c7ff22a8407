"""FastAPI applications with one route each: bare, guarded by ours, by Auth0's package and by the Azure one.

There is no ``from __future__ import annotations`` here: FastAPI reads the annotations of the routes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from benchmarks.harness import labelled, peer
from benchmarks.issuer import Address
from benchmarks.tokens import AUDIENCE, SCOPE, signature_check, signing_key
from benchmarks.webapps import PATH
from mindpeeker_guard import Guard

AUTH0_ISSUER: Final = "https://auth.mindpeeker.com/"  # Auth0's package insists on the slash
AZURE_CLAIMS: Final = {"nbf": 0, "ver": "2.0", "scp": SCOPE}  # what the Azure package needs on top

ASGIApplication = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class App:
    """An application, and how the tokens that it takes differ from ours."""

    name: str
    application: ASGIApplication
    changes: dict[str, Any] = field(default_factory=dict)


def bare(name: str) -> App:
    """Return an application with nothing but the route."""
    app, response = _empty()

    @app.get(PATH)  # type: ignore[untyped-decorator]
    async def sessions() -> Any:
        return response(b"ok")

    return App(name, app)


def floor(name: str) -> App:
    """Return one whose route checks a signature, and nothing else."""
    app, response = _empty()
    check = signature_check(signing_key())

    @app.get(PATH)  # type: ignore[untyped-decorator]
    async def sessions() -> Any:
        check()
        return response(b"ok")

    return App(name, app)


def ours(name: str, guard: Guard) -> App:
    """Return one that `guard` protects, as the README shows."""
    adapter = peer("mindpeeker_guard.fastapi")
    app = _with_dependency(peer("fastapi").Depends(adapter.require_scopes(SCOPE)))
    adapter.init_app(app, guard)
    return App(name, app)


def auth0(issuer: Address) -> App:
    """Return one with Auth0's package, which finds `issuer` in place of a domain of Auth0's.

    It has a hook for fetching, and by itself makes a new HTTP client for each fetch; so does the hook.
    """
    issuer.name = AUTH0_ISSUER
    client = peer("httpx").AsyncClient

    async def fetch(url: str) -> Any:
        return await _get(client, url.replace(AUTH0_ISSUER.rstrip("/"), issuer.url))

    auth = peer("fastapi_plugin").Auth0FastAPI(
        domain=AUTH0_ISSUER.removeprefix("https://").rstrip("/"), audience=AUDIENCE, custom_fetch=fetch
    )
    app = _with_dependency(peer("fastapi").Depends(auth.require_auth(scopes=[SCOPE])))
    return App(labelled("auth0-fastapi-api"), app, {"iss": AUTH0_ISSUER})


def azure(issuer: Address) -> App:
    """Return one with fastapi-azure-auth, which finds `issuer` in place of Azure's metadata."""
    scheme = peer("fastapi_azure_auth").SingleTenantAzureAuthorizationCodeBearer(
        app_client_id=AUDIENCE, tenant_id="benchmark", scopes={SCOPE: "read"}
    )
    scheme.openid_config.config_url = f"{issuer.url}/.well-known/openid-configuration"
    app = _with_dependency(peer("fastapi").Security(scheme, scopes=[SCOPE]))
    return App(labelled("fastapi-azure-auth"), app, dict(AZURE_CLAIMS))


def connection(token: str | None) -> dict[str, Any]:
    """Return an ASGI connection scope such as uvicorn makes; it is good for one request."""
    headers = [
        (b"host", b"127.0.0.1:8000"),
        (b"user-agent", b"benchmark"),
        (b"accept", b"application/json"),
        (b"accept-encoding", b"gzip, deflate"),
    ]
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode("latin-1")))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": headers,
        "state": {},
    }


async def receive_nothing() -> dict[str, Any]:
    """Receive an empty body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def status_of(application: ASGIApplication, token: str | None) -> str:
    """Send one request and return the status of the answer."""
    seen: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    await application(connection(token), receive_nothing, send)
    return str(seen[-1])


def _with_dependency(dependency: Any) -> Any:
    app, response = _empty()

    @app.get(PATH)  # type: ignore[untyped-decorator]
    async def sessions(_: Annotated[Any, dependency]) -> Any:
        return response(b"ok")

    return app


def _empty() -> tuple[Any, Any]:
    return peer("fastapi").FastAPI(), peer("starlette.responses").Response


async def _get(client: Any, url: str) -> Any:
    async with client() as opened:
        answer = await opened.get(url)
        answer.raise_for_status()
        return answer
