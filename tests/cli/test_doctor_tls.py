"""`doctor`: the certificate behind an issuer, looked at with the guard's own trust."""

from __future__ import annotations

import datetime as dt
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.cli.conftest import bare_environment
from tests.faults.certificates import Authority

from mindpeeker_guard.cli._doctor_online import check_certificate

NOW = dt.datetime.now(dt.UTC)


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing: some clients hang up."""


@contextmanager
def https(context: ssl.SSLContext) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), _Quiet)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def authority(tmp_path, monkeypatch) -> Authority:
    for name in set(os.environ) - set(bare_environment()):
        monkeypatch.delenv(name)
    made = Authority(tmp_path)
    store = tmp_path / "trusted.pem"
    store.write_bytes(made.certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    return made


@pytest.mark.parametrize(
    ("kind", "changes", "level"),
    [
        ("good", {"end": NOW + dt.timedelta(days=90)}, "ok"),
        ("ending", {"end": NOW + dt.timedelta(days=3)}, "warning"),
        ("expired", {"start": NOW - dt.timedelta(days=9), "end": NOW - dt.timedelta(days=3)}, "problem"),
        ("other", {"names": ("example.com",)}, "problem"),
    ],
)
def test_certificates(kind, changes, level, authority):
    """
    The days that a certificate has left are told; one that is not trusted is a problem.
    """
    with https(authority.server(kind, **changes)) as url:
        finding = check_certificate(url)

    assert level == finding.level
    assert level == "ok" or finding.advice


def test_a_certificate_that_nobody_vouches_for(authority):
    """
    A self-signed certificate is a problem.
    """
    with https(authority.self_signed()) as url:
        assert "problem" == check_certificate(url).level


def test_a_host_without_tls(authority, server):
    """
    Where nothing speaks TLS, there is a reason, and no traceback; a port that is closed likewise.
    """
    assert "problem" == check_certificate(server.url("").replace("http:", "https:")).level
    assert "problem" == check_certificate("https://127.0.0.1:1").level


def test_behind_a_proxy_the_certificate_is_not_looked_at(monkeypatch):
    """
    A proxy stands between: its connection is not ours to judge.
    """
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert "skipped" == check_certificate("https://auth.example.com").level
