"""What a run left undone, tried again: just that, then what readers see.

Why it is shaped like this: the page of a run names what failed by the ids that this flow takes, so that nobody has to
wait for the next night, or to run one. The next night would do the same; a retry only comes first.
"""

from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from apex_core.errors import ApexError
from apex_core.pipeline.run import EVERYTHING, Window
from apex_core.settings import PLATFORMS, Platform
from flows.artifacts import reported
from flows.checks import check
from flows.extract import extract
from flows.ingest import at_once, enabled, ingest, reconcile, revisit
from flows.limits import EXTRACT, limited
from flows.session import Done, Session, joined, session
from flows.stages import audio, predict, report, score, snapshot

Stage = Literal["ingest", "revisit", "reconcile", "audio", "extract", "report"]
_AGAIN = {"revisit": revisit, "reconcile": reconcile}
_MOST = 1_000


@flow(name="retry", persist_result=False)
def retry(stage: Stage, ids: Annotated[list[str], Field(max_length=_MOST)] = []) -> list[Done]:  # noqa: B006  Prefect's form
    """Do again what a stage left undone, then publish a snapshot.

    Args:
        stage: The stage.
        ids: As the run's page names them: platforms, tracks as platform/id, shards; empty for all that is left.
    """
    check_ids(stage, ids)
    with session("retry", None) as own, reported(own, "retry"):
        _stage(own, stage, ids)
        if stage in ("ingest", *_AGAIN):
            own.add(check(own.run, "ingest"), score(own.run), check(own.run, "score"))
        if stage == "extract":
            own.add(predict(own.run))
        if stage != "report":
            own.add(snapshot(own.run))
        own.add(report(own.run))
    return own.outcome()


def check_ids(stage: str, ids: list[str]) -> None:
    """Raise ApexError for ids that the stage does not have."""
    known: dict[str, tuple[str, ...]] = {"report": (), **dict.fromkeys(("ingest", *_AGAIN), PLATFORMS)}
    if stage == "audio":
        wrong = [name for name in ids if name.partition("/")[0] not in PLATFORMS or not name.partition("/")[2]]
    else:
        wrong = [name for name in ids if stage in known and name not in known[stage]]
    if wrong:
        said = {"audio": "platform/track_id", "report": "no ids"}.get(stage, " or ".join(PLATFORMS))
        raise ApexError(f"The stage {stage} has no {', '.join(wrong)}.", fix=f"it takes {said}")


def _stage(own: Session, stage: Stage, ids: list[str]) -> None:
    run = own.run
    if stage == "audio":
        own.add(audio(run, Window(tracks=tuple(ids)) if ids else EVERYTHING))
    elif stage == "extract":
        with limited(EXTRACT):
            own.add(*joined(extract, run.run_id, run.as_of, shards=ids or None))
    elif stage != "report":
        platforms: list[Platform] = [name for name in enabled(run.settings) if not ids or name in ids]
        off = sorted({*ids} - {*platforms})
        if off:
            raise ApexError(f"The connector of {' and '.join(off)} is off.", fix="set APEX_SOURCES__…__ENABLED=true")
        if stage == "ingest":
            for name in platforms:
                own.add(*joined(ingest, run.run_id, run.as_of, name, look_again=False))
        else:
            own.add(*at_once(stage, lambda name: _AGAIN[stage].submit(run, name), platforms))
