"""An extraction of a plan, without a catalog: what a deployment of the tests runs on the pool apex-cpu."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow

from apex_core.pipeline.extract import Plan
from apex_core.pipeline.run import Run
from apex_core.settings import EncoderSettings, GpuPoolSettings, Settings
from flows.encoding import encode_all


@flow(name="pool-extraction", persist_result=False)
def extraction(home: str, encoder: dict[str, Any], pool: dict[str, Any], plan: dict[str, Any]) -> None:
    """Encode a plan by the settings given; raises what ``encode_all`` returns."""
    settings = Settings(
        home=Path(home), encoder=EncoderSettings(**encoder, place="deployment"), gpu_pool=GpuPoolSettings(**pool)
    )
    sizes = tuple((songs, seconds) for songs, seconds in plan["sizes"])
    planned = Plan(plan["encoder_id"], tuple(plan["shards"]), plan["songs"], plan["audio_s"], sizes)
    error = encode_all(Run(settings, "night", datetime(2026, 1, 1, tzinfo=UTC)), planned)
    if error is not None:
        raise error
