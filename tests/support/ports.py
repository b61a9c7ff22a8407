"""Ports for servers of the tests' own, and for places where nobody listens."""

from __future__ import annotations

import random
import socket

# Systems give out ports from 32768 (or higher) to whoever does not name one: a port below stays free between its choice
# and its use, and while its server is down. The nodes of a Redis Cluster take the port that is 10,000 higher as well.
_RANGE = range(16_000, 22_000)


def free_port() -> int:
    """Return a port on the loopback that nobody listens on."""
    while True:
        port = random.SystemRandom().choice(_RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
