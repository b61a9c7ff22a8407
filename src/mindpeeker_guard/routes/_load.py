"""Import an application by its name, as gunicorn and uvicorn do, and say in one sentence why that fails."""

from __future__ import annotations

import ast
import importlib
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from mindpeeker_guard.errors import GuardError
from mindpeeker_guard.routes._walk import framework_of, peel

_TARGET: Final = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*)(?::(?P<name>.+))?", re.DOTALL)
_USUAL: Final = ("app", "application")
_FACTORIES: Final = ("create_app", "make_app", "get_app", "build_app")
_SETTINGS: Final = "DJANGO_SETTINGS_MODULE"
_MAX_TEXT: Final = 300


class LoadError(GuardError):
    """An application that cannot be audited. The text says why, and what to do next."""


@contextmanager
def surroundings(app_dir: Path, *, settings: str | None = None, quiet: bool = True) -> Iterator[None]:
    """Import from `app_dir` first, show nothing that the application prints, and put everything back at the end.

    Args:
        app_dir: Where the application's module is looked for first.
        settings: The Django settings module, for ``DJANGO_SETTINGS_MODULE``.
        quiet: Whether what the application prints is thrown away; it goes to standard error otherwise.
    """
    path, environ = list(sys.path), os.environ.get(_SETTINGS)
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(io.StringIO() if quiet else sys.stderr))
        if quiet:
            stack.enter_context(redirect_stderr(io.StringIO()))
        sys.path.insert(0, str(app_dir.resolve()))
        if settings is not None:
            os.environ[_SETTINGS] = settings
        try:
            yield
        finally:
            sys.path[:] = path
            if settings is not None:
                os.environ.pop(_SETTINGS, None)
                os.environ.update({} if environ is None else {_SETTINGS: environ})


def load(target: str | None, *, factory: bool = False) -> Any:
    """Return the application that `target` names: ``module:app``, ``module:create_app()``, or ``module`` alone.

    Args:
        target: None for the project of ``DJANGO_SETTINGS_MODULE``.
        factory: Whether what is named makes the application when it is called.

    Raises:
        LoadError: There is no such application, or importing it fails.
    """
    if target is None:
        return _run("The Django project", _django)
    module, name = _parsed(target)
    found = _found(_imported(module), module, name)
    if factory:
        if not callable(found):
            raise LoadError(f"{target!r} is no function: leave --factory away, or name the function.")
        found = _run(target, found)
    return _application(found, target)


@contextmanager
def reading() -> Iterator[None]:
    """Say in one sentence why the routes of an application cannot be read: Django imports its views late.

    Raises:
        LoadError: Something failed inside.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        raise _failed("Reading the routes", error) from error


def _parsed(target: str) -> tuple[str, str | None]:
    match = _TARGET.fullmatch(target)
    path, _, name = target.partition(":")
    if match is None or path.endswith(".py"):
        dotted = re.sub(r"[\\/]+", ".", path.removesuffix(".py")).strip(".")
        raise LoadError(f"{target!r} is no module:app: write a name as for import, such as '{dotted}:{name or 'app'}'.")
    return match["module"], match["name"]


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing and (name == missing or name.startswith(f"{missing}.")):
            raise LoadError(
                f"There is no module {missing!r} here: check the name, or give its folder with --app-dir."
            ) from error
        raise LoadError(
            f"{name!r} needs the module {missing!r}: install it where mindpeeker-guard is, or start from the folder "
            "that has it."
        ) from error
    except (Exception, SystemExit) as error:
        raise _failed(f"Importing {name!r}", error) from error


def _run(what: str, function: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return function(*arguments, **options)
    except LoadError:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(f"Starting {what!r}" if function is not _django else what, error) from error


def _failed(what: str, error: BaseException) -> LoadError:
    text = "".join(c if c.isprintable() else " " for c in str(error))
    text = " ".join(text.split())[:_MAX_TEXT].rstrip(".")
    if isinstance(error, SystemExit):
        return LoadError(
            f"{what} ended with sys.exit({text}): move what a script does below if __name__ == '__main__'."
        )
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return LoadError(f"{what} failed with {reason}. Run it again with --debug to see where.")


def _django() -> Any:
    if not os.environ.get(_SETTINGS):
        raise LoadError("No application is named: write module:app, or --django-settings project.settings.")
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - the extra may be missing

    return get_wsgi_application()


def _found(module: ModuleType, path: str, name: str | None) -> Any:
    """Return what `name` means in a module; without a name, the application of a usual name."""
    if name is not None:
        return _evaluated(module, path, name)
    for usual in _USUAL:
        if hasattr(module, usual):
            return getattr(module, usual)
    raise LoadError(f"{path!r} has no 'app' and no 'application': name one{_suggestion(module, path)}.")


def _evaluated(module: ModuleType, path: str, name: str) -> Any:
    """Evaluate ``name``, ``name.name`` or ``name(literal, …)``, and nothing else."""
    try:
        tree = ast.parse(name, mode="eval").body
        call = tree if isinstance(tree, ast.Call) else None
        dotted = _dotted(call.func if call else tree)
        arguments = [ast.literal_eval(one) for one in call.args] if call else []
        options = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords} if call else {}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise LoadError(f"{name!r} is no name of an application: write module:app or module:create_app().") from None
    found: Any = module
    for part in dotted:
        if not hasattr(found, part):
            raise LoadError(f"{path!r} has no {'.'.join(dotted)!r}: check the name{_suggestion(module, path)}.")
        found = getattr(found, part)
    return found if call is None else _run(f"{path}:{name}", found, *arguments, **options)


def _dotted(tree: ast.expr) -> list[str]:
    if isinstance(tree, ast.Name):
        return [tree.id]
    if isinstance(tree, ast.Attribute):
        return [*_dotted(tree.value), tree.attr]
    raise ValueError


def _suggestion(module: ModuleType, path: str) -> str:
    names = list(vars(module).items())
    for name, value in sorted(names, key=lambda item: item[0] not in _USUAL):
        if not name.startswith("_") and _is_application(value):
            return f"; there is '{path}:{name}'"
    factory = next((name for name in _FACTORIES if callable(getattr(module, name, None))), None)
    return f"; there is '{path}:{factory}()'" if factory else ""


def _is_application(value: Any) -> bool:
    try:
        return framework_of(peel(value).core) is not None
    except Exception:  # noqa: BLE001 - any object of the user's module, with attributes of any kind
        return False


def _application(found: Any, target: str) -> Any:
    if _is_application(found):
        return found
    if callable(found) and hasattr(found, "__code__"):
        raise LoadError(f"{target!r} is a function: if it makes the application, add --factory.")
    kind = f"the class {found.__name__!r}" if isinstance(found, type) else f"of the type {type(found).__name__!r}"
    raise LoadError(f"{target!r} is no Flask, FastAPI or Django application, but {kind}: name the application.")
