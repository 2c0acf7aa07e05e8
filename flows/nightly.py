"""The nightly: everything, in order, as one run.

Why it is shaped like this: one flow on one node, since the catalog has one writer. Its ``as_of`` is frozen at the start
and stands for "now" in every stage, so a night that was killed and started again ends where an uninterrupted one would
have. What cannot be had (a platform that is down, a shard that fails) does not keep the rest from the morning; the run
then ends as ``Partial`` and says which, and what to do. Resuming rests on the catalog and on the store's manifests, not
on Prefect's memory: start it again, and each stage does what is left. What a check blocks is not gone on with: nothing
that rests on a broken catalog is trained, published or shown. A night that waited until the next one is due is dropped:
that one does all it would have done.
"""

from datetime import UTC, datetime, timedelta
from typing import cast

from prefect import flow
from prefect.states import Cancelled
from pydantic import AwareDatetime

from apex_core.pipeline.check import accept as accepting
from flows.artifacts import reported
from flows.checks import check
from flows.extract import extract
from flows.ingest import ingest
from flows.session import Done, current_flow_run, joined, session
from flows.stages import audio, label, report, score, snapshot
from flows.train import train

_A_DAY = timedelta(days=1)


@flow(name="nightly", persist_result=False)
def nightly(
    as_of: AwareDatetime | None = None, force_training: bool = False, accept: list[str] | None = None, because: str = ""
) -> list[Done]:
    """Ingest, score, extract, train, publish, predict and publish a snapshot.

    Args:
        as_of: The moment that stands for now in every stage; leave empty for now.
        force_training: Train even when nothing new is to be learned.
        accept: Blocking checks to let pass in this one run: those whose severity is "block unless accepted".
        because: Why they are accepted; it is kept with their results.
    """
    if as_of is None and (why := _waited_too_long()):
        # Prefect takes a returned state for the run's own.
        return cast(list[Done], Cancelled(name="Skipped", message=why))
    accepted = accepting(accept or [], because)
    with session("nightly", as_of) as night, reported(night, "nightly"):
        run = night.run
        night.add(*joined(ingest, run.run_id, run.as_of))  # 1
        night.add(check(run, "ingest", accepted))
        night.add(audio(run))  # 2
        night.add(score(run))  # 3
        night.add(check(run, "score", accepted))
        night.add(*joined(extract, run.run_id, run.as_of))  # 4
        night.add(label(run))  # 5
        night.add(*joined(train, run.run_id, run.as_of, force_training))  # 6 train, 7 publish, 8 predict
        night.add(snapshot(run, accepted))  # 9
        night.add(report(run))
    return night.outcome()


def _waited_too_long() -> str | None:
    """Why this night is dropped; None when it is not. Only a deployment's runs wait, and only the first time."""
    run, now = current_flow_run("nightly"), datetime.now(UTC)
    due = run.expected_start_time
    if run.deployment_id is None or run.run_count > 1 or due is None or now - due < _A_DAY:
        return None
    hours = (now - due).total_seconds() / 3600
    return f"It was due on {due:%Y-%m-%d %H:%M} UTC and waited {hours:.0f} hours: the next night does its work."
