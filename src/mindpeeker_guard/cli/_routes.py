"""`mindpeeker-guard routes`: which routes of an application are guarded, by what, and which are open."""

from __future__ import annotations

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mindpeeker_guard.cli._exits import SettingError

if TYPE_CHECKING:
    from mindpeeker_guard.routes import GuardedRoute

OPEN_FOUND: Final = 1
_FORMATS: Final = ("json", "openapi", "mermaid")


@click.command("routes", short_help="Show what guards each route, open ones first.")
@click.argument("app", required=False, metavar="[MODULE:APP]")
@click.option("--check", is_flag=True, help="Exit with 1 if a route is open that nobody declared public.")
@click.option("--public", multiple=True, metavar="PATTERN", help="Allow a path, such as '/files/*' or 'GET /health'.")
@click.option(
    "--public-from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with such patterns, one in each line.",
)
@click.option("--strict", is_flag=True, help="Count the framework's own pages, such as /docs, as open too.")
@click.option("--json", "form", flag_value="json", help="Write the audit as JSON.")
@click.option("--openapi", "form", flag_value="openapi", help="Write an OpenAPI document with security and scopes.")
@click.option("--mermaid", "form", flag_value="mermaid", help="Write a diagram: service, scope, routes.")
@click.option("--factory", is_flag=True, help="MODULE:APP is a function that makes the application.")
@click.option(
    "--app-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Where MODULE is.",
)
@click.option("--django-settings", metavar="MODULE", help="A Django project's settings; MODULE:APP can be left out.")
@click.option("--debug", is_flag=True, help="Show the traceback when the application cannot be loaded.")
@click.pass_context
def command(  # noqa: PLR0913 - the options of the command
    context: click.Context,
    *,
    app: str | None,
    check: bool,
    public: tuple[str, ...],
    public_from: Path | None,
    strict: bool,
    form: str | None,
    factory: bool,
    app_dir: Path,
    django_settings: str | None,
    debug: bool,
) -> None:
    """Show what stands before each route of a Flask, FastAPI or Django application, open routes first.

    MODULE:APP is what gunicorn or uvicorn would be given. The application is imported, and no request is sent to it.

    Exits with 1 if --check finds an open route, with 2 for wrong options, and with 5 if the application cannot be
    loaded.
    """
    found, written = _audited(app, app_dir, django_settings, form, factory=factory, debug=debug)
    patterns = [*public, *(_lines(public_from) if public_from else ())]
    found, unused = allowed(found, patterns)
    exposed = [route for route in found if route.exposed and (strict or not route.builtin)]
    if form is None:
        _show(found, exposed, check=check, strict=strict)
    else:
        click.echo(written if form == "openapi" else _written(form, found, exposed), nl=form != "mermaid")
    for pattern in unused:
        click.echo(f"Warning: the pattern {pattern!r} allows no open route: remove it.", err=True)
    if check and exposed:
        context.exit(OPEN_FOUND)


def _audited(  # noqa: PLR0913 - what the application is, and what is wanted of it
    app: str | None, app_dir: Path, settings: str | None, form: str | None, *, factory: bool, debug: bool
) -> tuple[list[GuardedRoute], str]:
    """Return the audit, and the OpenAPI document where it is wanted: both may run the application's code."""
    from mindpeeker_guard.routes import audit  # noqa: PLC0415 - only this command needs it
    from mindpeeker_guard.routes._load import LoadError, load, reading, surroundings  # noqa: PLC0415

    try:
        with surroundings(app_dir, settings=settings, quiet=not debug):
            application = load(app, factory=factory)
            with reading():
                found = audit(application)
                written = _document(application, found, app) if form == "openapi" else ""
    except LoadError as error:
        raise SettingError(str(error), code="not_loaded") from error
    return found, written


def _document(application: Any, found: list[GuardedRoute], name: str | None) -> str:
    from mindpeeker_guard.routes import guard_of, to_openapi  # noqa: PLC0415 - only this command needs it

    own = application.openapi() if callable(getattr(application, "openapi", None)) else None
    document = to_openapi(found, guard_of(application), title=name or "Django", document=own)
    return json.dumps(document, indent=2)


def _written(form: str, found: list[GuardedRoute], exposed: list[GuardedRoute]) -> str:
    if form == "mermaid":
        from mindpeeker_guard.routes import to_mermaid  # noqa: PLC0415 - only this form needs it

        return to_mermaid(found)
    return json.dumps({"routes": [route.as_dict() for route in found], "exposed": len(exposed)}, indent=2)


def _lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{str(file)!r} cannot be read as text: {error}") from error
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def allowed(found: list[GuardedRoute], patterns: list[str]) -> tuple[list[GuardedRoute], list[str]]:
    """Declare exposed routes public that a pattern allows; return all routes, and the patterns that allow none.

    A pattern is a path, in which ``*`` stands for anything, or a method and a path. A pattern with a method allows a
    route only if that is its only method.
    """
    used: set[str] = set()
    result = []
    for route in found:
        matching = [pattern for pattern in patterns if route.exposed and _matches(pattern, route)]
        used.update(matching)
        result.append(replace(route, state="public", hint=f"Allowed by {matching[0]!r}.") if matching else route)
    return result, [pattern for pattern in patterns if pattern not in used]


def _matches(pattern: str, route: GuardedRoute) -> bool:
    method, blank, path = pattern.partition(" ")
    if blank and method.isalpha():
        return (method.upper(),) == route.methods and _fits(route.path, path.strip())
    return _fits(route.path, pattern)


def _fits(path: str, pattern: str) -> bool:
    # A bracket is part of many a path (`[`, in a regular expression), and of no pattern here.
    return fnmatchcase(path, pattern.replace("[", "[[]"))


def _show(found: list[GuardedRoute], exposed: list[GuardedRoute], *, check: bool, strict: bool) -> None:
    try:
        from mindpeeker_guard.cli._routes_table import show  # noqa: PLC0415 - rich may be missing
    except ImportError as error:
        raise SettingError(
            "The table needs the extra 'cli'; --json does without.",
            "pip install 'mindpeeker-guard[cli]'",
            code="extra_missing",
        ) from error
    show(found, exposed, only_exposed=check, strict=strict)
