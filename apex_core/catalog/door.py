"""The one door to the live catalog."""

import contextlib
from collections.abc import Generator

import duckdb

from apex_core.catalog.lock import hold
from apex_core.catalog.migrate import migrate
from apex_core.settings import Settings

Connection = duckdb.DuckDBPyConnection


@contextlib.contextmanager
def connect(settings: Settings, holder: str = "apex") -> Generator[Connection]:
    """Open the live catalog for one short unit of work and close it again; migrations are applied when due.

    ``holder`` says who is inside (run and stage), for whoever waits. Raises Locked when the catalog stays busy for
    ``settings.lock_timeout_s``, MigrationError when it was written by newer code.
    """
    path = settings.catalog_path
    path.parent.mkdir(parents=True, exist_ok=True)
    with hold(path.with_name(path.name + ".lock"), holder, settings.lock_timeout_s):
        connection = duckdb.connect(str(path), config=_config(settings))
        try:
            connection.execute("SET TimeZone = 'UTC'")
            migrate(connection)
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def transaction(connection: Connection) -> Generator[None]:
    """Everything inside, or nothing."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _config(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "temp_directory": str(settings.home / "spill"),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if settings.threads:
        config["threads"] = settings.threads
    return config
