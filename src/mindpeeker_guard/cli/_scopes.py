"""``scopes``: the catalogue, and what implies what."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from mindpeeker_guard._scopes import MINDPEEKER_SCOPES, ScopeCatalogue
from mindpeeker_guard._shown import plain
from mindpeeker_guard.cli._command import json_option, print_json, show, table
from mindpeeker_guard.cli._exits import NO, CommandError
from mindpeeker_guard.errors import ConfigurationError


@click.command(short_help="Show the scopes, and what implies what.")
@click.argument("granted", nargs=-1, metavar="[SCOPE]...")
@click.option("--mermaid", is_flag=True, help="Print a Mermaid diagram of what implies what.")
@json_option
def command(*, granted: tuple[str, ...], mermaid: bool, as_json: bool) -> None:
    """Show the platform's scopes, and what implies what.

    With SCOPEs, show what a token that has these reaches. Exits with 1 if one is not in the catalogue.
    """
    catalogue = MINDPEEKER_SCOPES
    names = [name for text in granted for name in text.split()]
    try:
        catalogue.check(names)
    except ConfigurationError as error:
        text = str(error).partition(" Scopes of your own")[0]
        raise CommandError(text, "mindpeeker-guard scopes lists them.", code="scope_unknown", exit_code=NO) from None
    rows = sorted(catalogue.expand(frozenset(names)), key=list(catalogue).index) if names else list(catalogue)
    if as_json:
        print_json({"scopes": [_members(catalogue, name, names) for name in rows]})
    elif mermaid:
        click.echo("\n".join(diagram(catalogue, rows)))
    else:
        _print(catalogue, rows, names)


def _members(catalogue: ScopeCatalogue, name: str, granted: list[str]) -> dict[str, Any]:
    made = {"name": name, "description": catalogue[name], "implies": sorted(catalogue.implied_by(name))}
    return made | ({"granted": name in granted} if granted else {})


def diagram(catalogue: ScopeCatalogue, names: list[str]) -> list[str]:
    """Return the lines of a Mermaid flow chart: an arrow from each scope to what it implies."""
    number = {name: f"s{position}" for position, name in enumerate(names)}
    boxes = [f'    {number[name]}["{name}"]' for name in names]
    arrows = [
        f"    {number[name]} --> {number[implied]}"
        for name in names
        for implied in sorted(catalogue.implied_by(name))
        if implied in number
    ]
    return ["flowchart LR", *boxes, *arrows]


def _print(catalogue: ScopeCatalogue, rows: list[str], granted: list[str]) -> None:
    made = table("Scope", "Description", "Granted" if granted else "Implies")
    for name in rows:
        made.add_row(Text(name), Text(catalogue[name]), Text(_last(catalogue, name, granted)))
    show(made)


def _last(catalogue: ScopeCatalogue, name: str, granted: list[str]) -> str:
    if name in granted:
        return "yes"
    if granted:
        return "by " + plain(", ".join(one for one in granted if name in catalogue.implied_by(one)))
    implied = catalogue.implied_by(name)
    return f"every other {name.rpartition(':')[0]}:*" if implied else ""
