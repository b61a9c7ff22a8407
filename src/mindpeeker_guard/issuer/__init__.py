"""A real OAuth 2.0 authorization server on loopback, for demos, tests and local work.

It speaks HTTP, publishes RFC 8414 metadata and a key set, issues tokens by client credentials (RFC 6749 section 4.4)
with the fields of the MindPeeker platform, and rotates its keys on demand. It is no production issuer: clients and keys
live in memory, and it refuses to listen beyond loopback unless told to.

Needs the extra ``issuer`` (Authlib and Flask).
"""

from __future__ import annotations

_NEEDS_EXTRA = "mindpeeker_guard.issuer needs the extra 'issuer': pip install 'mindpeeker-guard[issuer]'."
_EXTRA = frozenset({"authlib", "flask"})

try:
    from mindpeeker_guard.issuer._embedded import EmbeddedIssuer
except ModuleNotFoundError as exc:
    # A missing module of any other package is a fault of its own and keeps its own text.
    if (exc.name or "").partition(".")[0] not in _EXTRA:
        raise
    raise ImportError(_NEEDS_EXTRA, name=exc.name) from exc

__all__ = ["EmbeddedIssuer"]
