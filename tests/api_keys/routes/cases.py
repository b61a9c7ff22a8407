"""The table of all cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.api_keys.routes.cases_making import BODIES, MAKING
from tests.api_keys.routes.cases_using import DOWN, ENDING, READING, ROTATING
from tests.api_keys.routes.casework import CREATE, GOOD, KEYS, Case, refused
from tests.api_keys.routes.world import ALIVE, GOOD_KEY, bearer

_REQUESTS: Final = (
    CREATE,
    f"GET {KEYS}",
    f"GET {KEYS}/{ALIVE}",
    f"DELETE {KEYS}/{ALIVE}",
    f"POST {KEYS}/{ALIVE}/rotate",
)
_KEY: Final = ("X-API-Key", GOOD_KEY)
_ONE: Final = "The request must carry exactly one well-formed credential."
_KIND: Final = "This resource does not accept this kind of credential."
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="mindpeeker"'}
_TWO: Final = {
    "www-authenticate": f'Bearer realm="mindpeeker", error="invalid_request", error_description="{_ONE}"',
}


def _credentials(request: str) -> Iterator[Case]:
    """Yield a request without an access token, or with more than that; only tokens are asked for."""
    options = {"send": GOOD if request == CREATE else None, "headers": _CHALLENGE}
    yield refused(f"{request} by nobody", request, 401, "This resource needs a credential.", credentials=(), **options)
    yield refused(f"{request} with a good key", request, 401, _KIND, credentials=(_KEY,), **options)
    yield refused(f"{request} with a bad key", request, 401, _KIND, credentials=(("X-API-Key", "mp_x"),), **options)
    yield refused(
        f"{request} with token and key",
        request,
        400,
        _ONE,
        error="invalid_request",
        error_description=_ONE,
        credentials=(("Authorization", bearer()), _KEY),
        **{**options, "headers": _TWO},
    )


CREDENTIALS: Final = [case for request in _REQUESTS for case in _credentials(request)]
CASES: Final = [*CREDENTIALS, *MAKING, *BODIES, *READING, *ENDING, *ROTATING, *DOWN]
