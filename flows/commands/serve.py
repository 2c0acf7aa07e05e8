"""``apex serve``: Prefect's user interface with a worker and the sandbox platform behind it, to try things out."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apex_core.errors import ApexError
from flows.commands import demo_home

if TYPE_CHECKING:
    from uuid import UUID

    from flows.local_server import LocalServer

_LOOK_S = 0.5
# What a server that only records runs has switched off.
_WHOLE = {
    "PREFECT_SERVER_UI_ENABLED": "true",
    "PREFECT_SERVER_UI_API_URL": "/api",  # of whatever address the page came from
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # it asks amplitude.com from the browser, whatever the settings say
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "true",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "true",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "true",
}


def serve(
    songs: Annotated[int, typer.Option(min=8, max=5_000, help="How many songs the platform has.")] = 240,
    home: Annotated[Path, typer.Option(help="Folder of songs, catalog, settings; the demo's.")] = Path(".apex/demo"),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the user interface; 0: one that is free.")] = 4200,
) -> None:
    """Try the user interface: a Prefect server, a worker and the offline platform, until Ctrl-C."""
    demo_home.enter(home, songs)
    from apex_core.catalog.lock import hold
    from apex_core.settings import get_settings
    from flows.terminal import notice

    settings = get_settings()
    with hold(settings.home / "serve.lock", "apex serve", 0, f"What is served from {home}"):
        server = _server(settings.home / "prefect", port)
        for number in (signal.SIGINT, signal.SIGTERM):  # a supervisor's word is as good as Ctrl-C
            signal.signal(number, signal.default_int_handler)
        try:
            _serve(server)
        except KeyboardInterrupt:
            notice("stopping")
        finally:
            server.stop()
    notice("stopped; nothing is left running")


def _server(home: Path, port: int) -> "LocalServer":
    from flows.local_server import LocalServer

    try:
        return LocalServer(home, _WHOLE, port)
    except OSError as error:
        raise ApexError(
            f"The port {port} cannot be had: {error.strerror}.", fix="--port 0 takes one that is free"
        ) from error


def _serve(server: "LocalServer") -> None:
    from apex_core.pipeline.run import declare_crashed
    from apex_core.sandbox import SandboxServer, build_world
    from apex_core.settings import get_settings
    from flows.serving import worker
    from flows.terminal import progress

    settings = get_settings()
    with progress() as show:
        songs = demo_home.world_folder(settings)
        world = build_world(settings.sandbox, songs, lambda done, total: show("synthesise", done, total))
    clock = max(world.epoch, datetime.now(UTC))
    with server.connected(), SandboxServer(world, clock) as sandbox:
        _bootstrap()
        reached = demo_home.variables(sandbox.base_url, sandbox.address, sandbox.token)
        cancelled: list[UUID] = []
        try:
            with worker(server.api_url, server.home, reached) as process:
                _show(server)
                try:
                    _wait(server, process)
                finally:
                    cancelled = _cancel_runs(server)
        finally:  # now that their processes are gone
            for run in cancelled:
                declare_crashed(settings, str(run), datetime.now(UTC))


def _bootstrap() -> None:
    import flows
    from flows.bootstrap.whole import bootstrap
    from flows.commands.server import connected

    with connected() as client:
        bootstrap(client, Path(flows.__file__).parents[1] / "deploy")


def _show(server: "LocalServer") -> None:
    from flows.terminal import notice, out

    address = server.api_url.removesuffix("/api")
    out().print(f"{address}/deployments", soft_wrap=True)
    prefect = os.path.relpath(Path(sys.executable).with_name("prefect"))
    notice(
        f"a first night: in the browser, or PREFECT_API_URL={server.api_url} {prefect} deployment run nightly/nightly"
    )
    notice(f"logs: {server.log.parent}; Ctrl-C stops all of it")


def _wait(server: "LocalServer", worker: "subprocess.Popen[bytes]") -> None:
    """Until Ctrl-C; raises ApexError when one of the two is gone."""
    while True:
        time.sleep(_LOOK_S)
        if worker.poll() is not None:
            raise ApexError("The worker has ended.", fix=f"read {server.log.with_name('worker.log')}")
        if not server.is_up:
            raise ApexError("The server has ended.", fix=f"read {server.log}")


def _cancel_runs(server: "LocalServer") -> "list[UUID]":
    """Say of runs that end with us that they were cancelled: nobody else will. Which these are."""
    from prefect.client.schemas.objects import StateType

    from flows.commands.server import connected
    from flows.commands.server_runs import cancel_run, runs_in
    from flows.terminal import notice

    cancelled: list[UUID] = []
    try:
        with connected() as client:
            for run in runs_in(client, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING):
                cancel_run(client, run, "apex serve was stopped")
                cancelled.append(run.id)
                notice(f"cancelled: {run.name}")
    except ApexError as error:  # a server that is gone already has nobody to tell
        notice(error.message)
    return cancelled
