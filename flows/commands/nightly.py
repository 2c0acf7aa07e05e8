"""``apex nightly`` and ``apex backfill``: the flows in this process, on the configured Prefect server or our own."""

import contextlib
from collections.abc import Generator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from flows.commands.moments import moment

if TYPE_CHECKING:
    from apex_core.settings import Settings
    from flows.backfill import Order


class _Stage(StrEnum):  # typer takes no list of literals
    INGEST = "ingest"
    AUDIO = "audio"
    EXTRACT = "extract"
    LABEL = "label"
    PREDICT = "predict"


_Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="All that Prefect and the libraries log.")]

_Accept = Annotated[
    list[str] | None,
    typer.Option(help="Let this blocking check pass, once; may be repeated. `apex check` says which can be."),
]
_Because = Annotated[str, typer.Option(help="Why what is accepted is true; it is kept.")]


def nightly(
    as_of: Annotated[
        str | None, typer.Option(help="The moment that stands for now in every stage (ISO 8601). [default: now]")
    ] = None,
    force_training: Annotated[bool, typer.Option("--force-training", help="Train, however little is new.")] = False,
    accept: _Accept = None,
    because: _Because = "",
    verbose: _Verbose = False,
) -> None:
    """Ingest, score, extract, train, publish, predict and publish a snapshot."""
    when = moment(as_of, "--as-of")
    from apex_core.pipeline.check import accept as accepting
    from apex_core.settings import get_settings
    from flows.commands.logs import route
    from flows.terminal import notice

    accepted = accepting(accept or [], because)
    settings = get_settings()
    route(verbose=verbose)
    with orchestrated(settings):
        from flows.nightly import nightly as flow

        flow(when, force_training, list(accepted.checks), accepted.because)
    notice("done; apex status shows where the catalog stands")


def backfill(
    start: Annotated[str, typer.Option(help="First day of created_at, UTC, like 2026-01-01.")],
    end: Annotated[str, typer.Option(help="The day after the last one.")],
    platform: Annotated[Literal["all", "suno", "udio"], typer.Option(help="Whose tracks.")] = "all",
    stage: Annotated[
        list[_Stage] | None,
        typer.Option(help="Run this stage; may be repeated. [default: audio, extract, predict]"),
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option(help="For the stage ingest: a dump or export, or s3://…; may be repeated.")
    ] = None,
    observed_at: Annotated[
        str | None, typer.Option(help="For the stage ingest: when the files' counts were taken (ISO 8601).")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Do it. Without this, only the plan is shown.")] = False,
    accept: _Accept = None,
    because: _Because = "",
    verbose: _Verbose = False,
) -> None:
    """Run stages again for tracks created in a window; shows the plan unless --run is given."""
    days = _day(start, "--start"), _day(end, "--end")
    observed = moment(observed_at, "--observed-at")
    from apex_core.settings import get_settings
    from flows.commands.logs import route
    from flows.terminal import notice

    settings = get_settings()
    route(verbose=verbose)
    from apex_core.pipeline.check import accept as accepting
    from flows.backfill import Order
    from flows.backfill import backfill as flow

    # Words of a command line become a form's choices.
    stages = cast(Any, [chosen.value for chosen in stage or (_Stage.AUDIO, _Stage.EXTRACT, _Stage.PREDICT)])
    files = [name if "://" in name else str(Path(name).absolute()) for name in file or ()]
    accepted = accepting(accept or [], because)
    order = Order(days[0], days[1], platform, stages, files, observed, accepted)
    order.check(datetime.now(UTC))
    _show_plan(order)
    if run:
        with orchestrated(settings):
            checks = cast(Any, list(accepted.checks))
            flow(order.start, order.end, platform, stages, False, files, observed, checks, because)
    notice("done" if run else "nothing was done: this is the plan, --run carries it out")


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day, like 2026-01-01", param_hint=option) from None


def _show_plan(order: "Order") -> None:
    from flows.backfill import planned
    from flows.backfill_page import HEAD, rows, summary
    from flows.terminal import notice, print_rows

    plan = planned(order)
    if plan.partitions:
        print_rows(HEAD, rows(plan))
    else:
        notice("no eligible track of the catalog was created in this window")
    notice(summary(plan))
    if plan.unmeasured:
        notice(f"never measured here, so the time is not known: {', '.join(plan.unmeasured)}")


@contextlib.contextmanager
def orchestrated(settings: "Settings") -> Generator[None]:
    """Run the block's flows on the configured Prefect API, or on a local server that lasts as long as the block."""
    from prefect.settings import get_current_settings

    from flows.artifacts import watched
    from flows.local_server import local_server
    from flows.terminal import progress

    configured = get_current_settings().api.url
    server = contextlib.nullcontext() if configured else local_server(settings.home / "prefect")
    with server, progress() as show, watched(show):
        yield
