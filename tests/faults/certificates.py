"""Certificates of all kinds for a server on the loopback interface, and an authority that makes them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from tests.support.tokens import private_key

_NOW = dt.datetime.now(dt.UTC)
_DAY = dt.timedelta(days=1)


class Authority:
    """Signs certificates, and is trusted by who says so.

    Args:
        folder: Where files can be put.
        name: Its name.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = name
        self._key = private_key(f"tls-{name}", "ES256")
        self.certificate = self._certificate(name, self._key, ca=True)

    def server(self, kind: str, **changes: Any) -> ssl.SSLContext:
        """Return the server's side of TLS, with a certificate of this authority."""
        key = private_key(f"tls-{kind}", "ES256")
        return self._context(kind, key, self._certificate(kind, key, **changes))

    def self_signed(self) -> ssl.SSLContext:
        """Return the server's side of TLS with a certificate that only it vouches for."""
        key = private_key("tls-self", "ES256")
        return self._context("self", key, self._certificate("self", key, issuer="self", signer=key))

    def trusting(self) -> ssl.SSLContext:
        """Return the client's side of TLS that trusts this authority and nobody else."""
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def _certificate(
        self,
        name: str,
        key: Any,
        *,
        names: tuple[str, ...] = ("127.0.0.1", "localhost"),
        start: dt.datetime = _NOW - _DAY,
        end: dt.datetime = _NOW + _DAY,
        ca: bool = False,
        issuer: str | None = None,
        signer: Any = None,
    ) -> x509.Certificate:
        signer = signer or self._key
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(issuer or self._name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if ca:
            builder = builder.add_extension(_CA_USAGE, critical=True)
        elif names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), False)
        return builder.sign(signer, hashes.SHA256())

    def _context(self, kind: str, key: Any, certificate: x509.Certificate) -> ssl.SSLContext:
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self._folder / f"{self._name}-{kind}.pem"
        path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


_CA_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@cache
def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def bad_servers(authority: Authority, other: Authority) -> dict[str, ssl.SSLContext]:
    """Return servers that a client of `authority` must not believe, by what is wrong with them."""
    return {
        "self-signed": authority.self_signed(),
        "another authority's": other.server("good"),
        "wrong host": authority.server("host", names=("auth.mindpeeker.com",)),
        "no host": authority.server("127.0.0.1", names=()),
        "expired": authority.server("expired", start=_NOW - 3 * _DAY, end=_NOW - 2 * _DAY),
        "not valid yet": authority.server("early", start=_NOW + _DAY, end=_NOW + 2 * _DAY),
    }
