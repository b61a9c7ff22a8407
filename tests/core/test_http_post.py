"""Forms: sent once, within the same limits as documents are fetched."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from tests.support.server import Reply, ScriptedServer, hang_up

from mindpeeker_guard._http import Fetcher, FetchError, Limits


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


def post(server, form=None, max_bytes=1024):
    with Fetcher(Limits(connect_timeout=2, timeout=5, max_bytes=max_bytes)).session() as session:
        return session.post(server.url("/token"), form or {"a": "b c"})


def test_a_form_is_sent_and_the_answer_read(server):
    """
    The form arrives form-encoded; status and members come back, good or bad.
    """
    server.answer(Reply({"error": "invalid_client"}, status=400), path="/token")

    posted = post(server, {"a": "b c", "d": "é"})

    assert (400, {"error": "invalid_client"}) == posted
    assert "application/x-www-form-urlencoded" == server.hits[0].headers["Content-Type"]
    assert {"a": ["b c"], "d": ["é"]} == parse_qs(server.hits[0].body.decode())


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"a": 1, "a": 2}', b"{" + b" " * 2000 + b"}"])
def test_what_is_no_json_object_is_refused(server, body):
    """
    An answer that is no JSON object, or too large, is an error.
    """
    server.answer(Reply(body), path="/token")

    with pytest.raises(FetchError):
        post(server)


def test_a_form_is_sent_once(server):
    """
    A lost answer is not asked for again: nobody knows what the first try did.
    """
    server.answer(Reply(act=hang_up), path="/token")

    with pytest.raises(FetchError):
        post(server)

    assert 1 == server.count("/token")
