"""The command line, ``apex COMMAND``: what goes wrong is one message on standard error and exit code 1."""

import errno
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from apex_core.errors import ApexError
from flows.commands.arena import arena
from flows.commands.bootstrap import bootstrap
from flows.commands.check import check
from flows.commands.cookbook import cookbook
from flows.commands.doctor import doctor
from flows.commands.embed import embed
from flows.commands.forget import forget
from flows.commands.ingest import ingest
from flows.commands.models import models
from flows.commands.nightly import backfill, nightly
from flows.commands.operate import pause, resume, skip
from flows.commands.predict import predict
from flows.commands.report import report
from flows.commands.restore import restore
from flows.commands.retry import retry
from flows.commands.scores import scores
from flows.commands.serve import serve
from flows.commands.similar import similar
from flows.commands.snapshot import snapshot
from flows.commands.sql import sql
from flows.commands.status import status
from flows.commands.sweep import sweep
from flows.commands.train import train
from flows.commands.why import why
from flows.demo import demo

_CONFIG_VARIABLE = "APEX_CONFIG"  # as in apex_core.settings, whose import takes longer than `apex --help` may


class _Commands(TyperGroup):
    """Turns what a command raises into one message."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  typer's own signature
        try:
            return super().invoke(ctx)
        except (ApexError, OSError) as error:
            if ctx.params.get("debug") or getattr(error, "errno", None) == errno.EPIPE:
                raise
            _complain(error)
            raise typer.Exit(1) from None
        except Exception as error:
            # typer's own exceptions (usage, exit, abort) are RuntimeErrors of its packages.
            if ctx.params.get("debug") or type(error).__module__.startswith("typer"):
                raise
            _complain(ApexError(f"{type(error).__name__}: {error}", fix="apex --debug … shows where it came from"))
            raise typer.Exit(1) from None


def _complain(error: ApexError | OSError) -> None:
    from flows.terminal import complain

    if isinstance(error, ApexError):
        complain(error.message, error.fix)
    else:
        complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")


app = typer.Typer(
    name="apex",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo,
    ingest,
    nightly,
    backfill,
    retry,
    sql,
    cookbook,
    predict,
    embed,
    arena,
    train,
    sweep,
    status,
    why,
    similar,
    report,
    snapshot,
    check,
    doctor,
    serve,
    bootstrap,
    pause,
    resume,
    skip,
    forget,
    restore,
):
    app.command()(command)
app.add_typer(models, name="models")
app.add_typer(scores, name="scores")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"apex {version('apex')}")
        raise typer.Exit


@app.callback()
def _top(  # pyright: ignore[reportUnusedFunction]  typer calls it
    config: Annotated[
        Path | None,
        typer.Option(help="Settings file (TOML); default: $APEX_CONFIG, else apex.toml in the working folder."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Score AI-generated songs: from plays, likes and audio to a catalog for SQL and a model that predicts."""
    if config is not None:
        os.environ[_CONFIG_VARIABLE] = str(config)


def main() -> None:
    """Run the command line."""
    # Threads of the encoder that wait must sleep: its decoder processes need the cores they would spin on.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app(prog_name="apex")


if __name__ == "__main__":
    main()
