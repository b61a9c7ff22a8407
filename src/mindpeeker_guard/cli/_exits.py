"""How the command ends: exit codes, and errors as one sentence with the cause and one with the next step."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from mindpeeker_guard._http import FetchError
from mindpeeker_guard._shown import plain
from mindpeeker_guard.errors import ConfigurationError, UnavailableError

GOOD: Final = 0
NO: Final = 1
USAGE: Final = 2
INPUT: Final = 3
NETWORK: Final = 4
CONFIGURATION: Final = 5
BUG: Final = 70
INTERRUPTED: Final = 130

MEANINGS: Final = {
    GOOD: "the answer is yes, or there was nothing to judge",
    NO: "the answer is no: refused, or a problem was found",
    USAGE: "the command line is wrong",
    INPUT: "what was given is not what it should be, such as a token",
    NETWORK: "the issuer cannot be reached, or gives no usable answer",
    CONFIGURATION: "a setting is wrong, an extra is missing, or a port is taken",
    BUG: "a fault of this program",
    INTERRUPTED: "interrupted by Ctrl-C",
}
"""Every exit code, and what it means."""

_MOST: Final = 600  # characters of an error's text


class CommandError(click.ClickException):
    """The command cannot go on.

    Args:
        message: One sentence with the cause.
        hint: One sentence with the next step; empty for none.
        code: A stable short name.
        exit_code: One of `MEANINGS`.
    """

    def __init__(self, message: str, hint: str = "", *, code: str, exit_code: int) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code
        self.exit_code = exit_code  # type: ignore[misc] # click reads it from the instance


class InputError(CommandError):
    """What was given is not what it should be."""

    def __init__(self, message: str, hint: str = "", *, code: str = "input_invalid") -> None:
        super().__init__(message, hint, code=code, exit_code=INPUT)


class NetworkError(CommandError):
    """An answer could not be had."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, code="network", exit_code=NETWORK)


class SettingError(CommandError):
    """Something is not set up as it must be."""

    def __init__(self, message: str, hint: str = "", *, code: str = "configuration") -> None:
        super().__init__(message, hint, code=code, exit_code=CONFIGURATION)


def fetch_problem(what: str, url: str, error: Exception) -> NetworkError:
    """Return the error for a document that could not be had from `url`."""
    hint = _HINTS.get(str(error).removeprefix("discovery: "), "")
    return NetworkError(
        f"{what} could not be had from {plain(url)}: {plain(str(error))}.", hint or _hint_for_status(error)
    )


_HINTS: Final = {
    "ConnectError": "Check the URL, DNS, firewall and proxy, and whether its certificate is trusted.",
    "ConnectTimeout": "Nothing answers there: check the host, the port and the firewall.",
    "timed out": "The server is too slow, or not there: try again, or check the host and the port.",
    "the metadata is of another issuer": "The issuer must be written as in its metadata, to the letter: look for a "
    "slash at its end.",
    "no usable key in the set": "mindpeeker-guard jwks shows why no key can be used.",
    "no metadata": "Name the keys' URL instead: --jwks-uri, or MINDPEEKER_JWKS_URI.",
}


def _hint_for_status(error: Exception) -> str:
    text = str(error).removeprefix("discovery: ")
    if text.startswith("JSON"):
        return "The address answers with something else than a JSON object, perhaps a page: check the URL."
    if text.startswith(("HTTP status 3", "HTTP status 4")):
        return "Check the URL: redirects are not followed, and no credential is sent."
    if text.startswith("HTTP status 5"):
        return "The server has a problem of its own: try again later."
    return "Check the URL, and what answers there."


def as_command_error(error: Exception) -> click.ClickException:
    """Return `error` as one that has an exit code, whatever it is."""
    if isinstance(error, click.ClickException):
        return error
    if isinstance(error, ConfigurationError):
        return SettingError(str(error))
    if isinstance(error, FetchError | UnavailableError):
        return NetworkError(str(error))
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] in {"click", "rich"}:
        return SettingError(
            "mindpeeker-guard needs the extra 'cli'.", "pip install 'mindpeeker-guard[cli]'", code="extra_missing"
        )
    if isinstance(error, ImportError) and error.name:
        return SettingError(f"This command needs a module that is not installed: {error}.", code="extra_missing")
    name = type(error).__name__
    return CommandError(
        f"This should not have happened ({name}).",
        "Please report it with what --debug shows.",
        code="bug",
        exit_code=BUG,
    )


def as_members(error: click.ClickException) -> dict[str, Any]:
    """Return `error` as a JSON object."""
    code = getattr(error, "code", None) or ("usage" if error.exit_code == USAGE else "error")
    members = {"code": code, "message": sentence(error), "exit_code": error.exit_code}
    hint = getattr(error, "hint", "")
    return {"error": members | ({"hint": hint} if hint else {})}


def sentence(error: click.ClickException) -> str:
    """Return what went wrong, safe to show."""
    return plain(masked(error.format_message()), _MOST)


def masked(text: str) -> str:
    """Return `text` without tokens and API keys: what is typed in the wrong place is echoed by many an error."""
    return _TOKEN.sub(lambda found: f"{found[0][:6]}...", text)


_TOKEN: Final = re.compile(r"mp_[a-z0-9]{1,16}_\w{16,}|eyJ[\w-]{5,}[\w.-]*|[\w-]{20,}\.[\w-]{20,}[\w.-]*")
