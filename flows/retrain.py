"""Train on the catalog as it stands, out of turn: after new labels, or other settings.

Why it is shaped like this: it is the night's second half. Counts and labels that came since the last night count, so
cohorts are scored first; then it is the same sub-flow that the night calls, with the same check and the same gate, and
what readers see follows at once.
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from apex_core.pipeline.check import accept as accepting
from flows.artifacts import reported
from flows.checks import check
from flows.session import Done, joined, session
from flows.stages import label, report, score, snapshot
from flows.train import train

_Accept = Annotated[list[str], Field(max_length=20, json_schema_extra={"position": 1})]


@flow(name="retrain", persist_result=False)
def retrain(
    force: Annotated[bool, Field(json_schema_extra={"position": 0})] = True,
    accept: _Accept = [],  # noqa: B006  a form's default; nobody writes into it
    because: Annotated[str, Field(max_length=500, json_schema_extra={"position": 2})] = "",
) -> list[Done]:
    """Score, import labels, train, let the gate decide, predict, publish a snapshot.

    Args:
        force: Train even when too little is new to be worth it.
        accept: Blocking checks to let pass in this one run: those whose severity is "block unless accepted".
        because: Why they are accepted; it is kept with their results.
    """
    accepted = accepting(accept, because)
    with session("retrain", None) as own, reported(own, "retrain"):
        run = own.run
        own.add(score(run))
        own.add(check(run, "score", accepted))
        own.add(label(run))
        own.add(*joined(train, run.run_id, run.as_of, force))
        own.add(snapshot(run, accepted))
        own.add(report(run))
    return own.outcome()
