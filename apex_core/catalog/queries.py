"""What somebody's SQL may be: questions alone."""

import re

import duckdb

from apex_core.errors import CatalogError

# With SELECT come FROM first, VALUES, WITH, DESCRIBE, SHOW, SUMMARIZE and the PIVOT whose columns are named.
_QUESTION = duckdb.StatementType.SELECT
# A PIVOT that finds its columns itself is several statements; so is whatever has one inside, COPY (PIVOT ...) too.
_SEVERAL = re.compile(
    r"(?:PIVOT|PIVOT_WIDER|UNPIVOT|FROM|SELECT|WITH|DESCRIBE|SUMMARIZE)\b|\(", re.IGNORECASE | re.ASCII
)
# The options hold words only: a comment in them could pass the rest of the statement off as part of it.
_EXPLAIN = re.compile(
    r"EXPLAIN\s+(?:ANALYZE\b\s*)?(?:\(\s*(?:ANALYZE|FORMAT)\b[\w\s,]*\)\s*)?", re.IGNORECASE | re.ASCII
)
_INSTEAD = "the snapshot is a copy for reading; apex sql --format csv > FILE takes a result elsewhere"


def check_query(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Let only questions through: SELECT and what is one (PIVOT, DESCRIBE, SHOW, SUMMARIZE ...), or EXPLAIN of one.

    Every statement of ``text`` is looked at before any runs; none at all is refused as well. Raises CatalogError for
    what is no question and duckdb.Error for what is no SQL.
    """
    statements = connection.extract_statements(text)
    if not statements:
        raise CatalogError(
            "There is no statement in the query.", fix='apex sql "SHOW TABLES" lists what can be asked for'
        )
    for statement in statements:
        _check(connection, statement)


def _check(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    query = statement.query
    if explain := _EXPLAIN.match(query):
        check_query(connection, query[explain.end() :])
        return
    several = statement.type == duckdb.StatementType.MULTI and _SEVERAL.match(query)
    if statement.type != _QUESTION and not several:
        word = (query.split(maxsplit=1) or [""])[0].rstrip(";").upper()
        raise CatalogError(
            f"Refused: {word} is no question. A snapshot answers FROM, SELECT, WITH, VALUES, PIVOT, DESCRIBE, SHOW, "
            "SUMMARIZE and EXPLAIN of these.",
            fix=_INSTEAD,
        )
