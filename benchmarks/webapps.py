"""What the three framework files share: requests as a server would hand them over, and what a guarded route must do.

The application is called directly, so no server, socket or client is in the time. A route's handler returns a constant;
*added* is what the guarded route takes more than the bare one, in the same round. One more route checks a signature and
nothing else: amid a framework's own work the same code takes longer than in a loop of its own, whoever calls it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, Final

from benchmarks.harness import Subject, UnavailableError, loop
from benchmarks.tokens import bad_tokens, signature_check, signing_key

PATH: Final = "/v1/sessions"
COLD: Final = "mindpeeker-guard, cold"
HOT: Final = "mindpeeker-guard, hot"
BARE: Final = "bare route"
FLOOR: Final = "signature check alone"
FLOOR_NOTE: Final = "in the view: what a request makes of 1.00"

_OK = "200"
_REFUSED = ("4",)  # what the first digit of a refusal is; a 500 is no refusal

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]
Status = Callable[[str | None], str]
"""Sends a request with a token, or without one, and returns the status of the answer."""


def environ(token: str | None) -> dict[str, Any]:
    """Return a WSGI environ such as gunicorn makes."""
    made = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "RAW_URI": PATH,
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "gunicorn",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_USER_AGENT": "benchmark",
        "HTTP_ACCEPT": "application/json",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    return made if token is None else {**made, "HTTP_AUTHORIZATION": f"Bearer {token}"}


def behind_signature_check(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view that checks the signature of a token before `view` runs, and nothing else."""
    check = signature_check(signing_key())

    def checked(*args: Any) -> Any:
        check()
        return view(*args)

    return checked


def wsgi_subject(
    name: str, app: WSGIApplication, *, guarded: bool = True, prepare: Callable[[], object] | None = None
) -> Subject:
    """Return a subject that sends the good token to a WSGI application.

    Raises:
        UnavailableError: It refuses the good token, or is guarded and lets others through.
    """
    if prepare is not None:
        prepare()
    check_route(lambda token: _wsgi_status(app, token), guarded=guarded)
    template = environ(signing_key().token())

    def call() -> None:
        answer = app(dict(template), _start_response)
        for _ in answer:
            pass
        close = getattr(answer, "close", None)
        if close is not None:
            close()

    return Subject(name, loop(call), prepare)


def check_route(status: Status, *, guarded: bool, changes: dict[str, Any] | None = None) -> None:
    """Make sure that a route does what is compared.

    Args:
        status: Sends a request.
        guarded: Whether it must refuse bad tokens, and requests without one.
        changes: How the subject's tokens differ from ours.

    Raises:
        UnavailableError: It does not.
    """
    key = signing_key()
    answered = status(key.token(changes))
    if not answered.startswith(_OK):
        raise UnavailableError(f"answers the good token with {answered}")
    if not guarded:
        return
    for name, token in {**bad_tokens(key, changes), "absent": None}.items():
        answered = status(token)
        if not answered.startswith(_REFUSED):
            raise UnavailableError(f"answers a token that is {name} with {answered}")


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], None]:
    del status, headers, exc_info
    return lambda _: None


def _wsgi_status(app: WSGIApplication, token: str | None) -> str:
    seen = []

    def start_response(status: str, *_: object) -> Callable[[bytes], None]:
        seen.append(status)
        return lambda _: None

    answer: Any = app(environ(token), start_response)
    b"".join(answer)
    answer.close()
    return str(seen[-1])
