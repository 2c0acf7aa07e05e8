"""``apex retry``: what a run left undone, tried again, and nothing else."""

from typing import Annotated, Literal

import typer

_Ids = Annotated[
    list[str] | None,
    typer.Argument(
        help="As the run's page names them: platforms, platform/track_id, shards. [default: all that is left]"
    ),
]


def retry(
    stage: Annotated[
        Literal["ingest", "revisit", "reconcile", "audio", "extract", "report"], typer.Argument(help="Which stage.")
    ],
    ids: _Ids = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="All that Prefect and the libraries log.")] = False,
) -> None:
    """Do again what a stage left undone, then publish a snapshot."""
    from apex_core.settings import get_settings
    from flows.commands.logs import route
    from flows.commands.nightly import orchestrated
    from flows.terminal import notice

    settings = get_settings()
    route(verbose=verbose)
    from flows.retry import check_ids
    from flows.retry import retry as flow

    check_ids(stage, ids or [])
    with orchestrated(settings):
        flow(stage, ids or [])
    notice("done; apex status shows where the catalog stands")
