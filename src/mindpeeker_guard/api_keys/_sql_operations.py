"""The operations of a store in SQL, each on a connection, for stores with plain and with async methods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    and_,
    case,
    collate,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from mindpeeker_guard.api_keys._records import APIKeyRecord
from mindpeeker_guard.api_keys._sql_schema import UTCDateTime, api_keys_table, record_of, row_of
from mindpeeker_guard.api_keys._texts import is_storable

_KEYS: Final = api_keys_table.c
_SCHEMA_LOCK: Final = 0x6D70_6B65_7973  # "mpkeys"


def create_schema(connection: Connection) -> None:
    """Create the table and its indexes, where they are not there yet."""
    if connection.dialect.name == "postgresql":
        # IF NOT EXISTS does not keep two that create it at the same time from each other.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
    connection.execute(CreateTable(api_keys_table, if_not_exists=True))
    for index in sorted(api_keys_table.indexes, key=lambda index: str(index.name)):
        connection.execute(CreateIndex(index, if_not_exists=True))


def add(connection: Connection, record: APIKeyRecord) -> None:
    """Insert a record."""
    connection.execute(insert(api_keys_table), row_of(record))


def get(connection: Connection, key_id: str) -> APIKeyRecord | None:
    """Read a record by the primary key: one statement."""
    if not is_storable(key_id):
        return None
    row = connection.execute(select(api_keys_table).where(_KEYS.id == key_id)).mappings().one_or_none()
    return None if row is None else record_of({**row})


def list_page(connection: Connection, owner: str | None, after: str | None, limit: int) -> Sequence[APIKeyRecord]:
    """Read a page of records."""
    if not is_storable(owner or "") or not is_storable(after or ""):
        return []
    statement = _page(owner, after, _by_code_point(connection)).limit(limit)
    return [record_of({**row}) for row in connection.execute(statement).mappings()]


def revoke(connection: Connection, key_id: str, at: datetime) -> bool:
    """Mark a record as revoked, where it is not."""
    if not is_storable(key_id):
        return False
    return _changes_one(
        connection,
        update(api_keys_table).where(_KEYS.id == key_id, _KEYS.revoked_at.is_(None)).values(revoked_at=at),
    )


def rotate(connection: Connection, key_id: str, successor: APIKeyRecord, ends_at: datetime, at: datetime) -> bool:
    """Compare and set, then insert.

    The update comes first: its row lock makes all others wait, and after that they find no row to update. It also takes
    SQLite's write lock before anything is read, so no other writer can get in between.
    """
    if not is_storable(key_id):
        return False
    is_open = and_(
        _KEYS.id == key_id,
        _KEYS.rotated_to.is_(None),
        _KEYS.revoked_at.is_(None),
        or_(_KEYS.expires_at.is_(None), _KEYS.expires_at > at),
    )
    end = case((_KEYS.expires_at < ends_at, _KEYS.expires_at), else_=literal(ends_at, UTCDateTime))
    statement = update(api_keys_table).where(is_open).values(rotated_to=successor.id, expires_at=end)
    if not _changes_one(connection, statement):
        return False
    add(connection, successor)
    return True


def touch(connection: Connection, key_id: str, at: datetime, unless_since: datetime) -> None:
    """Note a use, where none is noted that is recent enough."""
    if not is_storable(key_id):
        return
    is_due = or_(_KEYS.last_used_at.is_(None), _KEYS.last_used_at <= unless_since)
    connection.execute(update(api_keys_table).where(_KEYS.id == key_id, is_due).values(last_used_at=at))


def _page(owner: str | None, after: str | None, place: Any) -> Select[Any]:
    statement = select(api_keys_table).order_by(_KEYS.created_at, place(_KEYS.id))
    if owner is not None:
        statement = statement.where(_KEYS.owner == owner)
    if after is not None:
        last = api_keys_table.alias("last_of_page_before")
        statement = statement.join(last, last.c.id == after).where(
            or_(
                _KEYS.created_at > last.c.created_at,
                and_(_KEYS.created_at == last.c.created_at, place(_KEYS.id) > last.c.id),
            )
        )
    return statement


def _by_code_point(connection: Connection) -> Any:
    """Return what makes ids sort by code point: SQLite's texts do, PostgreSQL's follow the locale of the database."""
    return _collated if connection.dialect.name == "postgresql" else _as_it_is


def _collated(column: ColumnElement[str]) -> ColumnElement[str]:
    return collate(column, "C")


def _as_it_is(column: ColumnElement[str]) -> ColumnElement[str]:
    return column


def _changes_one(connection: Connection, statement: Executable) -> bool:
    return connection.execute(statement).rowcount == 1
