"""API keys in the demo: made with an access token, used, refused, rotated, revoked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mindpeeker_guard.cli._outcomes import Outcome, detail

KEYS: Final = "/v1/api-keys"
_CREATED: Final = 201


@dataclass(frozen=True, slots=True)
class Call:
    """One request to send: the credential in words, the status that must come back, and what to send."""

    credential: str
    expected: int
    method: str = "GET"
    path: str = "/v1/sessions"
    shown: str = ""
    token: str = ""
    key: str = ""
    body: Any = None
    why: str = ""


class KeyScenario:
    """Drives the requests with API keys against a running API.

    Args:
        client: An HTTP client.
        api_url: The API's base URL.
        token: An access token that can read and write sessions.
    """

    def __init__(self, client: Any, api_url: str, token: str) -> None:
        self._client = client
        self._api = api_url
        self._token = token
        self._last: Mapping[str, Any] = {}

    def play(self) -> Iterator[Outcome]:
        """Send the requests, one after the other."""
        yield self._make("remote-viewing:read", 201, "The key is shown this once.")
        key, key_id = self._made()
        yield self._make("remote-viewing:admin", 403)
        yield from self._use(key)
        yield from self._rotate_and_revoke(key, key_id)

    def _use(self, key: str) -> Iterator[Outcome]:
        what = "key: remote-viewing:read"
        yield self._send(Call(what, 200, key=key, why="The key has the scope."))
        yield self._send(Call(what, 403, "POST", key=key))
        typo = key[:-1] + ("0" if key[-1] != "0" else "1")
        yield self._send(Call("key with a wrong checksum", 401, key=typo))
        yield self._send(Call("token and key at once", 400, key=key, token=self._token))
        yield self._send(Call("key, to list keys", 401, path=KEYS, key=key))

    def _rotate_and_revoke(self, old: str, old_id: str) -> Iterator[Outcome]:
        path, why = f"{KEYS}/{old_id}/rotate", "The new key is shown this once."
        yield self._send(
            Call("token", 201, "POST", path, f"{KEYS}/…/rotate", self._token, body={"overlap": 60}, why=why)
        )
        new, new_id = self._made()
        yield self._send(Call("the new key", 200, key=new, why="It has what the old one had."))
        yield self._send(Call("the old key", 200, key=old, why="For 60 seconds both work."))
        why = "The new key is revoked."
        yield self._send(Call("token", 204, "DELETE", f"{KEYS}/{new_id}", f"{KEYS}/…", self._token, why=why))
        yield self._send(Call("the revoked key", 401, key=new))

    def _make(self, scope: str, expected: int, why: str = "") -> Outcome:
        body = {"name": "Nightly export", "scopes": [scope], "expires_at": _next_year()}
        return self._send(
            Call(f"token; a key for {scope}", expected, "POST", KEYS, token=self._token, body=body, why=why)
        )

    def _made(self) -> tuple[str, str]:
        """Return the key that was made last, and its id; nonsense where none was."""
        return str(self._last.get("key")), str(self._last.get("id"))

    def _send(self, what: Call) -> Outcome:
        headers = {"Authorization": f"Bearer {what.token}"} if what.token else {}
        headers |= {"X-API-Key": what.key} if what.key else {}
        answer = self._client.request(what.method, f"{self._api}{what.path}", headers=headers, json=what.body)
        if answer.status_code == _CREATED:
            self._last = answer.json()
        why = what.why if answer.is_success else detail(answer)
        return Outcome(
            f"{what.method} {what.shown or what.path}", what.credential, what.expected, answer.status_code, why
        )


def _next_year() -> str:
    return f"{datetime.now(UTC) + timedelta(days=365):%Y-%m-%dT%H:%M:%SZ}"


def curl_lines(url: str) -> str:
    """Return lines to paste, after those that put an access token into ``$TOKEN``."""
    return f"""\
MADE=$(curl -s -X POST {url}{KEYS} \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d '{{"name": "Production API", "scopes": ["remote-viewing:read"], "expires_at": "{_next_year()}"}}')
ID=$(echo "$MADE" | sed 's/.*"id": *"\\([^"]*\\)".*/\\1/') KEY=$(echo "$MADE" | sed 's/.*"key": *"\\([^"]*\\)".*/\\1/')
curl -iw '\\n' {url}/v1/sessions -H "X-API-Key: $KEY"
curl -iw '\\n' {url}{KEYS} -H "Authorization: Bearer $TOKEN"
curl -iw '\\n' -X POST {url}{KEYS}/$ID/rotate -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" -d '{{"overlap": 60}}'
curl -iw '\\n' {url}/v1/sessions -H "X-API-Key: $KEY"
curl -iw '\\n' -X DELETE {url}{KEYS}/$ID -H "Authorization: Bearer $TOKEN"
curl -iw '\\n' {url}/v1/sessions -H "X-API-Key: $KEY"
"""
