"""The corpus, put together out of its chapters: what is sent as a token, and what it must cause."""

from __future__ import annotations

from typing import Final

from tests.attacks import corpus_claims, corpus_forms, corpus_json, corpus_keys, corpus_signatures
from tests.attacks.entries import Entry

CHAPTERS: Final = (corpus_forms, corpus_json, corpus_keys, corpus_signatures, corpus_claims)
CORPUS: Final[tuple[Entry, ...]] = tuple(entry for chapter in CHAPTERS for entry in chapter.ENTRIES)
