"""``demo``: an issuer and a guarded API at work."""

from __future__ import annotations

import click

from mindpeeker_guard._http import http_library
from mindpeeker_guard.cli._command import json_option
from mindpeeker_guard.cli._exits import GOOD, NO, NetworkError, SettingError

FRAMEWORKS = ("flask", "fastapi", "django")


@click.command(short_help="Show a guarded API at work.")
@click.option(
    "--framework", type=click.Choice(FRAMEWORKS), default="fastapi", show_default=True, help="Whose example to run."
)
@click.option("--serve", is_flag=True, help="Keep the issuer and the API running, and print curl lines to paste.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The API's port; 0 picks a free one.")
@click.option("--issuer-port", type=click.IntRange(0, 65535), default=0, help="The issuer's port; 0 picks a free one.")
@json_option
def command(*, framework: str, serve: bool, port: int, issuer_port: int, as_json: bool) -> None:
    """Start an issuer and a protected API, send real requests, and show what was allowed, refused, and why.

    Exits with 1 if an answer is not the expected one, and with 5 if something could not be started.
    """
    try:
        from mindpeeker_guard.cli import demo as demonstration  # noqa: PLC0415 - it needs more extras than the command

        good = demonstration.run(framework, serve=serve, port=port, issuer_port=issuer_port, as_json=as_json)
    except ImportError as error:
        raise SettingError(
            "The demo needs the extra 'demo'.", f"pip install 'mindpeeker-guard[demo]' ({error})", code="extra_missing"
        ) from error
    except demonstration.StartError as error:
        sentence, _, last_words = str(error).partition("\n")
        if last_words:
            click.echo(last_words, err=True)
        raise SettingError(sentence, code="not_started") from error
    except http_library().HTTPError as error:
        raise NetworkError(f"The issuer or the API did not answer: {type(error).__name__}.", "Try again.") from error
    click.get_current_context().exit(GOOD if good else NO)
