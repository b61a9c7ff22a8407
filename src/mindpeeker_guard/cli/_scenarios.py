"""The requests that a newcomer wonders about: what is sent, what must come back, and why."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mindpeeker_guard._http import http_library
from mindpeeker_guard.cli._key_scenarios import KeyScenario
from mindpeeker_guard.cli._outcomes import Outcome, detail
from mindpeeker_guard.issuer import EmbeddedIssuer

CLIENT_ID: Final = "demo-client"
CLIENT_SECRET: Final = "demo-secret"  # noqa: S105 - it opens nothing but the demo
CLIENT_SCOPES: Final = (
    *("remote-viewing:read", "remote-viewing:write", "remote-viewing:delete", "remote-viewing:admin"),
    *("dowsing:admin", "analytics:read", "analytics:export", "profile"),
)

_REPORTS: Final = "/v1/analytics/reports"
_FAR: Final = 120  # seconds: beyond any clock difference that is allowed


@dataclass(frozen=True, slots=True)
class Try:
    """One request to send: the credential in words, the status that must come back, and what to send."""

    credential: str
    expected: int
    token: str | None = None
    path: str = "/v1/sessions"
    why: str = ""
    method: str = "GET"
    times: int = 1


class Scenario:
    """Drives the requests against a running API.

    Args:
        issuer: The issuer that the API trusts, running.
        api_url: The API's base URL.
    """

    def __init__(self, issuer: EmbeddedIssuer, api_url: str) -> None:
        self._issuer = issuer
        self._api = api_url
        self._client: Any = http_library().Client(trust_env=False, timeout=30)

    def play(self) -> Iterator[list[Outcome]]:
        """Send the requests, one after the other, and yield what came of them: one list for each act."""
        with self._client:
            api_keys = KeyScenario(self._client, self._api, self.token("remote-viewing:read remote-viewing:write"))
            for act in (self._credentials, self._bad_tokens, self._scopes, api_keys.play, self._keys):
                yield list(act())

    def token(self, scope: str) -> str:
        """Get a token the way a real client does: from the token endpoint, with the client-credentials grant."""
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scope": scope,
        }
        answer = self._client.post(self._issuer.token_endpoint, data=form)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def _credentials(self) -> Iterator[Outcome]:
        token = self.token("remote-viewing:read")
        yield self._send(Try("none", 200, path="/v1/status", why="The route is public."))
        yield self._send(Try("none", 401))
        yield self._send(Try("remote-viewing:read", 200, token, why="The token has the scope."))
        yield self._send(Try("two Authorization headers", 400, token, times=2))
        yield self._send(Try("token in the query", 401, path=f"/v1/sessions?access_token={token}"))

    def _bad_tokens(self) -> Iterator[Outcome]:
        issue, now = self._issuer.issue, int(time.time())
        scope = "remote-viewing:read"
        yield self._send(Try("expired", 401, issue(scope=scope, iat=now - 3600, exp=now - _FAR)))
        yield self._send(Try("not valid yet", 401, issue(scope=scope, nbf=now + _FAR)))
        yield self._send(Try("from another issuer", 401, issue(scope=scope, iss="https://auth.example.com")))
        yield self._send(Try("for another API", 401, issue(scope=scope, aud="https://api.example.com")))
        yield self._send(Try("payload changed", 401, _with_more_scopes(issue(scope=scope))))
        yield self._send(Try("not signed", 401, _unsigned(issue(scope=scope))))
        yield self._send(Try("not a token", 401, "not.a.token"))

    def _scopes(self) -> Iterator[Outcome]:
        profile, admin, read = map(self.token, ("profile", "remote-viewing:admin", "remote-viewing:read"))
        yield self._send(Try("profile", 403, profile))
        yield self._send(Try("profile", 200, profile, path="/v1/user/profile", why="The token has the scope."))
        yield self._send(Try("remote-viewing:read", 403, read, method="POST"))
        implied = "The service's admin scope implies its others."
        yield self._send(Try("remote-viewing:admin", 200, admin, why=implied))
        yield self._send(Try("remote-viewing:admin", 201, admin, why=implied, method="POST"))
        yield self._send(Try("remote-viewing:admin", 200, admin, why=implied, method="DELETE", path="/v1/sessions/s-1"))
        yield self._send(Try("dowsing:admin", 403, self.token("dowsing:admin")))
        why = "analytics:read or analytics:export will do."
        yield self._send(Try("analytics:export", 200, self.token("analytics:export"), path=_REPORTS, why=why))

    def _keys(self) -> Iterator[Outcome]:
        issue, old = self._issuer.issue, self.token("remote-viewing:read")
        self._issuer.rotate()
        new = self.token("remote-viewing:read")
        yield self._send(Try("signed with a new key", 200, new, why="Keys rotated; the first such token is good."))
        yield self._send(Try("signed with the old key", 200, old, why="The old key is still published."))
        yield self._send(Try("names an unknown key", 401, issue(headers={"kid": "unheard-of"})))
        self._issuer.stop()
        try:
            yield self._send(Try("issuer down", 200, new, why="The keys in hand go on working."))
            yield self._send(Try("issuer down, unknown key", 503, issue(headers={"kid": "also-unheard-of"})))
        finally:
            self._issuer.start()

    def _send(self, what: Try) -> Outcome:
        headers = [("Authorization", f"Bearer {what.token}")] * what.times if what.token is not None else []
        body = {"target": "a lighthouse"} if what.method == "POST" else None
        answer = self._client.request(what.method, f"{self._api}{what.path}", headers=headers, json=body)
        path, query, _ = what.path.partition("?")
        shown = f"{what.method} {path}{query and '?…'}"
        why = what.why if answer.is_success else detail(answer)
        return Outcome(shown, what.credential, what.expected, answer.status_code, why)


def _with_more_scopes(token: str) -> str:
    """Return `token` with an administrative scope in its payload, and its old signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"{header}.{_segment(claims | {'scope': 'remote-viewing:admin'})}.{signature}"


def _unsigned(token: str) -> str:
    """Return `token` with ``alg: none`` in its header; the signature is left, for an empty one is no token at all."""
    _, payload, signature = token.split(".")
    return f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{payload}.{signature}"


def _segment(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()
