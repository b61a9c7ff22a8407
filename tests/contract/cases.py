"""The table: what is sent, and what must come back. Put together here out of its five chapters."""

from __future__ import annotations

from typing import Final

from tests.contract import cases_headers, cases_keys, cases_limits, cases_scopes, cases_tokens
from tests.contract.casework import Case

__all__ = ["CASES", "Case"]

CASES: Final = (*cases_headers.CASES, *cases_tokens.CASES, *cases_scopes.CASES, *cases_keys.CASES, *cases_limits.CASES)
