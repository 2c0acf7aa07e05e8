"""``apex embed``: vectors of songs in a Parquet file; needs an encoder, and no catalog, server or model."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from apex_core.errors import SettingsError
from flows.commands.audio_files import audio_files

if TYPE_CHECKING:
    from apex_core.pipeline.embedder import Embedder, Embedding
    from apex_core.pipeline.extract_pace import Pace
    from apex_core.settings import Settings


def embed(
    paths: Annotated[list[Path], typer.Argument(help="Audio files, or folders of them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The Parquet file to write.")],
    segments: Annotated[bool, typer.Option("--segments", help="A row a 30 s segment instead of a row a song.")] = False,
    encoder: Annotated[
        str | None, typer.Option(help="Hub id, folder, s3://bucket/prefix or tiny-random; default: the settings'.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32, bf16, fp16.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
) -> None:
    """Write the vectors of songs to a Parquet file: four layers, and their mix that APEX models read."""
    files = list(audio_files(paths))
    from apex_core.pipeline.embedder import Embedder
    from apex_core.pipeline.extract_pace import Pace, pace_in_words
    from apex_core.pipeline.vector_file import vector_file
    from apex_core.settings import get_settings
    from apex_core.storage import check_target
    from flows.terminal import notice

    check_target(output, replace=force)
    chosen = _chosen(get_settings(), {"source": encoder, "device": device, "precision": precision})
    embedder, pace, failed = Embedder.load(chosen), Pace(), 0
    with vector_file(output, embedder.encoder, segments=segments, replace=force) as target:
        for one in _with_progress(embedder, files, pace):
            target.add(one)
            failed += one.error is not None
            if one.error is not None:
                notice(f"{one.path}: {one.error}")
    tail = f", {failed} without (column error says why)" if failed else ""
    told = pace_in_words(pace.audio_s, pace.wall_s, pace.wait_s, pace.encode_s)
    notice(
        f"{len(files)} file{'' if len(files) == 1 else 's'} by {embedder.encoder.encoder_id}{tail}: {told} → {output}"
    )
    if failed:
        raise typer.Exit(1)


def _chosen(settings: "Settings", options: dict[str, str | None]) -> "Settings":
    """Settings with the options that were given. Raises SettingsError for one that is none."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        encoder = type(settings.encoder).model_validate(settings.encoder.model_dump() | given)
    except ValidationError as error:
        faults = "; ".join(f"--{_FLAGS.get(str(e['loc'][0]), str(e['loc'][0]))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"That cannot be: {faults}", fix="apex embed --help") from error
    return settings.model_copy(update={"encoder": encoder})


_FLAGS: dict[str, Any] = {"source": "encoder"}


def _with_progress(embedder: "Embedder", files: list[Path], pace: "Pace") -> "Iterator[Embedding]":
    from flows.terminal import progress

    with progress() as report:
        report("embed", 0, len(files))
        for done, one in enumerate(embedder.embed(files, pace), start=1):
            report("embed", done, len(files), pace.told(0))
            yield one
