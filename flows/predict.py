"""Let the champion predict what it has not predicted, out of turn: after encoding, or a decision about models.

Why it is shaped like this: predictions that nobody sees help nobody, so a snapshot follows unless somebody who has
more to do first says that it should not.
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.artifacts import reported
from flows.session import Done, session
from flows.stages import predict as predict_songs
from flows.stages import report, snapshot


@flow(name="predict", persist_result=False)
def predict(publish: Annotated[bool, Field(json_schema_extra={"position": 0})] = True) -> list[Done]:
    """Score every embedded song that the champion has not scored yet.

    Args:
        publish: Publish a snapshot with the predictions; else they show with the next one.
    """
    with session("predict", None) as own, reported(own, "predict"):
        own.add(predict_songs(own.run))
        if publish:
            own.add(snapshot(own.run))
            own.add(report(own.run))
    return own.outcome()
