"""Peppers: digests that need a secret, and the change of that secret."""

from __future__ import annotations

import hashlib
import hmac
from types import SimpleNamespace

import pytest
from tests.api_keys.keywork import PEPPER, service, with_secret

from mindpeeker_guard import ConfigurationError, InvalidAPIKeyError
from mindpeeker_guard._flow import run
from mindpeeker_guard.api_keys import MemoryStore, _peppers
from mindpeeker_guard.api_keys._format import make_key

OTHER = "another pepper, of the year after that"


def test_the_digest_is_an_hmac_of_all_but_the_checksum():
    """
    HMAC-SHA-256 under the pepper, over prefix, environment, id and secret.
    """
    issued = service().issue("n", ["profile"], owner="u")

    wanted = hmac.new(PEPPER.encode(), issued.key[:-6].encode(), hashlib.sha256).digest()
    assert (wanted, "1") == (issued.record.digest, issued.record.pepper_id)


def test_a_key_works_after_its_pepper_was_replaced():
    """
    The first pepper is for new keys; the others verify the keys that were made with them.
    """
    store = MemoryStore()
    old = service(store).issue("n", ["profile"], owner="u")
    keys = service(store, pepper={"2": OTHER, "1": PEPPER})
    new = keys.issue("n", ["profile"], owner="u")

    assert "u" == run(keys.verify(old.key)).subject == run(keys.verify(new.key)).subject
    assert ("1", "2") == (keys.get(old.record.id).pepper_id, new.record.pepper_id)


def test_a_rotated_key_has_the_current_pepper():
    """
    Rotation is the way to a new pepper.
    """
    store = MemoryStore()
    old = service(store).issue("n", ["profile"], owner="u")

    assert "2" == service(store, pepper={"2": OTHER, "1": PEPPER}).rotate(old.record.id).record.pepper_id


@pytest.mark.parametrize("pepper", [{"2": OTHER}, {"1": OTHER}])
def test_a_key_is_worth_nothing_without_its_pepper(pepper: dict):
    """
    A pepper that is gone, or another under its id, refuses the keys made with it; the log says which it is.
    """
    store = MemoryStore()
    old = service(store).issue("n", ["profile"], owner="u")

    with pytest.raises(InvalidAPIKeyError) as caught:
        run(service(store, pepper=pepper).verify(old.key))
    assert ("is not configured" in caught.value.reason) is ("1" not in pepper)


@pytest.mark.parametrize(
    "pepper",
    ["", "x" * 31, b"x" * 31, {}, {"1": "short"}, {"": PEPPER}, {"a b": PEPPER}, {1: PEPPER}, None, 5, {"1": 5}],
)
def test_a_weak_pepper_is_refused_at_the_start(pepper: object):
    """
    32 bytes at least, and ids that fit a column.
    """
    with pytest.raises(ConfigurationError, match="pepper"):
        service(pepper=pepper)


def test_no_repr_shows_a_pepper_or_a_digest():
    """
    What is logged by accident tells nothing.
    """
    keys = service()
    issued = keys.issue("n", ["profile"], owner="u")
    shown = f"{keys!r} {vars(keys)!r} {issued!r} {issued} {issued.record!r} {[issued]!r}"

    assert PEPPER not in shown
    assert issued.key not in shown
    assert issued.key.split("_")[3] not in shown
    assert repr(issued.record.digest) not in shown


def test_an_unknown_id_takes_the_same_steps_as_a_wrong_secret(monkeypatch):
    """
    One HMAC and one comparison in constant time, whether there is a record, none, or one under a lost pepper.
    """
    store = MemoryStore()
    keys = service(store)
    lost = service(store, pepper={"9": OTHER}).issue("n", ["profile"], owner="u")
    known = keys.issue("n", ["profile"], owner="u")
    steps = {}

    for name, text in {"wrong": with_secret(known.key), "unknown": make_key("live").text, "lost": lost.key}.items():
        steps[name] = taken = []
        double = SimpleNamespace(
            digest=lambda *args, taken=taken: taken.append(("digest", args[2], len(args[1]))) or hmac.digest(*args),
            compare_digest=lambda a, b, taken=taken: (
                taken.append(("compare", len(a), len(b))) or hmac.compare_digest(a, b)
            ),
        )
        monkeypatch.setattr(_peppers, "hmac", double)
        with pytest.raises(InvalidAPIKeyError):
            run(keys.verify(text))

    assert steps["wrong"] == steps["unknown"] == steps["lost"]
    assert [("digest", "sha256", len(known.key) - 6), ("compare", 32, 32)] == steps["wrong"]
