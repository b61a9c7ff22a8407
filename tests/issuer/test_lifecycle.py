"""Starting, stopping, where it may listen, and what it never shows."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import httpx
import pytest

import mindpeeker_guard.issuer
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.issuer import EmbeddedIssuer


def test_stop_refuses_connections_and_start_takes_the_same_port(issuer, http):
    """An outage is real, and ends with everything as it was."""
    url, kid = issuer.url, issuer.kid

    issuer.stop()
    with pytest.raises(httpx.ConnectError):
        http.get(issuer.jwks_uri)
    issuer.start()

    assert (url, kid) == (issuer.url, http.get(issuer.jwks_uri).json()["keys"][0]["kid"])
    assert 200 == http.token(issuer).status_code


def test_start_and_stop_can_be_repeated(issuer, http):
    """Starting twice is starting once, and so is stopping."""
    before = threading.active_count()

    issuer.start()
    alive = http.get(issuer.jwks_uri).status_code
    issuer.stop()
    issuer.stop()

    assert 200 == alive
    assert threading.active_count() < before + 1
    assert "listening=False" in repr(issuer)


def test_ten_outages_in_a_row(issuer, http):
    """Neither sockets nor threads are left over."""
    threads = threading.active_count()

    for _ in range(10):
        issuer.stop()
        issuer.start()

    assert 200 == http.get(issuer.jwks_uri).status_code
    assert threads + 1 >= threading.active_count()


def test_a_taken_port_is_an_error_of_the_system(issuer):
    """A second server on one port is an OSError; the process lives on."""
    second = EmbeddedIssuer(port=urlsplit(issuer.url).port)

    with pytest.raises(OSError, match=r"[Aa]ddress"):
        second.start()

    assert "listening=False" in repr(second)


def test_urls_need_a_port():
    """Before it has a port an issuer has no URL, and says what to do."""
    issuer = EmbeddedIssuer()

    for name in ("url", "issuer", "jwks_uri", "token_endpoint", "metadata_url"):
        with pytest.raises(ConfigurationError, match=r"start\(\)"):
            getattr(issuer, name)
    with pytest.raises(ConfigurationError, match=r"start\(\)"):
        issuer.issue()
    assert issuer.issue(iss="https://auth.mindpeeker.com")


def test_urls_of_a_given_port_are_known_at_once():
    """With a port, URLs can be put into settings before the server starts."""
    assert "http://127.0.0.1:9999/oauth2/token" == EmbeddedIssuer(port=9999).token_endpoint
    assert "http://[::1]:9999" == EmbeddedIssuer(host="::1", port=9999).url
    assert "http://localhost:9999" == EmbeddedIssuer(host="localhost", port=9999).issuer


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "",
        "::",
        "192.168.1.1",
        "8.8.8.8",
        "auth.mindpeeker.com",
        "localhost.example.com",
        "::ffff:8.8.8.8",
        "127.1",
    ],
)
def test_beyond_loopback_only_when_told_to(host):
    """Whatever is not surely loopback needs allow_remote=True."""
    with pytest.raises(ConfigurationError, match="allow_remote"):
        EmbeddedIssuer(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "localhost"])
def test_every_form_of_loopback_is_allowed(host):
    """Loopback is an address range, not one address."""
    EmbeddedIssuer(host=host)


def test_listening_beyond_loopback_when_told_to(http):
    """With allow_remote=True every interface is served, and plain http works there too."""
    with EmbeddedIssuer(host="0.0.0.0", allow_remote=True) as issuer:
        issuer.add_client("your_client_id", "s", ["profile"])
        response = http.token(issuer, client_secret="s")

    assert 200 == response.status_code


def test_localhost_is_served(http):
    """The name works like the address."""
    with EmbeddedIssuer(host="localhost") as issuer:
        keys = http.get(issuer.jwks_uri.replace("localhost", "127.0.0.1")).json()["keys"]

    assert [issuer.kid] == [key["kid"] for key in keys]


@pytest.mark.parametrize("setting", [{"port": -1}, {"port": 65536}, {"lifetime": 0}, {"lifetime": -5}])
def test_settings_out_of_range_are_refused(setting):
    """A setting that cannot work is an error at once."""
    with pytest.raises(ConfigurationError):
        EmbeddedIssuer(**setting)


def test_nothing_shows_a_secret(issuer, http, secret, caplog, capfd):
    """Neither repr nor any log at DEBUG has the client's secret, the token, or a private key; Authlib's included."""
    caplog.set_level(logging.DEBUG)
    token = http.token(issuer).json()["access_token"]
    http.token(issuer, auth=("your_client_id", secret), client_id=None, client_secret=None)
    http.token(issuer, client_secret=secret + "x")
    http.get(f"{issuer.token_endpoint}?client_secret={secret}")
    http.get(f"{issuer.url}/{secret}")
    private = str(issuer._authority.keys.current.private.private_numbers().d)

    shown = [repr(issuer), repr(issuer._authority.clients), repr(issuer._authority.keys.current), *capfd.readouterr()]
    shown += [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    loggers = {record.name for record in caplog.records}

    assert {"mindpeeker_guard.issuer", "authlib.oauth2.rfc6749.grants.client_credentials"} <= loggers
    assert [] == [text for text in shown for hidden in ("very-secret-42", token, private) if hidden in text]


def test_log_is_quiet_by_default(issuer, http, caplog, capfd):
    """A request writes one line at DEBUG, with route and status; nothing is printed and nothing is louder."""
    caplog.set_level(logging.DEBUG, "mindpeeker_guard.issuer")

    http.get(issuer.jwks_uri + "?secret")

    lines = [r.getMessage() for r in caplog.records if r.name == "mindpeeker_guard.issuer"]
    assert ["answered /.well-known/jwks.json with 200"] == lines
    assert [] == [r for r in caplog.records if r.name == "werkzeug"]
    assert ("", "") == capfd.readouterr()


def test_server_names_no_library(issuer, http):
    """Versions of libraries are nobody's business."""
    response = http.get(issuer.jwks_uri)

    assert "mindpeeker-guard" == response.headers["server"]
    assert "nosniff" == response.headers["x-content-type-options"]


def test_environment_is_left_alone(issuer, http, monkeypatch):
    """Plain http on loopback works without Authlib's process-wide switch."""
    monkeypatch.delenv("AUTHLIB_INSECURE_TRANSPORT", raising=False)

    assert 200 == http.token(issuer).status_code


@pytest.mark.parametrize("missing", ["authlib", "flask"])
def test_missing_extra_is_one_sentence(missing):
    """Without Authlib or Flask, importing names the extra to install."""
    code = f"import sys; sys.modules[{missing!r}] = None\nimport mindpeeker_guard.issuer"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    last = done.stderr.strip().splitlines()[-1]
    assert (
        "ImportError: mindpeeker_guard.issuer needs the extra 'issuer': pip install 'mindpeeker-guard[issuer]'." == last
    )


def test_other_missing_modules_keep_their_own_text():
    """Only the extra's own modules are explained by the extra."""
    code = "import sys; sys.modules['werkzeug'] = None\nimport mindpeeker_guard.issuer"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "extra" not in done.stderr
    assert "werkzeug" in done.stderr.splitlines()[-1]


def test_public_names_are_listed():
    """`__all__` is complete."""
    assert ["EmbeddedIssuer"] == mindpeeker_guard.issuer.__all__
