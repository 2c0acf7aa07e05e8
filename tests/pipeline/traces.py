"""Every place of a house where a text stands: files decompressed, Parquet and DuckDB read, the catalog queried."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import zstandard

from apex_core.catalog import connect
from apex_core.settings import Settings
from apex_core.storage import Store


def traces(settings: Settings, *needles: str) -> set[str]:
    """Where one of ``needles`` stands: keys of the store, ``key:table`` of a DuckDB file there, ``catalog:table``."""
    texts = [*_catalog(settings), *_store(Store.open(settings.store_url))]
    return {place for place, text in texts if any(needle.lower() in text.lower() for needle in needles)}


def _catalog(settings: Settings) -> Iterator[tuple[str, str]]:
    with connect(settings, "test") as connection:
        for table, text in _tables(connection):
            yield f"catalog:{table}", text


def _store(store: Store) -> Iterator[tuple[str, str]]:
    keys = [key for folder in _folders(store) for key in store.list(folder)]
    for key in keys:
        yield key, key
        if key.endswith(".duckdb"):
            with store.local(key) as path, duckdb.connect(str(path), read_only=True) as connection:
                yield from ((f"{key}:{table}", text) for table, text in _tables(connection))
        else:
            yield key, _text(key, store.read(key))


def _folders(store: Store) -> list[str]:
    names = [Path(str(path)).name for path in store.fs.ls(store.root, detail=False)]
    return [name for name in names if name]


def _tables(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
    for (name,) in names:
        yield name, json.dumps(connection.execute(f'FROM "{name}"').fetchall(), default=str)


def _text(key: str, data: bytes) -> str:
    if key.endswith(".parquet"):
        names = [name for name in pl.read_parquet_schema(data) if not name.startswith(("layer_", "mixed"))]
        return json.dumps(pl.read_parquet(data, columns=names).rows(), default=str)
    if key.endswith(".zst"):
        data = zstandard.decompress(data)
    return data.decode("utf-8", "replace")
