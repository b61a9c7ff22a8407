"""What the doctor sees without asking anybody: packages, settings, proxies."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from mindpeeker_guard._http import http_library
from mindpeeker_guard._version import __version__
from mindpeeker_guard.cli._findings import Finding, ok, problem, warning
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.settings import PREFIX, SETTINGS, from_prefixed

_CLIENTS_OWN: Final = frozenset({"CLIENT_ID", "CLIENT_SECRET", "API_KEY"})
_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_TRUST: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_LONG_LEEWAY: Final = 60.0  # seconds
_PYJWT: Final = "pyjwt"


def check_machine() -> Iterator[Finding]:
    """Look at Python, the packages, and the proxies in the environment."""
    library = http_library()
    versions = {
        "mindpeeker-guard": __version__,
        "Python": platform.python_version(),
        "PyJWT": importlib.metadata.version(_PYJWT),
        "cryptography": importlib.metadata.version("cryptography"),
        library.__name__: library.__version__,
    }
    yield ok("packages", ", ".join(f"{name} {version}" for name, version in versions.items()))
    yield check_jwt_module(importlib.metadata.packages_distributions().get("jwt", []))
    yield _check_proxies(os.environ)
    if trust := [name for name in _TRUST if os.environ.get(name)]:
        yield ok("trusted CAs", f"those of {' and '.join(trust)}")


def check_jwt_module(owners: list[str]) -> Finding:
    """Look whether another package has put a module named ``jwt`` over PyJWT's.

    Args:
        owners: The distributions that have files in the package ``jwt``.
    """
    others = sorted({name for name in owners if name.lower() != _PYJWT})
    if others:
        names = " ".join(others)
        return problem(
            "jwt module",
            f"{', '.join(others)} and PyJWT are both installed, and both are 'import jwt'",
            f"pip uninstall {names}, then pip install --force-reinstall --no-deps pyjwt",
        )
    return ok("jwt module", "it is PyJWT's, and nobody else's")


def _check_proxies(environ: Mapping[str, str]) -> Finding:
    there = {name: value for name in _PROXIES if (value := environ.get(name) or environ.get(name.lower()))}
    if not there:
        return ok("proxies", "none in the environment")
    text = ", ".join(f"{name}={_without_password(value)}" for name, value in there.items())
    return warning("proxies", text, "The guard's HTTP client uses these: see that they lead to the issuer.")


def _without_password(value: str) -> str:
    if "@" not in value:
        return value
    try:
        parts = urlsplit(value)
        return f"{parts.scheme}://...@{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "..."


def check_settings(options: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at the variables that begin like settings, and at values that are allowed but rarely meant."""
    names = sorted(name for name in environ if name.startswith(PREFIX))
    known = [name for name in names if name.removeprefix(PREFIX) in SETTINGS]
    yield ok("settings", f"from the environment: {', '.join(known)}" if known else "none in the environment: defaults")
    for name in names:
        if name not in known and name.removeprefix(PREFIX) not in _CLIENTS_OWN:
            yield _unknown(name)
    issuer = options.get("issuer") or environ.get(f"{PREFIX}ISSUER", "")
    if issuer.endswith("/"):
        advice = "Compare it with the iss of a token, to the letter: mindpeeker-guard inspect."
        yield warning("issuer name", f"{issuer!r} ends in a slash", advice)
    yield from _leeway(str(options.get("leeway") or environ.get(f"{PREFIX}LEEWAY", "")))


def _unknown(name: str) -> Finding:
    try:
        from_prefixed({name: ""})
    except ConfigurationError as error:
        return problem("settings", str(error), "Rename it, or remove it: a guard refuses to start with it.")
    return warning("settings", f"{name} is no setting of the guard", "If it was meant as one, see docs/settings.md.")


def _leeway(text: str) -> Iterator[Finding]:
    try:
        leeway = float(text or 0)
    except ValueError:
        return
    if leeway > _LONG_LEEWAY:
        text = f"tokens are taken {leeway:g} seconds past their end"
        yield warning("leeway", text, "Set clocks right with NTP, and MINDPEEKER_LEEWAY to 30 or less.")
