"""What the documents list is complete and true: errors, settings, headings, answers, commands."""

from __future__ import annotations

import http
import inspect
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import mindpeeker_guard.api_keys
import mindpeeker_guard.errors
import mindpeeker_guard.routes
import mindpeeker_guard.state
from mindpeeker_guard import Guard, JWTBearer, RemoteKeySet
from mindpeeker_guard.api_keys import APIKeys
from mindpeeker_guard.cli._main import cli
from mindpeeker_guard.errors import AnswerError, AuthError, GuardError
from mindpeeker_guard.settings import _STATE_ARGUMENTS, SETTINGS
from mindpeeker_guard.state.redis import RedisState
from mindpeeker_guard.testing import FakeIssuer

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
FRAMEWORKS = ("flask", "fastapi", "django")
ROOTS = {GuardError, AnswerError, AuthError}


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", document, re.MULTILINE | re.DOTALL)


def rows(document: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the heading above each row of a table, and its cells."""
    heading = ""
    for line in document.splitlines():
        heading = line.removeprefix("## ") if line.startswith("## ") else heading
        if line.startswith("| `"):
            yield heading, [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]


def headings(document: str) -> list[str]:
    outside = re.sub(r"^```.*?^```$", "", document, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^##+ .*$", outside, re.MULTILINE)


def test_the_quick_start_is_the_same_everywhere() -> None:
    """
    The start page and the README show the same first lines for each framework.
    """
    readme = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    start = blocks(text("index.md"), "python")

    assert len(start) == 4, "Django has two"
    assert start == [block for block in readme if block in start]


def public_errors() -> set[type[GuardError]]:
    """Return every error that a user can import."""
    packages = (mindpeeker_guard.errors, mindpeeker_guard.api_keys, mindpeeker_guard.routes, mindpeeker_guard.state)
    found = {
        value for module in (mindpeeker_guard, *packages) for value in vars(module).values() if isinstance(value, type)
    }
    return {one for one in found if issubclass(one, GuardError)}


def test_framework_pages_have_the_same_headings() -> None:
    """
    Who knows the page of one framework finds everything at the same place in the others.
    """
    flask, fastapi, django = (headings(text(f"{name}.md")) for name in FRAMEWORKS)

    assert flask == fastapi == django
    assert len(flask) > 10


def test_every_error_is_listed() -> None:
    """
    The page of errors has a row for each error that can be imported, and no other.
    """
    names = [name.partition("`")[0] for _, [name, *_] in rows(text("errors.md"))]

    assert sorted(error.__name__ for error in public_errors() - ROOTS) == sorted(names)


@pytest.mark.parametrize(
    "error",
    sorted((one for one in public_errors() - ROOTS if issubclass(one, AnswerError)), key=lambda one: one.__name__),
)
def test_the_row_of_an_error_is_true(error: type[AnswerError]) -> None:
    """
    Status, error code, code and sentence stand in the documentation as they stand in the class.
    """
    first = f"{error.__name__}`<br>`{error.code}"
    [(heading, cells)] = [(heading, cells) for heading, cells in rows(text("errors.md")) if cells[0] == first]

    assert str(error.status) in heading
    assert re.findall("`(.*)`", heading) == ([error.error] if error.error else [])
    assert cells[1] == error.description
    assert len(cells) == 3, "class and code, sentence, cause"


def defaults() -> dict[str, Any]:
    """Return the default of each argument that a setting stands for."""
    made = {
        maker: inspect.signature(maker).parameters for maker in (JWTBearer, RemoteKeySet, Guard, APIKeys, RedisState)
    }
    shared = made.pop(RedisState)
    named = {one.name.upper(): one.default for parameters in made.values() for one in parameters.values()}
    return named | {setting: shared[name].default for setting, name in _STATE_ARGUMENTS.items()}


def test_every_setting_is_listed() -> None:
    """
    The page of settings has a row for each setting of the package, and of Django's own, and no other.
    """
    from mindpeeker_guard.django import conf

    listed: dict[str, list[str]] = {}
    for heading, cells in rows(text("settings.md")):
        listed.setdefault(heading, []).append(cells[0])

    assert sorted(listed.pop("In Django only")) == sorted(conf._OWN)
    assert sorted(name for names in listed.values() for name in names) == sorted(SETTINGS)


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_the_default_of_a_setting_is_true(setting: str) -> None:
    """
    A default that is a plain value stands in the documentation as it stands in the code; none is a dash or words.
    """
    [shown] = [cells[1].strip("`") for _, cells in rows(text("settings.md")) if cells[0] == setting]
    default = defaults().get(setting)

    if isinstance(default, bool):
        assert shown == str(default).lower()
    elif isinstance(default, str):
        assert shown == default
    elif isinstance(default, int | float):
        assert float(shown) == default
    else:
        assert not shown.isdigit()


class Tokens(dict[str, str]):
    """The tokens that the page describes, by what stands in angle brackets there."""

    def __init__(self, issuer: FakeIssuer) -> None:
        self._issuer = issuer
        super().__init__(good=self.make(), expired=self.make(expired=True))

    def make(self, **how: Any) -> str:
        return "Bearer " + self._issuer.token(scopes=["remote-viewing:read"], **how)

    def __missing__(self, described: str) -> str:
        assert described == "signed with a new key, while the issuer is down"
        self._issuer.rotate()
        self._issuer.stop()
        return self.make()


def send(client: Any, tokens: Tokens, request: str) -> Any:
    """Send a request as the page writes it."""
    line, *fields = request.strip().splitlines()
    method, path, _ = line.split()
    headers = [("Authorization", tokens[field.split("<")[1].rstrip(">")]) for field in fields]
    return client.open(path, method=method, headers=headers)


def shown(response: Any) -> str:
    """Return an answer as the page shows it."""
    status = http.HTTPStatus(response.status_code)
    fields = [f"{name}: {value}" for name, value in response.headers if name != "Content-Length"]
    body = json.dumps(response.get_json(force=True), indent=2)
    return "\n".join([f"HTTP/1.1 {status.value} {status.phrase}", *fields, "", body, ""])


def test_the_answers_on_the_page_are_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The application of the page, asked as the page asks, answers what the page shows.
    """
    page = text("status-codes.md")
    exchanges = blocks(page, "http")
    [application] = blocks(page, "python")
    names: dict[str, Any] = {"__name__": "page"}

    with FakeIssuer() as issuer:
        for name, value in issuer.environ().items():
            monkeypatch.setenv(name, value)
        exec(compile(application, "status-codes.md", "exec"), names)
        client, tokens = names["app"].test_client(), Tokens(issuer)
        answers = [shown(send(client, tokens, request)) for request in exchanges[::2]]

    assert exchanges[1::2] == answers
    assert [401, 401, 401, 403, 400, 429, 503, 200] == [int(answer.split()[1]) for answer in answers]


def typed(block: str) -> list[str]:
    """Return the lines of a block that somebody types: those after a prompt, where there is one."""
    lines = block.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("$ ")] or lines


