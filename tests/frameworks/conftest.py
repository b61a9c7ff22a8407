"""Django is set up before any test module imports a model of its, whichever module is run alone."""

import tests.frameworks.django_project  # noqa: F401
