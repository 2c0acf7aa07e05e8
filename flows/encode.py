"""Shards encoded where GPUs are: what the deployment ``encode/on-gpu`` runs, for an extraction on another machine.

Why it is shaped like this: it opens no catalog and has no disk in common with whoever asks. It is told which shards,
and by which weights; what counts are the shards it commits in the store. It ends by itself when nobody waits for it
any more, so that a host that died leaves no cards at work for long.
"""

from typing import Any, cast
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from prefect.states import Cancelled, Failed

from apex_core.settings import get_settings
from flows import encoding
from flows.artifacts import ProgressArtifacts
from flows.elsewhere import settings_elsewhere
from flows.session import PARTIAL


@flow(name="encode", persist_result=False)
def encode(told: dict[str, Any], encoder_id: str, shards: list[tuple[str, int, float]]) -> None:
    """Encode planned shards on all devices of this machine. It is not for starting by hand: extractions ask for it.

    Args:
        told: What to encode and by which weights; the rest are this worker's own settings.
        encoder_id: Whose vectors these are to be; weights that are others are refused.
        shards: Ids of the shards, each with its songs and its seconds of audio.
    """
    if not _is_waited_for():
        return cast(None, Cancelled(message="The run that asked for this has ended."))
    from apex_core.pipeline.encoders import encoder_devices
    from apex_core.pipeline.extract_plan import Plan, reached
    from apex_core.storage import Store

    settings = settings_elsewhere(get_settings(), told)
    sizes = tuple((songs, seconds) for _, songs, seconds in shards)
    songs, audio_s = sum(songs for songs, _ in sizes), sum(seconds for _, seconds in sizes)
    planned = Plan(encoder_id, tuple(shard_id for shard_id, _, _ in shards), songs, audio_s, sizes)
    error = encoding.told(
        encoding.encode_on_devices(settings, ProgressArtifacts(), planned, encoder_devices(settings.encoder))
    )
    if error is None:
        return None
    some = reached(Store.open(settings.store_url), planned).shards
    # Prefect takes a returned state for the run's own.
    return cast(None, Failed(name=PARTIAL if some else None, message=str(error), data=error))


def _is_waited_for() -> bool:
    """Whether the run that asked for this one, and the one that that is a part of, have not ended."""
    asked_by = {flow_run.parent_flow_run_id, flow_run.root_flow_run_id} - {flow_run.id, None}
    with get_client(sync_client=True) as client:
        states = [client.read_flow_run(UUID(str(id))).state for id in asked_by]
    return not any(state is not None and state.is_final() for state in states)
