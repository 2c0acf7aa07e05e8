"""``apex train``: stages 6 to 8 at once; under torchrun by several processes."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.moments import moment

if TYPE_CHECKING:
    from datetime import datetime

    from apex_core.settings import Settings


def train(
    as_of: Annotated[
        str | None, typer.Option(help="The moment that stands for now in every stage (ISO 8601). [default: now]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Train, however little is new.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="All that Prefect and the libraries log.")] = False,
) -> None:
    """Train on the catalog as it stands, publish, and predict with whoever is champion then.

    With several GPUs or machines: torchrun --nproc-per-node 2 -m flows.cli train (deploy/training.md).
    """
    import os

    when = moment(as_of, "--as-of")
    from apex_core.settings import get_settings
    from flows.commands.logs import route

    settings = get_settings()
    route(verbose=verbose)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        _together(settings, when, force=force)
    else:
        _alone(settings, when, force=force)


def _alone(settings: "Settings", as_of: "datetime | None", *, force: bool) -> None:
    from flows.commands.nightly import orchestrated
    from flows.terminal import notice

    with orchestrated(settings):
        from flows.train import train as flow

        flow(as_of=as_of, force=force)
    notice("done; apex models list shows what became of it")


def _together(settings: "Settings", as_of: "datetime | None", *, force: bool) -> None:
    from apex_core.pipeline.training_together import dismiss, follow, joined
    from flows.terminal import notice

    with joined() as together:
        if together.rank == 0:
            _alone(settings, as_of, force=force)
            dismiss()
        else:
            notice(f"process {together.rank} of {together.count}: {follow(settings)} trained with the first")
