"""The DuckDB catalog: one door for the pipeline, hardened snapshots for readers."""

from apex_core.catalog.checks import require_checks
from apex_core.catalog.door import Connection, compact, connect, engine, peek, put_in_place, rewrite, transaction
from apex_core.catalog.fingerprint import fingerprint
from apex_core.catalog.queries import check_query
from apex_core.catalog.reader import latest_snapshot, open_latest, open_snapshot
from apex_core.catalog.statements import sql

__all__ = [
    "Connection",
    "check_query",
    "compact",
    "connect",
    "engine",
    "fingerprint",
    "latest_snapshot",
    "open_latest",
    "open_snapshot",
    "peek",
    "put_in_place",
    "require_checks",
    "rewrite",
    "sql",
    "transaction",
]
