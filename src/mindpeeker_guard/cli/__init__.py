"""The ``mindpeeker-guard`` command."""

from __future__ import annotations

import sys
from typing import Final

_CONFIGURATION: Final = 5  # as in `_exits`, which needs the extra itself


def main() -> None:
    """Run the command line; without the extra it needs, say so in one sentence."""
    try:
        from mindpeeker_guard.cli._main import cli  # noqa: PLC0415 - the extra may be missing
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in {"click", "rich"}:
            raise
        print("mindpeeker-guard needs the extra 'cli': pip install 'mindpeeker-guard[cli]'.", file=sys.stderr)  # noqa: T201
        sys.exit(_CONFIGURATION)
    cli(prog_name="mindpeeker-guard")
