"""The one door to the live catalog."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

import duckdb

from apex_core.catalog.lock import hold
from apex_core.catalog.migrate import migrate, require_current, upgrade_to
from apex_core.catalog.statements import sql
from apex_core.errors import CatalogError, Locked
from apex_core.settings import Settings
from apex_core.storage import make_folder, sync

Connection = duckdb.DuckDBPyConnection


@contextlib.contextmanager
def connect(settings: Settings, holder: str = "apex") -> Generator[Connection]:
    """Open the live catalog for one short unit of work and close it again; migrations are applied when due.

    Before they are, the catalog as it is goes to ``aside/before-<migration>.duckdb`` beside it, of the last upgrade.

    ``holder`` says who is inside (run and stage), for whoever waits. Raises Locked when the catalog stays busy for
    ``settings.lock_timeout_s``, MigrationError when it was written by newer code.
    """
    path = settings.catalog_path
    make_folder(path.parent)
    with hold(path.with_name(path.name + ".lock"), holder, settings.lock_timeout_s):
        is_new = not path.exists()
        connection = _open(path, settings)
        try:
            connection.execute(sql("catalog/set_utc"))
            _upgrade(connection, path)
            if is_new:
                sync(path.parent)
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def peek(settings: Settings, holder: str = "apex") -> Generator[Connection]:
    """Open the live catalog to read and change nothing: not a byte of it is written, no migration applied.

    Raises Locked as ``connect`` does, MigrationError when this version would have to change the schema first.
    """
    path = settings.catalog_path
    with hold(path.with_name(path.name + ".lock"), holder, settings.lock_timeout_s):
        connection = _open(path, settings, "catalog/attach_read_only")
        try:
            connection.execute(sql("catalog/set_utc"))
            require_current(connection)
            yield connection
        finally:
            connection.close()


def rewrite(settings: Settings, holder: str) -> None:
    """Write the catalog's file anew: what was deleted stays readable in the old one's free blocks.

    The new file takes the old one's place in one step. Raises CatalogError when the old one cannot be closed whole.
    """
    path = settings.catalog_path
    fresh = path.with_name(path.name + ".rewritten")
    with hold(path.with_name(path.name + ".lock"), holder, settings.lock_timeout_s):
        fresh.unlink(missing_ok=True)
        connection = _open(path, settings)
        try:
            connection.execute(sql("snapshot/attach", path=fresh))
            connection.execute(sql("snapshot/copy_database", catalog=path.name.partition(".")[0]))
            connection.execute(sql("snapshot/detach"))
        finally:
            connection.close()
        if path.with_name(path.name + ".wal").exists():
            raise CatalogError(f"{path} has a write-ahead log left after closing.", fix="close whoever has it open")
        sync(fresh)
        fresh.replace(path)
        sync(path.parent)


def put_in_place(settings: Settings, fresh: Path, aside: Path, holder: str) -> bool:
    """Let ``fresh``, a closed catalog on the same disk, be the live one from now on; was there another?

    That one, its write-ahead log included, is kept in the new folder ``aside``. The place is taken in one step: cut
    short before it, the old one is still there, and in ``aside`` too.
    """
    path = settings.catalog_path
    log = path.with_name(path.name + ".wal")
    if fresh.with_name(fresh.name + ".wal").exists():
        raise CatalogError(f"{fresh} has a write-ahead log left after closing.", fix="close whoever has it open")
    with hold(path.with_name(path.name + ".lock"), holder, settings.lock_timeout_s):
        there = [part for part in (path, log) if part.exists()]
        if there:
            make_folder(aside)
        for part in there:  # a second name: neither is opened, nor gone for a moment
            os.link(part, aside / part.name)
        if there:
            sync(aside)
        log.unlink(missing_ok=True)  # or it would be played back into the new one
        sync(fresh)
        fresh.replace(path)
        sync(path.parent)
    return bool(there)


def compact(settings: Settings, holder: str, *, most_free: float = 0.3) -> bool:
    """Write the catalog's file anew when more than the share ``most_free`` of it is free blocks; was it?

    DuckDB fills free blocks again before the file grows, but gives back only those at its end.
    """
    with connect(settings, holder) as connection:
        free, total = connection.execute(sql("catalog/blocks")).fetchone() or (0, 0)
    if free <= total * most_free:
        return False
    rewrite(settings, holder)
    return True


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


def _upgrade(connection: Connection, path: Path) -> None:
    """Apply the migrations that are due, and keep a copy of what the code before them can open."""
    target = upgrade_to(connection)
    if target is None:
        migrate(connection)
        return
    kept = path.parent / "aside" / f"before-{target}.duckdb"
    if not kept.exists():  # else an upgrade that was cut short is gone on with
        part = kept.with_name(kept.name + ".part")
        make_folder(part.parent)
        part.unlink(missing_ok=True)
        connection.execute(sql("snapshot/attach", path=part))
        connection.execute(sql("snapshot/copy_database", catalog=path.name.partition(".")[0]))
        connection.execute(sql("snapshot/detach"))
        sync(part)
        part.replace(kept)
        sync(kept.parent)
    migrate(connection)
    for older in kept.parent.glob("before-*.duckdb"):
        if older != kept:
            older.unlink()


def _open(path: Path, settings: Settings, attach: str = "catalog/attach_live") -> Connection:
    connection = duckdb.connect(config=engine(settings))
    try:
        name = path.name.partition(".")[0]
        connection.execute(sql(attach, path=path, alias=name))
        connection.execute(sql("catalog/use", catalog=name))
    except duckdb.IOException as error:
        connection.close()
        if "lock" in str(error).lower():
            raise Locked(
                f"{path} is open in another program: {error}", fix="close it; to read, open the snapshot (apex sql)"
            ) from error
        raise CatalogError(f"{path} cannot be opened: {error}", fix="apex restore --yes --set-aside") from error
    return connection


def engine(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    """How DuckDB is set up for work on files of our own: bounded memory, spilling beside the catalog."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "temp_directory": str(settings.home / "spill"),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if settings.threads:
        config["threads"] = settings.threads
    return config
