"""``apex embed``: vectors of songs in a Parquet file; needs an encoder, and no catalog, server or model."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.audio_files import audio_files
from flows.commands.encoder_choice import DeviceOption, EncoderOption, PrecisionOption, with_encoder

if TYPE_CHECKING:
    from apex_core.pipeline.embedder import Embedder, Embedding
    from apex_core.pipeline.extract_pace import Pace


def embed(
    paths: Annotated[list[Path], typer.Argument(help="Audio files, folders of them, or quoted globs.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The Parquet file to write.")],
    segments: Annotated[bool, typer.Option("--segments", help="A row a 30 s segment instead of a row a song.")] = False,
    encoder: EncoderOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
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
    chosen = with_encoder(get_settings(), source=encoder, device=device, precision=precision)
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


def _with_progress(embedder: "Embedder", files: list[Path], pace: "Pace") -> "Iterator[Embedding]":
    from flows.terminal import progress

    with progress() as report:
        report("embed", 0, len(files))
        for done, one in enumerate(embedder.embed(files, pace), start=1):
            report("embed", done, len(files), pace.told(0))
            yield one
