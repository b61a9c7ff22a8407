"""FastAPI: dependencies of every kind, and the principal that they are."""

import threading
from typing import Annotated

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Security
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from tests.frameworks.callers import OTHER_AUDIENCE, PREFLIGHT, READ, WRITE, bearer, make_guard

from mindpeeker_guard import ConfigurationError, Principal, ScopeCatalogue, all_of, any_of
from mindpeeker_guard.fastapi import (
    CurrentPrincipal,
    init_app,
    require,
    require_any_scope,
    require_scopes,
)

Reader = Annotated[Principal, Depends(require_scopes(READ))]
Writer = Annotated[Principal, Security(require_scopes(READ), scopes=[WRITE])]


@pytest.fixture
def app():
    app = FastAPI()
    init_app(app, make_guard())
    return app


@pytest.fixture
def client(app):
    return TestClient(app)


def read(principal: Reader):
    return {"sub": principal.subject}


async def read_async(principal: Reader):
    return {"sub": principal.subject}


def tell(principal: Reader):
    return str(principal)


def read_both(principal: Annotated[Principal, Depends(require_scopes(READ, WRITE))]):
    return principal.subject


async def write(principal: Writer):
    return {"sub": principal.subject}


@pytest.mark.parametrize("view", [read, read_async])
def test_plain_and_async_views_are_guarded_alike(app, client, view):
    """A plain and an async path operation run for who has the scopes, and for nobody else."""
    app.get("/x")(view)

    assert {"sub": "user-1"} == client.get("/x", headers=bearer()).json()
    assert 401 == client.get("/x").status_code
    assert 403 == client.get("/x", headers=bearer(scope="profile")).status_code


def test_scopes_of_security_are_needed_on_top(app, client):
    """``Security(…, scopes=[…])`` adds scopes to those of the dependency."""
    app.get("/x")(write)

    refused = client.get("/x", headers=bearer(scope=WRITE))
    assert 403 == refused.status_code
    assert [READ, WRITE] == sorted(refused.json()["required_scopes"])
    assert 403 == client.get("/x", headers=bearer(scope=READ)).status_code
    assert 200 == client.get("/x", headers=bearer(scope=f"{READ} {WRITE}")).status_code


def test_scopes_of_security_reach_through_dependencies(app, client):
    """Scopes that a route asks for count for the guard's dependency further down."""

    def loader(principal: Annotated[Principal, Depends(require_scopes())]):
        return principal.subject

    @app.get("/x")
    def x(sub: Annotated[str, Security(loader, scopes=[WRITE])]):
        return sub

    assert 403 == client.get("/x", headers=bearer()).status_code
    assert "user-1" == client.get("/x", headers=bearer(scope=WRITE)).json()


def test_any_of_and_scopes_of_security_combine(app, client):
    """Added scopes are needed with whichever alternative."""

    @app.get("/x")
    def x(_: Annotated[Principal, Security(require_any_scope(READ, WRITE), scopes=["profile"])]):
        return "ok"

    assert 403 == client.get("/x", headers=bearer()).status_code
    assert 403 == client.get("/x", headers=bearer(scope="profile")).status_code
    assert 200 == client.get("/x", headers=bearer(scope=f"{WRITE} profile")).status_code


def test_dependencies_of_routers_and_routes_all_count(app, client):
    """What application, router, inclusion, route and parameters ask for must all be met."""
    router = APIRouter(prefix="/inner", dependencies=[Depends(require_scopes(READ))])

    @router.get("/x", dependencies=[Depends(require_scopes("profile"))])
    def x(principal: CurrentPrincipal):
        return principal.subject

    app.include_router(router, prefix="/outer", dependencies=[Depends(require_scopes(WRITE))])

    def status(scope):
        return client.get("/outer/inner/x", headers=bearer(scope=scope)).status_code

    assert 401 == client.get("/outer/inner/x").status_code
    assert [403, 403, 403] == [status(scope) for scope in (f"{READ} {WRITE}", f"{READ} profile", f"{WRITE} profile")]
    assert 200 == status(f"{READ} {WRITE} profile")


def test_the_general_form_takes_expressions(app, client):
    """`require` takes expressions as dependencies, too."""
    app.get("/x", dependencies=[Depends(require(any_of(WRITE, all_of(READ, "profile"))))])(lambda: "ok")

    assert 403 == client.get("/x", headers=bearer()).status_code
    assert 200 == client.get("/x", headers=bearer(scope=f"{READ} profile")).status_code


def test_an_optional_dependency_is_none_for_nobody(app, client):
    """An optional dependency is None without a credential, and refuses a bad one."""

    @app.get("/x")
    def x(principal: Annotated[Principal | None, Depends(require_scopes(READ, optional=True))]):
        return {"anonymous": principal is None}

    assert {"anonymous": True} == client.get("/x").json()
    assert {"anonymous": False} == client.get("/x", headers=bearer()).json()
    assert 401 == client.get("/x", headers={"Authorization": "Bearer x"}).status_code
    assert 403 == client.get("/x", headers=bearer(scope="profile")).status_code


@pytest.mark.parametrize("order", [1, -1])
def test_optional_and_required_dependencies_do_not_mix_up(app, client, order):
    """An optional dependency that found nobody satisfies no other dependency, whichever comes first."""
    dependencies = [Depends(require(optional=True)), Depends(require_scopes(READ))]
    app.get("/x", dependencies=dependencies[::order])(lambda: "ok")

    assert 401 == client.get("/x").status_code
    assert 200 == client.get("/x", headers=bearer()).status_code


