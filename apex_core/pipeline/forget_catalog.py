"""The rows of forgotten tracks and creators: in every table that has a track or a song in it, whoever made it."""

import json
from typing import Any

import polars as pl

from apex_core.catalog import Connection, sql
from apex_core.pipeline.forget_work import Work
from apex_core.pipeline.frames import execute_with
from apex_core.sources.erasure import clear_body

Row = tuple[Any, ...]


def songs_of(connection: Connection, work: Work) -> tuple[str, ...]:
    """The sha256 of their audio that no track which stays has, be it found now or by an earlier try."""
    bound = {**work.bound, "songs": list(work.songs)}
    return tuple(row[0] for row in connection.execute(sql("forget/songs_of"), bound).fetchall())


def count_rows(connection: Connection, work: Work) -> dict[str, int]:
    """Rows to delete, by table."""
    found = {table: _count(connection, work, table, whose) for table, whose in _tables(connection)}
    found["reject"] = len(_rejects(connection, work))
    found["track (unknown fields of others)"] = len(_extras(connection, work))
    return {table: count for table, count in found.items() if count}


def delete_rows(connection: Connection, work: Work) -> None:
    """Delete them, within the caller's transaction; songs of others whose root was theirs keep their side."""
    extras, rejects = _extras(connection, work), _rejects(connection, work)
    connection.execute(sql("forget/regroup"), {"platform": work.platform, "creators": [*work.creators]})
    for table, whose in _tables(connection):
        if whose == "track_id":
            connection.execute(sql("forget/delete_track_rows", table=table), work.bound)
        else:
            connection.execute(sql("forget/delete_song_rows", table=table), {"songs": list(work.songs)})
    _clear_checks(connection, work)
    keys = pl.DataFrame(rejects, schema=["source", "reject_key", "reason"], orient="row") if rejects else None
    if keys is not None:
        execute_with(connection, "named", keys, "forget/delete_rejects")
    if extras:
        connection.register("named", pl.DataFrame(extras, schema=["track_id", "extra"], orient="row").to_arrow())
        connection.execute(sql("forget/update_extras"), {"platform": work.platform})
        connection.unregister("named")


def remaining(connection: Connection, work: Work) -> list[dict[str, Any]]:
    """What stays in other hands or under other names, as the catalog knows it."""
    files = connection.execute(sql("forget/files_of_others"), {**work.bound}).fetchall()
    heirs = connection.execute(sql("forget/heirs"), work.bound).fetchone()
    stays: list[dict[str, Any]] = []
    for what, why in (
        ("library", "the operator's own files of these songs: apex does not delete them"),
        ("dump", "dumps and exports read where they lie, which may hold these records: apex does not change them"),
    ):
        where = [uri for kind, uri in files if kind == what]
        stays += [{"what": what, "why": why, "where": where}] if where else []
    if heirs and heirs[0]:
        why = "tracks of others were made from these: their records keep the bare id, as the platform's do"
        stays.append({"what": "lineage of others", "why": why, "tracks": heirs[0]})
    return stays


def models_of(connection: Connection, training_sets: list[str]) -> list[dict[str, Any]]:
    """The model versions that learned from training sets with rows of theirs."""
    rows = connection.execute(sql("forget/models_of"), {"training_sets": training_sets}).fetchall()
    why = "weights learned from training sets that held these; a published version never changes"
    return [{"what": "models", "why": why, "where": [row[0] for row in rows]}] if rows else []


def _clear_checks(connection: Connection, work: Work) -> None:
    """Results of checks keep their counts, without the offenders that name one of them."""
    rows = connection.execute(sql("forget/check_offenders")).fetchall()
    named = [offender for (offender,) in rows if work.forgotten.named(offender)]
    if named:
        connection.execute(sql("forget/clear_check_offenders"), {"named": named})


def _tables(connection: Connection) -> list[tuple[str, str]]:
    return connection.execute(sql("forget/tables")).fetchall()


def _count(connection: Connection, work: Work, table: str, whose: str) -> int:
    if whose == "track_id":
        row = connection.execute(sql("forget/count_track_rows", table=table), work.bound).fetchone()
    else:
        row = connection.execute(sql("forget/count_song_rows", table=table), {"songs": list(work.songs)}).fetchone()
    return int(row[0]) if row else 0


def _rejects(connection: Connection, work: Work) -> list[Row]:
    """Keys of the rejects that name one of them; their payloads are records, or whole pages."""
    forgotten = work.forgotten
    rows = connection.execute(sql("forget/rejects_naming"), forgotten.needles).fetchall()
    return [row[:3] for row in rows if forgotten.named(f"{row[1]} {row[3]}")]


def _extras(connection: Connection, work: Work) -> list[Row]:
    """Tracks that stay, and their unknown fields without those who are forgotten."""
    forgotten = work.forgotten
    rows = connection.execute(sql("forget/extras_naming"), {**work.bound, **forgotten.needles}).fetchall()
    cleared = [(track_id, clear_body(extra, forgotten)) for track_id, extra in rows]
    return [(track_id, found.text or json.dumps({})) for track_id, found in cleared if found.changes]
