"""What the doctor asks of an issuer: metadata, keys, the time, the certificate."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509

from mindpeeker_guard._discovery import discover_jwks_uri, metadata_urls
from mindpeeker_guard._http import Answer, FetchError, http_library
from mindpeeker_guard._jwks import KeySet, parse_jwks
from mindpeeker_guard._shown import moment, shown
from mindpeeker_guard.authenticators._jwt_rules import Rules
from mindpeeker_guard.cli._command import limits, session
from mindpeeker_guard.cli._exits import NetworkError, fetch_problem
from mindpeeker_guard.cli._findings import Finding, ok, problem, skipped, warning
from mindpeeker_guard.cli._jwks import describe

_CLOCK_OFF: Final = 10.0  # seconds that are worth a warning, as for the guard
_SOON: Final = 14  # days that are left for a certificate
_DAY: Final = 86_400


class Online:
    """Asks an issuer what a guard would ask, and more.

    Args:
        rules: What tokens are held against.
        jwks_uri: Where the keys are; None asks the issuer's metadata.
    """

    def __init__(self, rules: Rules, jwks_uri: str | None) -> None:
        self._rules = rules
        self._jwks_uri = jwks_uri

    def findings(self) -> Iterator[Finding]:
        """Ask, and tell."""
        yield self._discovery()
        if self._jwks_uri is not None:
            yield from self._keys(self._jwks_uri)
        urls = {urlsplit(url)[:2]: url for url in (self._rules.issuer, self._jwks_uri) if url}
        for url in urls.values():
            yield check_certificate(url)

    def _discovery(self) -> Finding:
        if self._jwks_uri is not None:
            return skipped("discovery", "not needed: the keys' URL is set")
        issuer = self._rules.issuer
        try:
            with session() as opened:
                self._jwks_uri = discover_jwks_uri(issuer, opened)
        except FetchError as error:
            trouble = fetch_problem("The metadata", issuer, error)
            other = _other_issuer(issuer)
            advice = "Write the issuer as it calls itself, to the letter." if other else trouble.hint
            return problem("discovery", trouble.message + other, advice)
        return ok("discovery", f"keys at {self._jwks_uri}")

    def _keys(self, url: str) -> Iterator[Finding]:
        try:
            with session() as opened:
                answer = opened.get(url)
            keys = parse_jwks(answer.members or {})
        except (FetchError, ValueError) as error:
            trouble: NetworkError = fetch_problem("The keys", url, error)
            yield problem("keys", trouble.message, trouble.hint)
            return
        yield self._usable(keys)
        yield from _remarks(keys, answer)
        yield _clock(answer, self._rules.leeway)

    def _usable(self, keys: KeySet) -> Finding:
        fitting = [key for key in keys.keys if key.algorithms & self._rules.algorithms]
        if not fitting:
            reasons = ", ".join(keys.skipped) or "none is for an algorithm that is accepted"
            advice = "mindpeeker-guard jwks shows each key; compare MINDPEEKER_ALGORITHMS."
            return problem("keys", f"no usable key: {reasons}", advice)
        return ok("keys", f"{len(fitting)} usable: {', '.join(sorted(_strengths(fitting)))}")


def _strengths(keys: list[Any]) -> set[str]:
    sizes = ((key, getattr(key.material, "key_size", None)) for key in keys)
    return {f"{'/'.join(sorted(key.algorithms))}" + (f" ({size} bits)" if size else "") for key, size in sizes}


def _remarks(keys: KeySet, answer: Answer) -> Iterator[Finding]:
    """Tell what is odd about keys that work all the same."""
    entries = (answer.members or {}).get("keys", [])
    for reason in keys.skipped:
        kids = [describe(entry).kid or "without kid" for entry in entries if describe(entry).reason == reason]
        text = f"{len(kids)} not used ({reason}): {', '.join(shown(kid, 60) for kid in kids[:3])}"
        if reason == "private key published":
            yield problem("key safety", text, "Whoever has seen it can sign: withdraw the key now, and make a new one.")
        else:
            yield warning("key fitness", text, "If tokens are signed with it, have the issuer publish one that fits.")
    if len(keys.keys) > 1 and any(key.kid is None for key in keys.keys):
        yield warning("key ids", "a key has no kid, and there are others", "Have the issuer give each key a kid.")


def _clock(answer: Answer, leeway: float) -> Finding:
    offset = answer.clock_offset
    if offset is None:
        return skipped("clock", "the issuer's answer has no Date")
    text = f"the issuer's clock is {offset:+.0f} seconds from this one"
    advice = "Set both clocks by NTP: times in tokens are misjudged."
    if abs(offset) > max(leeway, _CLOCK_OFF):
        return problem("clock", text, advice)
    if abs(offset) > _CLOCK_OFF:
        return warning("clock", text, advice)
    return ok("clock", f"within {_CLOCK_OFF:.0f} seconds of the issuer's")


def _other_issuer(issuer: str) -> str:
    """Return what the issuer calls itself, if it is something else: a slash at the end is the usual mistake."""
    with session() as opened:
        for url in metadata_urls(issuer):
            try:
                named = (opened.get(url).members or {}).get("issuer")
            except FetchError as error:
                if not error.answered:
                    break
                continue
            if named != issuer:
                return f" It calls itself {shown(named)}."
    return ""


def check_certificate(url: str) -> Finding:
    """Look at the certificate behind `url`, with the trust that the guard's HTTP client has."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    name = f"TLS {host}" if parts.port is None else f"TLS {host}:{port}"
    if parts.scheme != "https":
        return skipped("TLS", f"{parts.netloc} is plain http on this machine")
    if "https" in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return skipped(name, "a proxy stands in between")
    try:
        ends = _certificate(host, port).not_valid_after_utc.timestamp()
    except ssl.SSLCertVerificationError as error:
        return problem(name, error.verify_message, "Have the certificate renewed, or trust its CA: SSL_CERT_FILE.")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return problem(name, f"no connection: {reason}", "Check the host, the port, DNS and the firewall.")
    days = int((ends - time.time()) // _DAY)
    text = f"the certificate is good for {days} more days, until {moment(ends)}"
    return ok(name, text) if days >= _SOON else warning(name, text, "Have the certificate renewed.")


def _certificate(host: str, port: int) -> x509.Certificate:
    context = http_library().create_ssl_context()
    with (
        socket.create_connection((host, port), limits().connect_timeout) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
