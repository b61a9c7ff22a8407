"""An issuer that misbehaves, and nothing between it and the guard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.faults.certificates import Authority
from tests.faults.issuer import Issuer
from tests.faults.rig import nobody_fetches

from mindpeeker_guard._http import http_library


@pytest.fixture(scope="session", autouse=True)
def small_authorities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one authority in place of all public ones: reading those takes most of the time of a fetch here."""
    http_library()  # imported first: that takes longer than most limits here
    authority = Authority(tmp_path_factory.mktemp("small"), "small")
    path = tmp_path_factory.mktemp("authorities") / "small.pem"
    path.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    return path


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, small_authorities: Path) -> Iterator[None]:
    """Keep proxies out, and see that no fetch outlives its test."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("SSL_CERT_FILE", str(small_authorities))
    yield
    assert nobody_fetches()


@pytest.fixture
def issuer(_alone: None) -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer
