"""The command and its subcommands; each is imported when it is called for, and not before."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click

from mindpeeker_guard._version import __version__
from mindpeeker_guard.cli._exits import INTERRUPTED, MEANINGS, USAGE, as_command_error, as_members, masked, sentence

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "inspect": ("_inspect", "Show what a token says, unverified."),
    "explain": ("_explain", "Show every check of a token: expected, found, verdict."),
    "doctor": ("_doctor", "Look for what is wrong with the set-up, with advice."),
    "jwks": ("_jwks", "Show an issuer's keys, and which are usable."),
    "routes": ("_routes", "Show what guards each route, open ones first."),
    "token": ("_token", "Get a token with a client's credentials."),
    "scopes": ("_scopes", "Show the scopes, and what implies what."),
    "keys": ("_keys", "Make, list, revoke and rotate API keys."),
    "revoke": ("_revoke", "Revoke tokens or an API key, everywhere at once."),
    "issuer": ("_issuer", "Run an issuer on this machine, for tests."),
    "demo": ("_demo", "Show a guarded API at work."),
}
"""Subcommand to module (whose `command` it is) and summary."""

_EPILOG: Final = "\b\nExit codes:\n" + "\n".join(f"  {code:<3} {meaning}" for code, meaning in MEANINGS.items())


class Commands(click.Group):
    """A group that imports a subcommand when it is used, and ends with one sentence and a documented exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a subcommand."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mindpeeker_guard.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; an unknown one is told with the nearest name, and never in full."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib  # noqa: PLC0415 - only an error needs it

            near = difflib.get_close_matches(args[0][:40], list(COMMANDS), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" There are {', '.join(COMMANDS)}."
            raise click.UsageError(f"No such command: {args[0][:12]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the subcommands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command; every error becomes a sentence and an exit code. Arguments: see `click.Group.main`."""
        given = args[0] if args else options.pop("args", None)
        words = list(sys.argv[1:] if given is None else given)
        run: Callable[..., Any] = super().main
        if not options.pop("standalone_mode", True):
            return run(words, *args[1:], standalone_mode=False, **options)
        with _logging("--debug" in words):
            sys.exit(_code(lambda: run(words, *args[1:], standalone_mode=False, **options), words))


def _code(run: Callable[[], Any], words: list[str]) -> int:
    """Run, and return the exit code; whatever broke is told in one sentence."""
    try:
        code = run()
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - it is told, with its traceback where that is asked for
        if "--debug" in words:
            click.echo(masked(traceback.format_exc()), err=True)
        return _tell(as_command_error(error), as_json="--json" in words)
    return code if isinstance(code, int) else 0


def _tell(error: click.ClickException, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(as_members(error)), err=True)
        return error.exit_code
    click.echo(f"Error: {sentence(error)}", err=True)
    hint = getattr(error, "hint", "")
    if not hint and isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"{error.ctx.command_path} --help tells more."
    if hint:
        click.echo(f"Next:  {hint}", err=True)
    return error.exit_code


@contextmanager
def _logging(debug: bool) -> Iterator[None]:
    """Keep the package's log off the terminal, unless it is asked for."""
    log = logging.getLogger("mindpeeker_guard")
    handler = logging.StreamHandler() if debug else logging.NullHandler()
    level = log.level
    log.addHandler(handler)
    if debug:
        log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


@click.group(cls=Commands, epilog=_EPILOG, invoke_without_command=True)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks, and the log.")
@click.version_option(__version__, prog_name="mindpeeker-guard")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Protect Python APIs with MindPeeker access tokens.

    Tokens are read from standard input or a file, and never echoed whole.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        ctx.exit(USAGE)
