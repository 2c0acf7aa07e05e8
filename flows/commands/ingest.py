"""``apex ingest``: dumps and exports, or a platform's live connector, into the catalog."""

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.commands.moments import moment

if TYPE_CHECKING:
    from apex_core.pipeline.run import Run, StageReport
    from apex_core.settings import Platform, Settings

_PARTS = ("upserted", "unchanged", "duplicate", "skipped", "rejected")


def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, folders or s3:// addresses of .jsonl, .json, .csv (also .gz, .zst) and .parquet.",
        ),
    ] = None,
    observed_at: Annotated[
        str | None,
        typer.Option(help="When the counts in the files were taken (ISO 8601). [default: the date in a file's name]"),
    ] = None,
    platform: Annotated[
        Literal["suno", "udio"] | None,
        typer.Option(help="Of the files, when their content does not tell; without files, the live connector to ask."),
    ] = None,
) -> None:
    """Take songs and their counts into the catalog; what cannot be taken in is kept with its reason."""
    if not paths and platform is None:
        raise typer.BadParameter("give files or folders, or --platform for a live connector")
    from apex_core.settings import get_settings

    settings = get_settings()
    _print(settings, _ingested(settings, platform, tuple(paths or ()), moment(observed_at, "--observed-at")))


def _ingested(
    settings: "Settings", source: "Platform | None", paths: tuple[str, ...], observed_at: datetime | None
) -> "StageReport":
    from dataclasses import replace

    from apex_core.pipeline.run import begin, end, record
    from flows.terminal import progress

    as_of = datetime.now(UTC)
    run = begin(settings, "ingest", as_of, f"ingest-{as_of:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}")
    try:
        with progress() as show:
            report = _stage(replace(run, progress=show), source, paths, observed_at)
        record(run, report, (datetime.now(UTC) - as_of).total_seconds())
    except BaseException:
        end(run, "failed", datetime.now(UTC))
        raise
    end(run, "completed", datetime.now(UTC))
    return report


def _stage(
    run: "Run", source: "Platform | None", paths: tuple[str, ...], observed_at: datetime | None
) -> "StageReport":
    from apex_core.pipeline.ingest import ingest_files
    from apex_core.pipeline.live import ingest_platform

    if paths:
        return ingest_files(run, paths, observed_at, source)
    assert source is not None
    return ingest_platform(run, source)


def _print(settings: "Settings", report: "StageReport") -> None:
    from flows.terminal import notice, out, print_rows

    out().print(account(report.counts))
    if report.note:
        notice(report.note)
    rejects = _open_rejects(settings) if report.counts["rejected"] else []
    if rejects:
        notice("open rejects, by reason (their payloads: rejects_open):")
        print_rows(list(rejects[0]), [list(row.values()) for row in rejects])
    notice("apex nightly finds their audio, scores them and publishes a snapshot")


def account(counts: Any) -> str:  # noqa: ANN401  a mapping of numbers
    """In = upserted + unchanged + duplicate + skipped + rejected, in words and numbers."""
    parts = " + ".join(f"{int(counts[part]):,} {part}" for part in _PARTS)
    return f"{int(counts['records_in']):,} records in = {parts}"


def _open_rejects(settings: "Settings") -> list[dict[str, Any]]:
    from apex_core.catalog import connect
    from apex_core.catalog import sql as statement
    from apex_core.pipeline.report import rows

    with connect(settings, "apex ingest: rejects") as connection:
        return rows(connection, statement("report/rejects"))
