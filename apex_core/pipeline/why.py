"""Why a track is where it is: for each stage its state, since when, the reason, and what would move it on.

Everything comes from a snapshot. The texts are for people; programs read ``stage``, ``standing`` and ``since``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from apex_core.catalog import Connection, sql
from apex_core.pipeline.report import Row, rows
from apex_core.pipeline.why_audio import audio_remedy
from apex_core.pipeline.why_score import not_scored

# done; waits: moves on by itself; needs: somebody has to do something; ends: it goes no further.
Standing = Literal["done", "waits", "needs", "ends"]

_DIMENSIONS = ("coherence", "musicality", "memorability", "clarity", "naturalness")
_NEXT_RUN = "the next nightly run, or apex nightly now"
_NOT_HERE = "what holds it up at: eligible"


@dataclass(frozen=True, slots=True)
class StageFact:
    """One stage: whether the track got there, why (not), and what would move it on (None when done)."""

    stage: str
    standing: Standing
    says: str
    since: datetime | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """What a snapshot knows of a track; ``row`` is None when it does not know it."""

    track: str
    row: Row | None
    stages: list[StageFact]
    rejects: list[Row]


def why(connection: Connection, platform: str, track_id: str) -> Why:
    """Where a track stands in each stage."""
    found = rows(connection, sql("report/why"), {"platform": platform, "track_id": track_id})
    rejects = _rejects(connection, track_id)
    stages = stage_facts(found[0], rejects) if found else [_unknown(rejects)]
    return Why(f"{platform}/{track_id}", found[0] if found else None, stages, rejects)


def why_unknown(connection: Connection, text: str, ids: list[str]) -> Why:
    """What there is to say of a track that no row is of: the rejects that name it."""
    rejects = [row for track_id in ids for row in _rejects(connection, track_id)]
    return Why(text, None, [_unknown(rejects)], rejects)


def stage_facts(row: Row, rejects: list[Row]) -> list[StageFact]:
    """One fact a stage, in the order of the stages, of a row of ``report/why`` and the track's open rejects."""
    known = StageFact("known", "done", f"last seen {row['last_observed_at']:%Y-%m-%d}", row["first_observed_at"])
    return [
        known,
        _eligible(row),
        _scored(row),
        _audio(row),
        _embedded(row),
        _labelled(row, rejects),
        _split(row),
        _predicted(row),
    ]


def _rejects(connection: Connection, track_id: str) -> list[Row]:
    return rows(connection, sql("report/why_rejected"), {"track_id": track_id})


def _unknown(rejects: list[Row]) -> StageFact:
    if rejects:
        reasons = ", ".join(sorted({f"{row['source']}: {row['reason']}" for row in rejects}))
        return StageFact(
            "known",
            "needs",
            f"not taken in; records that name it were rejected ({reasons})",
            min(row["first_seen"] for row in rejects),
            "a good record of it; rejects_open has the rejected ones",
        )
    return StageFact(
        "known",
        "needs",
        "no track of this name is in the snapshot (one that was forgotten leaves no trace there either)",
        None,
        "a dump or listing that has it: apex ingest FILE; a track of today comes with the next snapshot",
    )


def _eligible(row: Row) -> StageFact:
    if row["eligible"]:
        return StageFact("eligible", "done", "complete, public and still offered")
    says, standing, onward = _not_eligible(row)
    return StageFact("eligible", standing, says, row["status_at"], onward)


def _not_eligible(row: Row) -> tuple[str, Standing, str]:
    again = "a newer record of it: the next listing or dump that has it"
    if row["status"] == "tombstone":
        return "gone from the platform", "ends", f"nothing but {again}"
    if row["status"] != "active":
        return "not offered by the platform at present", "waits", f"{again}, or another look at it"
    if row["state"] != "complete":
        told = f"stated to be {row['state']}" if row["state"] else "not stated to be complete"
        return f"not complete: {told}", "waits", f"{again}, saying that it is complete"
    if row["is_public"] is False:
        return "private", "waits", f"{again}, saying that it is public"
    return f"a {row['kind']}, no song of its own", "ends", "nothing; these are left out"


def _scored(row: Row) -> StageFact:
    scores = {"streams": row["score_streams"], "likes": row["score_likes"]}
    given = [f"{name} {score:.1f}" for name, score in scores.items() if score is not None]
    if given:
        lacking = "".join(f"; no count of {name}" for name, score in scores.items() if score is None)
        says = f"{', '.join(given)} of 100 in cohort {row['cohort']}{lacking}"
        return StageFact("scored", "done", says, row["scored_at"])
    if not row["eligible"]:
        return StageFact("scored", "ends", "only eligible tracks are scored", None, _NOT_HERE)
    says, waits, onward = not_scored(row)
    return StageFact("scored", "waits" if waits else "needs", says, None, onward)


