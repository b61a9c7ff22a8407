"""How the documentation is built: ``sphinx-build -W -b html docs build/docs`` (extra ``docs``)."""

from __future__ import annotations

from typing import Any

from mindpeeker_guard import __version__

project = "mindpeeker-guard"
author = "The mindpeeker-guard developers"
copyright = "2026, the mindpeeker-guard developers"  # noqa: A001 - Sphinx's name
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "sphinx_design"]
myst_enable_extensions = ["colon_fence", "deflist", "tasklist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"mindpeeker-guard {release}"
pygments_dark_style = "github-dark"
html_static_path = ["_static"]
html_css_files = ["site.css"]

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_use_ivar = True
# In docstrings a single backtick names something of this package, or an argument: neither needs to be a link.
default_role = "code"


def _skip(_app: Any, _what: str, _name: str, value: Any, skip: bool, _options: Any) -> bool:
    """Leave out the fields of named tuples: the class's docstring describes them."""
    return skip or type(value).__name__ == "_tuplegetter"


def setup(app: Any) -> None:
    """Connect what is special here."""
    app.connect("autodoc-skip-member", _skip)
