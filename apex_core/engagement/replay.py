"""A stored run worked out again from its own inputs and definition, and counts from outside placed on its CDF."""

from dataclasses import dataclass

import pyarrow as pa

from apex_core.catalog import Connection, sql
from apex_core.engagement.scores import by_cohort, compute
from apex_core.errors import CatalogError
from apex_core.settings import ScoreSettings

COUNTS = pa.schema(
    {
        "platform": pa.string(),
        "plays": pa.int64(),
        "likes": pa.int64(),
        "age_days": pa.float64(),
        "model_family": pa.string(),
    }
)
"""What ``place`` takes. Plays or likes may be null; age and family are asked for where cohorts are by them."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A part of a run (scores, cdf, cohorts): its rows, and how many of them a replay does not give to the bit."""

    part: str
    rows: int
    differ: int


def replay(connection: Connection, definition: ScoreSettings) -> list[Replayed]:
    """Score the inputs of the run loaded as ``run_*`` (``load_run``) again and compare."""
    connection.execute(sql("score/create_cohort_of"))
    connection.execute(sql("score/create_inputs_again"), by_cohort(definition))
    compute(connection, definition)
    return [Replayed(*row) for row in connection.execute(sql("score/replayed")).fetchall()]


def place(connection: Connection, definition: ScoreSettings, counts: pa.Table, prefix: str = "run") -> pa.Table:
    """Where counts stand among those of a stored run, without scoring anything anew.

    ``counts`` has the columns of ``COUNTS``; the answer has them, too, in the same order, then ``cohort``,
    ``streams_percentile``, ``likes_percentile``, ``score_streams`` and ``score_likes``. The run is the one loaded
    under ``prefix`` (``load_run``). A count the run knows has the run's score; any other the score of the share of
    tracks with fewer, so 0 below the lowest and 100 beyond the highest.

    Raises CatalogError for a negative count and for cohorts that the run does not have, naming those it has.
    """
    tables = {"cdf": f"{prefix}_cdf", "cohorts": f"{prefix}_cohorts"}
    connection.execute(sql("score/create_cohort_of"))
    connection.register("incoming_counts", counts.select(COUNTS.names).cast(COUNTS))
    connection.execute(sql("score/create_counts"))
    connection.unregister("incoming_counts")
    bound = by_cohort(definition)
    wrong = [row[0] for row in connection.execute(sql("score/unplaceable", **tables), bound).fetchall()]
    if None in wrong:
        raise CatalogError("A count below 0 has no place.", fix="give the counts as the platform shows them")
    if wrong:
        there = [str(row[0]) for row in connection.execute(sql("score/cohorts_of", **tables)).fetchall()]
        raise CatalogError(f"The score run has no cohort {', '.join(wrong)}.", fix=f"it has {', '.join(there)}")
    method = {"zeros": definition.zeros, "gamma": definition.gamma}
    return connection.sql(sql("score/place", cdf=tables["cdf"]), params=bound | method).to_arrow_table()
