"""One process of the score benchmark: ``make`` a catalog of so many tracks, or score it: ``bare`` or ``apex``."""

import json
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from apex_core.catalog import connect
from apex_core.pipeline.run import begin
from apex_core.pipeline.score import run_score
from apex_core.settings import Settings

_AS_OF = datetime(2026, 11, 2, tzinfo=UTC)

# All are eligible, so that both write the same rows. A third of the tracks has three observations; half of all counts
# are 0, the others log-normal; some say nothing.
_TRACKS = """
INSERT INTO track BY NAME
SELECT
    CASE WHEN hash(i) % 5 = 0 THEN 'udio' ELSE 'suno' END AS platform, md5(i::VARCHAR)::UUID::VARCHAR AS track_id,
    'active' AS status, 'song ' || i AS title, 'user-' || (hash(i) % 100000) AS creator_id,
    TIMESTAMPTZ '2025-01-01 00:00:00+00' + to_seconds((hash(i, 1) % 50000000)::BIGINT) AS created_at,
    180.0 AS duration_s, 'v' || (3 + hash(i, 2) % 3) AS model_family, 'gen' AS kind,
    'complete' AS state, true AS is_public,
    TIMESTAMPTZ '2026-09-01 00:00:00+00' AS first_observed_at,
    TIMESTAMPTZ '2026-11-01 00:00:00+00' AS last_observed_at
FROM range($tracks) AS r (i)
"""
_ENGAGEMENT = """
INSERT INTO engagement
WITH drawn AS (
    SELECT
        i, hash(i, 7) % 100 < 45 AS unplayed, hash(i, 8) % 3 = 0 AS many,
        sqrt(-2 * ln(1e-9 + (hash(i, 5) % 1000000) / 1e6)) * cos(2 * pi() * (hash(i, 6) % 1000000) / 1e6) AS normal
    FROM range($tracks) AS r (i)
),
counted AS (
    SELECT *, CASE WHEN unplayed THEN 0 ELSE floor(exp(2.5 + 2.2 * normal))::BIGINT END AS plays FROM drawn
)
SELECT
    CASE WHEN hash(i) % 5 = 0 THEN 'udio' ELSE 'suno' END, md5(i::VARCHAR)::UUID::VARCHAR,
    TIMESTAMPTZ '2026-11-01 00:00:00+00' - to_days((k * 7)::INTEGER),
    CASE WHEN k > 0 OR i % 11 > 0 OR NOT many THEN plays - plays * k // 10 END,
    plays // 25 - (plays // 25) * k // 10,
    TIMESTAMPTZ '2026-11-01 00:00:00+00' - to_days((k * 7)::INTEGER)
FROM range(3) AS o (k), counted
WHERE k = 0 OR many
"""
# What somebody would write who wants these scores and nothing else.
_BARE = """
CREATE TABLE scored AS
WITH latest AS MATERIALIZED (
    SELECT platform, track_id, arg_max(plays, observed_at) AS plays, arg_max(likes, observed_at) AS likes
    FROM engagement
    GROUP BY platform, track_id
),
tied AS (
    SELECT platform, 'streams' AS measure, plays AS count, count(*) AS tracks
    FROM latest WHERE plays IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT platform, 'likes', likes, count(*) FROM latest WHERE likes IS NOT NULL GROUP BY ALL
),
ranked AS (
    SELECT *,
        (sum(tracks) OVER (PARTITION BY platform, measure ORDER BY count) - tracks / 2)
            / sum(tracks) OVER (PARTITION BY platform, measure) AS percentile
    FROM tied
),
cdf AS (SELECT *, CASE WHEN count = 0 THEN 0 ELSE 100 * sqrt(percentile) END AS score FROM ranked)
SELECT
    l.*, s.percentile AS streams_percentile, k.percentile AS likes_percentile,
    s.score AS score_streams, k.score AS score_likes
FROM latest AS l
LEFT JOIN cdf AS s ON s.measure = 'streams' AND s.platform = l.platform AND s.count = l.plays
LEFT JOIN cdf AS k ON k.measure = 'likes' AND k.platform = l.platform AND k.count = l.likes
"""


def main() -> None:
    what, file, tracks = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if what == "make":
        file.unlink(missing_ok=True)
        with connect(Settings(home=file.parent), "bench") as connection:
            connection.execute(_TRACKS, {"tracks": tracks})
            connection.execute(_ENGAGEMENT, {"tracks": tracks})
    started = time.perf_counter()
    if what == "bare":
        _bare(file)
    elif what == "apex":
        _apex(file)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _bare(file: Path) -> None:
    # The file is attached as the door does: opened directly, closing it takes longer than all the rest.
    with duckdb.connect(config={"memory_limit": Settings().memory_limit}) as connection:
        connection.execute(f"ATTACH '{file}' AS catalog (ROW_GROUP_SIZE 61440)")
        connection.execute("USE catalog")
        connection.execute(_BARE)


def _apex(file: Path) -> None:
    """The stage as the nightly runs it, the row of its run included."""
    run_score(begin(Settings(home=file.parent), "bench", _AS_OF, "bench"))


if __name__ == "__main__":
    main()