def test_equal_requirements_are_equal_dependencies(app, client):
    """A test may replace a dependency by one that was made the same way, however its scopes are ordered."""
    app.get("/x")(read_both)
    fake = Principal(subject="fake")

    app.dependency_overrides[require_scopes(READ, WRITE)] = lambda: fake
    same = client.get("/x").json()
    app.dependency_overrides = {require_scopes(WRITE, READ): lambda: fake}
    swapped = client.get("/x").status_code

    assert ("fake", 200) == (same, swapped)


def test_different_requirements_are_different_dependencies():
    """An override for one requirement is none for another."""
    different = {require_scopes(READ), require_scopes(WRITE), require_scopes(), require_scopes(READ, optional=True)}

    assert 4 == len(different)
    assert require_scopes(READ) != require(READ, max_age=60)
    assert require_scopes(READ) != "require_scopes"
    assert READ in repr(require_scopes(READ))


def test_without_a_guard_a_route_stays_closed():
    """A forgotten `init_app` is an error of the server, and the text says what to call."""
    app = FastAPI()
    app.get("/x")(read)

    assert 500 == TestClient(app, raise_server_exceptions=False).get("/x", headers=bearer()).status_code
    with pytest.raises(ConfigurationError, match=r"init_app\(app, guard\)"):
        TestClient(app).get("/x", headers=bearer())


def test_a_mounted_application_has_its_own_guard(app, client):
    """The principal of the guard outside counts for nothing inside, nor the other way round."""
    inner = FastAPI()
    init_app(inner, make_guard(OTHER_AUDIENCE))
    inner.get("/x")(read)
    app.mount("/inner", inner)
    app.get("/x")(read)

    assert [200, 401] == [client.get(path, headers=bearer()).status_code for path in ("/x", "/inner/x")]
    other = bearer(aud=OTHER_AUDIENCE)
    assert [401, 200] == [client.get(path, headers=other).status_code for path in ("/x", "/inner/x")]


def test_a_mounted_application_without_a_guard_stays_closed(app):
    """A mounted application does not borrow the guard of the application around it."""
    inner = FastAPI()
    inner.get("/x")(read)
    app.mount("/inner", inner)

    response = TestClient(app, raise_server_exceptions=False).get("/inner/x", headers=bearer())

    assert 500 == response.status_code


def test_background_tasks_run_for_who_was_let_in(app, client):
    """A task knows the caller; without a good credential there is none."""
    seen = []

    @app.post("/x")
    def x(principal: Reader, tasks: BackgroundTasks):
        tasks.add_task(lambda: seen.append(principal.subject))

    client.post("/x", headers=bearer(scope="profile"))
    assert seen == []
    client.post("/x", headers=bearer())
    assert ["user-1"] == seen


def test_a_streaming_route_keeps_its_principal(app, client):
    """A generator that outlives the path operation sees its caller."""

    @app.get("/x")
    def x(principal: Reader):
        return StreamingResponse(f"{number} {principal.subject}\n" for number in range(2))

    assert "0 user-1\n1 user-1\n" == client.get("/x", headers=bearer()).text


def test_concurrent_requests_see_their_own_principal(app):
    """Requests that are served at the same time do not mix up their callers."""
    together = threading.Barrier(4, timeout=60)

    @app.get("/x")
    def x(principal: Reader):
        together.wait()
        return principal.subject

    names = [f"user-{number}" for number in range(4)]
    seen = {}

    def call(client, name):
        seen[name] = client.get("/x", headers=bearer(sub=name)).json()

    with TestClient(app) as client:
        threads = [threading.Thread(target=call, args=(client, name)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert {name: name for name in names} == seen


def test_allow_preflight_lets_preflight_requests_pass():
    """With `allow_preflight`, a preflight request has no principal, and only a complete one passes."""
    app = FastAPI()
    init_app(app, make_guard(allow_preflight=True))
    app.options("/x")(tell)
    client = TestClient(app)

    assert "None" == client.options("/x", headers=PREFLIGHT).json()
    assert 401 == client.options("/x", headers={"Origin": "https://app.example"}).status_code


def test_settings_come_from_the_environment(monkeypatch):
    """Without a guard, one is made from the environment."""
    monkeypatch.setenv("MINDPEEKER_AUDIENCE", "https://environment.example")
    app = FastAPI()

    init_app(app)

    assert "https://environment.example" in repr(app.state.mindpeeker_guard)


def test_a_scope_of_another_catalogue_is_found_at_start():
    """A route that asks for a scope which the guard does not know is an error before the first request."""
    ours = ScopeCatalogue({"notes:read": "Read notes"})
    early, late = FastAPI(), FastAPI()
    early.get("/x", dependencies=[Depends(require_scopes("notes:read"))])(lambda: "ok")

    with pytest.raises(ConfigurationError, match="Unknown scope 'notes:read'"):
        init_app(early, make_guard())
    init_app(late, make_guard())
    late.include_router(early.router)
    with pytest.raises(ConfigurationError, match="Unknown scope 'notes:read'"), TestClient(late):
        pass
    init_app(early, make_guard(catalogue=ours))
