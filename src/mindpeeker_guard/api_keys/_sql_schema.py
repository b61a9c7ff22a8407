"""The table of the API keys, and how a record becomes a row and a row a record.

The Django model has the same columns and indexes, so that a Django project and another service can share one table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, DateTime, Dialect, Index, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from mindpeeker_guard.api_keys._records import APIKeyRecord


class _SQLiteTime(DATETIME):
    """Writes a time as Django does: without a fraction where there is none, so that texts sort as times do."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:  # noqa: ARG002 - theirs
        return lambda value: None if value is None else str(value)


_ON_SQLITE: Final = _SQLiteTime()  # type: ignore[no-untyped-call]
_ELSEWHERE: Final = DateTime(timezone=True)


class _InUTC(FunctionElement[datetime]):
    """A column with times, read in UTC: in the zone of the session the last hours of the year 9999 may not be."""

    name = "mindpeeker_in_utc"
    inherit_cache = True


@compiles(_InUTC)
def _as_it_is(construct: _InUTC, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(construct.clauses, **options)


@compiles(_InUTC, "postgresql")
def _in_utc(construct: _InUTC, compiler: SQLCompiler, **options: Any) -> str:
    return f"timezone('UTC', {compiler.process(construct.clauses, **options)})"


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time, in UTC, on databases with time zones and on SQLite, which has none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return what the column is on `dialect`."""
        is_sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(_ON_SQLITE if is_sqlite else _ELSEWHERE)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC, without its zone where the database knows none.

        Raises:
            ValueError: It has no zone: nobody knows when that is.
        """
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("The times of an API key must have a zone.")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return `value`, which is a time in UTC without its zone, with it."""
        return None if value is None else value.replace(tzinfo=UTC)

    def column_expression(self, column: ColumnElement[datetime]) -> ColumnElement[datetime]:
        """Return how the column is read."""
        read = _InUTC(column)
        read.type = self
        return read


metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""The schema, for Alembic's ``target_metadata``. Every constraint has a name, so that a migration can name it."""

api_keys_table: Final = Table(
    "mindpeeker_api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("pepper_id", String(32), nullable=False),
    Column("name", String(255), nullable=False),
    Column("owner", String(255), nullable=False),
    # In order, with blanks between them: RFC 6749 section 3.3. A scope has no blank in it.
    Column("scopes", Text, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime),
    Column("revoked_at", UTCDateTime),
    Column("last_used_at", UTCDateTime),
    Column("rotated_to", String(32)),
    # One for the pages of an owner, one for the pages of everybody. Django allows 30 characters.
    Index("mindpeeker_api_keys_owner", "owner", "created_at", "id"),
    Index("mindpeeker_api_keys_created", "created_at", "id"),
)
"""The table of the API keys."""


def row_of(record: APIKeyRecord) -> dict[str, Any]:
    """Return `record` as values by column."""
    row = {column.name: getattr(record, column.name) for column in api_keys_table.columns}
    return row | {"scopes": " ".join(sorted(record.scopes))}


def record_of(row: Mapping[str, Any]) -> APIKeyRecord:
    """Return a row as a record."""
    return APIKeyRecord(**{**row, "digest": bytes(row["digest"]), "scopes": frozenset(row["scopes"].split())})
