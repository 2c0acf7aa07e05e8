"""Whole nights without an orchestrator: the stages in the order of DESIGN §3, on a world that tests share."""

from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from apex_core.catalog import connect
from apex_core.catalog.fingerprint import table_fingerprints
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.extract import run_extract
from apex_core.pipeline.label import run_label
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.predict import run_predict
from apex_core.pipeline.publish import run_publish
from apex_core.pipeline.run import Run, StageReport, begin, end
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.pipeline.train import run_train
from apex_core.sandbox import AUDIO_HOST, SandboxServer, World
from apex_core.settings import (
    PLATFORMS,
    AestheticsSettings,
    AudioSettings,
    ConnectorSettings,
    EncoderSettings,
    HttpSettings,
    PromotionSettings,
    Settings,
    SourcesSettings,
    TrainSettings,
)


def settings_for(home: Path, world: World, server: SandboxServer) -> Settings:
    """Settings of a small pipeline against the sandbox; shards of 8 songs, so that there are several."""
    connector = ConnectorSettings(
        enabled=True, base_url=server.base_url, token=SecretStr(server.token), requests_per_second=1000
    )
    return Settings(
        home=home,
        threads=2,
        http=HttpSettings(connect_to={AUDIO_HOST: server.address}, allow_private=True, backoff_s=0.01),
        sources=SourcesSettings(suno=connector, udio=connector),
        audio=AudioSettings(allowed_hosts=(AUDIO_HOST,)),
        encoder=EncoderSettings(source="tiny-random", device="cpu", shard_songs=8, decode_workers=0),
        aesthetics=AestheticsSettings(files=tuple(map(str, world.labels))),
        train=TrainSettings(
            epochs=3, batch_size=16, learning_rate=1e-3, device="cpu", time_split=False, bootstrap_draws=20
        ),
        # Three epochs on a handful of songs beat nothing; whoever tests the gate asks for more.
        promotion=PromotionSettings(min_gain=-2, min_gain_over_ridge=-2, max_loss_of_target=2),
    )


def night(settings: Settings, as_of: datetime, run_id: str) -> dict[str, StageReport]:
    """One nightly; its reports by stage."""
    run = begin(settings, "nightly", as_of, run_id, alone=True)
    reports = list(stages(run))
    end(run, "completed", as_of)
    return {report.stage: report for report in reports}


def stages(run: Run) -> list[StageReport]:
    reports = [ingest_platform(run, platform) for platform in PLATFORMS]
    reports += [run_audio(run), run_score(run), run_extract(run), run_label(run)]
    trained, candidate = run_train(run)
    return [*reports, trained, run_publish(run, candidate), run_predict(run), run_snapshot(run)]


def prints(settings: Settings) -> dict[str, str]:
    """The catalog's fingerprint, table by table, so that a failure says where."""
    with connect(settings, "test") as connection:
        return table_fingerprints(connection)
