"""The package as a whole: names, version, imports, docstrings."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest
from tests.support.tokens import public_jwk

import mindpeeker_guard
from mindpeeker_guard import authenticators, errors, settings

HEAVY = (
    "flask",
    "werkzeug",
    "fastapi",
    "starlette",
    "django",
    "asgiref",
    "httpx",
    "httpx2",
    "httpcore",
    "asyncio",
    "anyio",
    "requests",
    "authlib",
    "click",
    "rich",
)
CORE = [mindpeeker_guard, authenticators, errors, settings]


def ruff_order(name):
    """Sort as ruff's RUF022 does: SCREAMING_CASE, then CamelCase, then the rest."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1, name) if name[:1].isupper() else (2, name)


def is_ours(value):
    return getattr(value, "__module__", "").startswith("mindpeeker_guard")


def test_public_names_are_listed():
    """
    `__all__` has every public name that the package imports, one that it loads at its first use, and nothing else.
    """
    public = {
        name
        for name, value in vars(mindpeeker_guard).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }

    assert public - {"TYPE_CHECKING", "Any"} | {"__version__", "RateLimits"} == set(mindpeeker_guard.__all__)
    assert all(hasattr(mindpeeker_guard, name) for name in mindpeeker_guard.__all__)
    assert not hasattr(mindpeeker_guard, "RateLimit5")


@pytest.mark.parametrize("module", [mindpeeker_guard, authenticators], ids=lambda module: module.__name__)
def test_public_names_are_sorted(module):
    """
    `__all__` is sorted as ruff sorts it, and has no name twice.
    """
    assert sorted(set(module.__all__), key=ruff_order) == module.__all__
    assert all(hasattr(module, name) for name in module.__all__)


def test_every_error_is_public():
    """
    Every exception that the package raises on purpose can be imported from it.
    """
    found = {
        name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, errors.GuardError)
    }

    assert found <= set(mindpeeker_guard.__all__)


def test_importing_the_package_loads_no_framework():
    """
    Importing the package loads no framework, no HTTP client and no event loop.
    """
    script = (
        f"import mindpeeker_guard, mindpeeker_guard.settings, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=100)

    assert done.stdout.strip() == "[]"


def test_a_check_loads_no_http_client():
    """
    A guard with keys at hand decides without an HTTP client, and without an event loop.
    """
    script = """
import json, sys
from mindpeeker_guard import AuthError, Guard, JWTBearer, Request
guard = Guard(JWTBearer(keys=json.loads(sys.argv[1])))
try:
    guard.check(Request(headers={"Authorization": "Bearer a.b.c"}))
except AuthError as error:
    guard.refusal(error)
print([name for name in ("httpx", "httpx2", "asyncio") if name in sys.modules])
"""
    key = json.dumps(public_jwk("ec", "ES256"))
    done = subprocess.run([sys.executable, "-c", script, key], capture_output=True, text=True, check=True, timeout=100)

    assert done.stdout.strip() == "[]"


def test_the_version():
    """
    The version is the one of the installed distribution.
    """
    assert importlib.metadata.version("mindpeeker-guard") == mindpeeker_guard.__version__


def test_types_are_shipped():
    """
    The package is marked as typed.
    """
    from importlib.resources import files

    assert files("mindpeeker_guard").joinpath("py.typed").is_file()


def documented():
    """Return each public name of the core, and each public member of its classes."""
    for module in CORE:
        for name, value in vars(module).items():
            if name.startswith("_") or not is_ours(value) or not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            yield pytest.param(value, id=f"{module.__name__}.{name}")
            for attribute, member in vars(value).items() if inspect.isclass(value) else ():
                function = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if not attribute.startswith("_") and inspect.isfunction(function):
                    yield pytest.param(function, id=f"{module.__name__}.{name}.{attribute}")


@pytest.mark.parametrize("thing", list(documented()))
def test_everything_public_has_a_docstring(thing):
    """
    Every public class, function, method and property says what it is, in one sentence first.
    """
    first = (thing.__doc__ or "").strip().split("\n\n")[0]

    assert first.endswith((".", ":", "?"))


def core_modules():
    outside = {
        "cli",
        "django",
        "issuer",
        "flask",
        "fastapi",
        "asgi",
        "wsgi",
        "client",
        "login",
        "testing",
        "api_keys",
        "api_key_routes",
        "routes",
    }
    for module in pkgutil.walk_packages(mindpeeker_guard.__path__, "mindpeeker_guard."):
        if module.name.split(".")[1] not in outside:
            yield module.name


def test_the_core_imports_no_adapter():
    """
    No module of the core imports an adapter, or a package around the core.
    """
    names = [name for name in core_modules() if not name.startswith("mindpeeker_guard._fastapi")]
    script = f"""
import importlib, json, sys
for name in {names!r}:
    importlib.import_module(name)
print(json.dumps([name for name in sys.modules if name.startswith("mindpeeker_guard.")]))
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=100)

    assert set(names) == set(json.loads(done.stdout))
