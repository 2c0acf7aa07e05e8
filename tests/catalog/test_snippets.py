"""What the README tells people to type into a notebook, run as it stands there but for the addresses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalog.other_process import ROOT
from tests.catalog.publisher import TRACKS, publish_night, settings_for

WITH_APEX = """
from apex_core.catalog import open_latest

con = open_latest("s3://bucket/prefix")
con.sql("FROM scored_catalog")
con.sql("SELECT count(*) FROM vectors.song_vector")
"""
OVER_PARQUET = """
from apex_core.catalog import open_latest

con = open_latest("s3://bucket/prefix", parquet=True)
con.sql("FROM scored_catalog")
"""
WITH_DUCKDB = """
import duckdb

con = duckdb.connect(".apex/latest/catalog.duckdb", read_only=True)
con.sql("FROM scored_catalog")
"""
WITH_S3FS = """
import duckdb, json, s3fs

s3, store = s3fs.S3FileSystem(), "bucket/prefix"
newest = max(s3.ls(f"{store}/snapshots/latest"), key=lambda key: int(key.rsplit("/")[-1][:-5]))
stamp = json.loads(s3.cat(newest))["stamp"]
con = duckdb.connect()
con.register_filesystem(s3)
con.sql(f"FROM 's3://{store}/snapshots/{stamp}/scored_catalog.parquet'")
"""


def last_line_says(snippet: str, folder: Path) -> str:
    """The rows of the snippet's last line, as a fresh interpreter in ``folder`` counts them."""
    *lines, last = snippet.strip().splitlines()
    counted = "\n".join([*lines, f"print(len({last}.fetchall()))"])
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", counted], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("snippet", "rows"), [(WITH_APEX, 1), (OVER_PARQUET, TRACKS), (WITH_S3FS, TRACKS)])
def test_a_store_on_s3_is_read_from_a_notebook(tmp_path: Path, s3_url: str, snippet: str, rows: int) -> None:
    publish_night(settings_for(tmp_path / "writer", s3_url), 1)
    reader = tmp_path / "reader"
    reader.mkdir()
    assert last_line_says(snippet.replace("bucket/prefix", s3_url.removeprefix("s3://")), reader) == str(rows)


def test_a_store_on_this_disk_is_read_from_a_notebook(tmp_path: Path) -> None:
    publish_night(settings_for(tmp_path / ".apex", str(tmp_path / ".apex" / "store")), 1)
    assert last_line_says(WITH_DUCKDB, tmp_path) == str(TRACKS)
    assert last_line_says(WITH_APEX.replace('"s3://bucket/prefix"', ""), tmp_path) == "1"
