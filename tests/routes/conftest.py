"""Django is set up before any test module imports a model of its, whichever module is run alone."""

import pytest
import tests.frameworks.django_project  # noqa: F401


@pytest.fixture
def module(tmp_path, request):
    """Write a module of a name of its own; return its name and folder."""

    def write(text, name="made"):
        unique = f"{name}_{abs(hash(request.node.nodeid)):x}"
        (tmp_path / f"{unique}.py").write_text(text)
        return unique, ["--app-dir", str(tmp_path)]

    return write
