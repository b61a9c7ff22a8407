"""What came of a request of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request and its answer.

    Attributes:
        request: Method and path.
        credential: What was sent along, in words.
        expected: The status that must come back.
        status: The status that came back.
        why: The reason, in the API's own words where it refused.
    """

    request: str
    credential: str
    expected: int
    status: int
    why: str

    @property
    def good(self) -> bool:
        """Whether the answer is the expected one."""
        return self.status == self.expected


def detail(answer: Any) -> str:
    """Return the API's own words for a refusal."""
    try:
        details = answer.json()
    except ValueError:
        details = None
    if not isinstance(details, dict):
        return "No reason given."
    needed = None if "field" in details else details.get("required_scopes")
    return f"The route needs {' '.join(needed)}." if needed else str(details.get("detail", "No reason given."))
