"""The pytest plugin of mindpeeker-guard: fixtures, and nothing else.

It stands outside of the package because pytest loads it at every start, before coverage is measured and whether a test
wants it or not: importing a module of the package would import the package, with all that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mindpeeker_guard import Principal
    from mindpeeker_guard.testing import Clock, FakeIssuer


@pytest.fixture
def mindpeeker_as_principal() -> Iterator[Callable[..., Principal]]:
    """Sign somebody in for the rest of the test: ``mindpeeker_as_principal(subject="u-1", scopes=["profile"])``."""
    from mindpeeker_guard.testing import as_principal  # noqa: PLC0415 - only where it is used

    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(as_principal(*args, **options))


@pytest.fixture(scope="session")
def mindpeeker_issuer() -> Iterator[FakeIssuer]:
    """An issuer that signs real tokens and serves its keys over HTTP."""
    from mindpeeker_guard.testing import FakeIssuer  # noqa: PLC0415 - only where it is used

    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture
def mindpeeker_token(mindpeeker_issuer: FakeIssuer) -> Iterator[Callable[..., str]]:
    """Sign a token that every guard trusts in this test: ``mindpeeker_token(scopes=["profile"], expired=True)``."""
    with mindpeeker_issuer.trusted_by():
        yield mindpeeker_issuer.token


@pytest.fixture
def mindpeeker_auth_headers(
    mindpeeker_issuer: FakeIssuer, mindpeeker_token: Callable[..., str]
) -> Callable[..., dict[str, str]]:
    """Return request headers with such a token: ``mindpeeker_auth_headers(scopes=["profile"])``."""
    del mindpeeker_token  # it makes guards trust the issuer
    return mindpeeker_issuer.auth_headers


@pytest.fixture
def mindpeeker_clock() -> Clock:
    """A clock that stands still until the test moves it."""
    from mindpeeker_guard.testing import Clock  # noqa: PLC0415 - only where it is used

    return Clock()
