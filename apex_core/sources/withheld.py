"""Known tracks that a platform keeps to itself now."""

from collections.abc import Sequence
from datetime import datetime

from apex_core.catalog import Connection, sql
from apex_core.settings import Platform


def mark_withheld(con: Connection, platform: Platform, track_ids: Sequence[str], as_of: datetime) -> int:
    """Make known tracks unavailable that the platform answers 403 for; their past stays. Return how many."""
    con.execute(sql("ingest/macro_said_at"))
    bound = {"platform": platform, "track_ids": list(track_ids), "as_of": as_of}
    return len(con.execute(sql("live/mark_withheld"), bound).fetchall())
