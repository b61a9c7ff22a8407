"""Test your guarded routes: sign somebody in, or use real tokens of an issuer that runs in the test.

`as_principal` needs no token at all. `FakeIssuer` signs real ones. `assert_guarded` attacks a route of yours with
dozens of tokens and says in words what is wrong. `Clock` is a time that you move. The fixtures of the pytest plugin,
which is there where the package is installed, are made of these: ``mindpeeker_as_principal``, ``mindpeeker_token``,
``mindpeeker_auth_headers``, ``mindpeeker_issuer``, ``mindpeeker_clock``.
"""

from __future__ import annotations

from mindpeeker_guard.testing._clock import Clock
from mindpeeker_guard.testing._guarded import assert_guarded
from mindpeeker_guard.testing._issuer import FakeIssuer
from mindpeeker_guard.testing._principals import as_principal

__all__ = ["Clock", "FakeIssuer", "as_principal", "assert_guarded"]
