"""Whether a PostgreSQL database can bear a desk, looked at before anything is made in it, and how its errors are told.
Rule: looking changes nothing; what is refused is refused in one sentence, with what is accepted instead."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from answerdesk.desk.ports import Unavailable

Connection = psycopg.Connection[tuple[Any, ...]]

#: The first version that is known to do.
LEAST_VERSION: Final = 15
#: The one encoding that holds whatever a task may say.
ENCODING: Final = "UTF8"
NO_DESK: Final = "there is no desk in it; `answerdesk serve` makes one"
STANDBY: Final = (
    "it is a standby and takes no writes; name the primary, or all hosts and target_session_attrs=read-write"
)
#: As many foreign tables as a sentence names.
_MOST_NAMED: Final = 3
_NO_RIGHT: Final = "42501"
_MIGRATIONS: Final = ("name", "number", "oldest")

#: In one snapshot: a desk that is made meanwhile is seen whole or not at all. What extensions brought counts for none.
_FOUND: Final = """
SELECT current_schema(), current_user, has_schema_privilege(current_schema(), 'CREATE'),
  ARRAY(SELECT attname::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relname = 'migrations' AND relnamespace = ANY (ARRAY(SELECT to_regnamespace(quote_ident(name))
      FROM unnest(current_schemas(false)) AS name)) AND attnum > 0 AND NOT attisdropped ORDER BY 1),
  ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(current_schema()))
    AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT EXISTS (SELECT 1 FROM pg_depend
      WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e') ORDER BY 1)
"""


def told(error: psycopg.Error) -> str:
    """Say what a server or the driver said, in one line and without the statement."""
    said = " ".join((error.diag.message_primary or str(error)).split())
    if error.sqlstate == _NO_RIGHT:
        return f"{said}; the user is to own the desk's tables: name the one that made them"
    return said


def server_flaw(release: int, version: str, encoding: str | None) -> str | None:
    """Say what makes a server or database one that no desk can be in, None where nothing does."""
    if release < LEAST_VERSION:
        return f"PostgreSQL {version} is too old; {LEAST_VERSION} or later is wanted"
    if encoding != ENCODING:
        return f"its encoding is {encoding}; a desk wants a database with ENCODING '{ENCODING}' TEMPLATE template0"
    return None


def check_ground(connection: Connection, *, make: bool = True) -> None:
    """Refuse what is no desk and cannot become one, or, without `make`, is none yet; raises Unavailable."""
    said = connection.info.parameter_status
    release = connection.info.server_version // 10_000
    if flaw := server_flaw(release, said("server_version") or "", said("server_encoding")):
        raise Unavailable(flaw)
    if said("in_hot_standby") == "on":
        raise Unavailable(STANDBY)
    row: Any = connection.execute(_FOUND).fetchone()
    schema, user, may, columns, tables = row
    if columns:
        if not set(_MIGRATIONS) <= set(columns):
            raise Unavailable("its table migrations is not a desk's; a desk wants a database of its own")
    elif schema is None:
        raise Unavailable("no schema of its search_path is there; a desk wants one of its own")
    elif tables:
        more = ", ..." if len(tables) > _MOST_NAMED else ""
        named = ", ".join(tables[:_MOST_NAMED])
        raise Unavailable(f"it holds something else ({named}{more}); a desk wants an empty database, or a schema there")
    elif not make:
        raise Unavailable(NO_DESK)
    elif not may:
        raise Unavailable(f"{user} may not create tables in its schema {schema}; let that user own the database")
