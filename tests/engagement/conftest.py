"""A catalog in memory, counts to put into it, and a scoring that answers with rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from apex_core.catalog.migrate import migrate
from apex_core.engagement import ScoreOutcome, score
from apex_core.settings import ScoreSettings

DAY0 = datetime(2026, 11, 1, tzinfo=UTC)
Count = tuple[str, str, int | None, int | None]  # platform, track, plays, likes


@dataclass(frozen=True)
class Song:
    """A track with counts, and what may decide its cohort."""

    platform: str
    plays: int | None
    likes: int | None
    age_days: float | None = 1.0
    model_family: str | None = None


class Cohorts:
    """Tracks with counts, scored as often as asked."""

    def __init__(self) -> None:
        self.con = duckdb.connect(config={"threads": 1})
        self.day = 0
        migrate(self.con)

    def clear(self) -> None:
        for table in ("track", "engagement", "score_run", "score_cdf", "score_cohort", "engagement_score"):
            self.con.execute(f"DELETE FROM {table}")

    def observe(self, counts: Iterable[Count], **track: Any) -> None:
        """Counts seen on the next day; a track that is not known yet becomes one."""
        self.day += 1
        now = DAY0 + timedelta(days=self.day)
        platforms, ids, plays, likes = (list(column) for column in zip(*counts, strict=True))
        seen = pa.table(
            {
                "platform": pa.array(platforms, pa.string()),
                "track_id": pa.array(ids, pa.string()),
                "plays": pa.array(plays, pa.int64()),
                "likes": pa.array(likes, pa.int64()),
            }
        )
        self.con.register("seen", seen)
        facts = {"status": "active", "state": "complete", "created_at": DAY0, **track, "now": now}
        self.con.execute(
            """
            INSERT INTO track BY NAME
            SELECT platform, track_id, $status AS status, $state AS state, $created_at AS created_at,
                   $now AS first_observed_at, $now AS last_observed_at
            FROM seen ANTI JOIN track USING (platform, track_id)
            """,
            facts,
        )
        self.con.execute(
            "UPDATE track SET last_observed_at = $now FROM seen "
            "WHERE track.platform = seen.platform AND track.track_id = seen.track_id",
            {"now": now},
        )
        self.con.execute(
            "INSERT INTO engagement SELECT platform, track_id, $now, plays, likes, $now FROM seen", {"now": now}
        )
        self.con.unregister("seen")

    def observe_songs(self, songs: Sequence[Song]) -> None:
        """Songs of the ages they have on the next day; their ids are their places."""
        self.observe([(song.platform, str(n), song.plays, song.likes) for n, song in enumerate(songs)])
        now = DAY0 + timedelta(days=self.day)
        born = [None if song.age_days is None else now - timedelta(days=song.age_days) for song in songs]
        facts = pa.table(
            {
                "track_id": pa.array([str(n) for n in range(len(songs))]),
                "born": pa.array(born, pa.timestamp("us", "UTC")),
                "family": pa.array([song.model_family for song in songs], pa.string()),
            }
        )
        self.con.register("facts", facts)
        self.con.execute(
            "UPDATE track SET created_at = born, model_family = family FROM facts WHERE track.track_id = facts.track_id"
        )
        self.con.unregister("facts")

    def score(self, **definition: Any) -> ScoreOutcome:
        self.day += 1
        now = DAY0 + timedelta(days=self.day)
        return score(self.con, ScoreSettings(**definition), now, f"run-{self.day}")

    def scores(self, counts: Sequence[Count] = (), **definition: Any) -> dict[str, tuple[float | None, float | None]]:
        """Streams and likes scores by track, of the counts given or those there are."""
        if counts:
            self.clear()
            self.observe(counts)
        self.score(**definition)
        return self.current()

    def current(self) -> dict[str, tuple[float | None, float | None]]:
        rows = self.con.execute(
            "SELECT track_id, score_streams, score_likes FROM engagement_score "
            "JOIN current_score_run USING (score_run_id)"
        ).fetchall()
        return {track: (streams, likes) for track, streams, likes in rows}

    def streams(self, counts: Sequence[int | None], **definition: Any) -> list[float | None]:
        """Streams scores of these plays, in their order."""
        scored = self.scores([("suno", f"t{n}", plays, None) for n, plays in enumerate(counts)], **definition)
        return [scored.get(f"t{n}", (None, None))[0] for n in range(len(counts))]

    def count(self, table: str) -> int:
        return int(self.con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


@pytest.fixture
def cohorts() -> Iterator[Cohorts]:
    made = Cohorts()
    yield made
    made.con.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Cohorts]:
    """For property tests, which clear it at every example."""
    made = Cohorts()
    yield made
    made.con.close()