def _audio(row: Row) -> StageFact:
    state = row["audio_state"]
    if state == "available":
        where = "found in a library" if row["origin"] == "library" else "fetched"
        length = f", {row['duration_s']:.0f} s" if row["duration_s"] is not None else ""
        says = f"{where} ({row['codec'] or 'audio'}{length}): {row['uri'] or row['sha256']}"
        return StageFact("audio", "done", says, row["checked_at"])
    if not row["eligible"]:
        return StageFact("audio", "ends", "only eligible tracks are looked for", row["checked_at"], _NOT_HERE)
    if state is None:
        return StageFact("audio", "waits", "not looked for yet", None, _NEXT_RUN)
    tries = f"{row['attempts']} {'try' if row['attempts'] == 1 else 'tries'}"
    says = f"{state}: {row['audio_reason'] or 'no reason given'} ({tries})"
    acts, onward = audio_remedy(row["audio_reason"] or "", row["platform"], row["track_id"], row["next_try_at"])
    return StageFact("audio", "needs" if acts else "waits", says, row["checked_at"], onward)


def _embedded(row: Row) -> StageFact:
    if row["embedding_state"] == "embedded":
        same = row["shared_with"] or []
        shared = f"; the very same audio as {_few(same)}" if same else ""
        plural = "" if row["segments"] == 1 else "s"
        says = f"{row['segments']} segment{plural} by {row['encoder_id']}{shared}"
        return StageFact("embedded", "done", says, row["adopted_at"])
    if row["embedding_state"] == "failed":
        says = f"failed: {row['embedding_reason'] or 'no reason given'}"
        onward = "another file of the song in an audio library; these bytes are not tried again"
        return StageFact("embedded", "needs", says, row["adopted_at"], onward)
    if not row["eligible"]:
        return StageFact("embedded", "ends", "only eligible tracks are encoded", None, _NOT_HERE)
    if row["audio_state"] != "available":
        return StageFact("embedded", "waits", "no audio to encode", None, "its audio")
    says = f"not encoded by {row['encoder_id']} yet" if row["encoder_id"] else "nothing has been encoded yet"
    return StageFact("embedded", "waits", says, None, _NEXT_RUN)


def _labelled(row: Row, rejects: list[Row]) -> StageFact:
    lacking = [name for name in _DIMENSIONS if row[name] is None]
    if len(lacking) < len(_DIMENSIONS):
        others = [name for name in row["labellers"] if name != row["labeller"]]
        says = f"by {row['labeller']}" + (f", without {', '.join(lacking)}" if lacking else "")
        says += f"; also by {', '.join(others)}" if others else ""
        return StageFact("labelled", "done", says, row["labelled_at"])
    refused = next((reject for reject in rejects if reject["stage"] == "label"), None)
    if refused:
        says = f"a label that names it was rejected: {refused['reason']}"
        return StageFact("labelled", "needs", says, refused["first_seen"], "a mended label file, then a nightly run")
    onward = f"an entry {row['track_id']} in a file of APEX_AESTHETICS__FILES, then a nightly run"
    return StageFact("labelled", "needs", "no label file names it", None, onward)


def _split(row: Row) -> StageFact:
    if row["quarantined"]:
        says = f"quarantined: given to {row['split']}, but its lineage, known later, belongs to another side"
        return StageFact("split", "ends", says, row["assigned_at"], "nothing; it is used in no training or test")
    if row["split"]:
        return StageFact("split", "done", f"{row['split']}, with its group {row['group_key']}", row["assigned_at"])
    if not row["eligible"]:
        return StageFact("split", "ends", "only eligible tracks are given a side", None, _NOT_HERE)
    return StageFact("split", "waits", "not given a side yet", None, f"{_NEXT_RUN}, when it trains")


def _predicted(row: Row) -> StageFact:
    if row["predicted_by"]:
        scores = {"streams": row["predicted_streams"], "likes": row["predicted_likes"]}
        given = ", ".join(f"{name} {score:.1f}" for name, score in scores.items() if score is not None)
        says = f"{given or 'aesthetics only'} by {row['predicted_by']}"
        return StageFact("predicted", "done", says, row["champion_since"])
    if row["embedding_state"] != "embedded":
        standing: Standing = "waits" if row["eligible"] else "ends"
        return StageFact("predicted", standing, "no vector to predict from", None, "its embedding")
    if row["champion"] is None:
        onward = "a promoted model; apex status says why the newest candidate is none"
        return StageFact("predicted", "waits", "no champion yet", None, onward)
    return StageFact("predicted", "waits", f"not predicted by {row['champion']} yet", None, _NEXT_RUN)


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