def commands(document: Path) -> Iterator[list[str]]:
    """Yield the words of each command of ours in a document: in blocks, and between backticks."""
    whole = document.read_text(encoding="utf-8")
    shell = re.findall(r"^ *```(?!python)\w*\n(.*?)^ *```$", whole, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"(?<!`)`(mindpeeker-guard [a-z][^`]*)`(?!`)", whole)
    for line in [*(line for block in shell for line in typed(block)), *spans]:
        for command in re.split(r"\s(?:\||&&|>|2>|<)\s", line.removeprefix("- run: ")):
            found = re.match(r" *(?:\$ )?(?:\.venv/bin/)?mindpeeker-guard ([a-z].*)", command)
            if found:
                yield shlex.split(found[1], comments=True)


COMMANDS = [
    pytest.param(words, id=f"{document.name}:{' '.join(words)}"[:80])
    for document in DOCUMENTS
    for words in commands(document)
]


def test_the_documents_have_commands() -> None:
    """
    The pattern that finds commands finds some, or the next test would be empty.
    """
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_parses(words: list[str]) -> None:
    """
    A command in a document is one of ours, with options that it has.
    """
    arguments = [*words]
    command: click.Command | None = cli
    context = click.Context(cli)
    while arguments and isinstance(command, click.Group):
        name = arguments.pop(0)
        command = command.get_command(context, name)
        assert command is not None, f"There is no command {name}."

    command.make_parser(click.Context(command)).parse_args(arguments)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_json_blocks_parse(document: Path) -> None:
    """
    A JSON block in a document is JSON.
    """
    for block in blocks(document.read_text(encoding="utf-8"), "json"):
        json.loads(block)


def test_every_page_is_in_the_index() -> None:
    """
    Each page of the documentation can be reached from its index.
    """
    pages = {page.stem for page in DOCS.glob("*.md")} - {"index"}
    trees = "".join(blocks(text("index.md"), r"\{toctree\}"))

    assert pages == set(re.findall(r"^(?:[^:\n].* <)?([\w-]+)>?$", trees, re.MULTILINE))
