"""``apex demo``: the whole pipeline, offline, in minutes.

Why it is shaped like this: nothing here is a special path. A sandbox platform is rendered and served on loopback, a
settings file is written that any other command reads (``apex --config .apex/demo/apex.toml …``), and the nightly flow
runs once against it, at the sandbox's virtual time. What a port number changes is set in this process's environment
alone, so that the file stays valid when the sandbox is gone.
"""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import demo_home

if TYPE_CHECKING:
    from apex_core.sandbox import SandboxServer, World
    from apex_core.settings import Settings
    from flows.local_server import LocalServer
    from flows.session import Done

_SONGS = 240


@dataclass(frozen=True, slots=True)
class Night:
    """What the demo's run did, and how long its parts took. ``is_new``: the catalog is another one than before."""

    done: "tuple[Done, ...]"
    is_new: bool
    seconds: dict[str, float]


def demo(
    songs: Annotated[int, typer.Option(min=8, max=5_000, help="How many songs the platform has.")] = _SONGS,
    home: Annotated[Path, typer.Option(help="Folder for the demo's songs, catalog and settings.")] = Path(".apex/demo"),
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="All that Prefect and the libraries log.")] = False,
) -> None:
    """See the whole pipeline work on an offline platform: no network, no GPU, no keys."""
    from flows.commands.logs import route

    overridden = demo_home.enter(home, songs)
    route(verbose=verbose, file=None if verbose else home / "demo.log")
    from apex_core.settings import get_settings
    from flows.commands.closing import show

    settings = get_settings()
    with _prefect_starting(settings) as prefect:
        world, world_s = _world(settings)
        night = _night(settings, world, prefect, world_s)
    show(get_settings(), world, night, overridden)


@contextmanager
def _prefect_starting(settings: "Settings") -> "Generator[LocalServer]":
    """A Prefect server, which gets ready while songs are rendered."""
    from flows.local_server import LocalServer

    server = LocalServer(settings.home / "prefect")
    try:
        yield server
    finally:
        server.stop()


def _world(settings: "Settings") -> "tuple[World, float]":
    from apex_core.sandbox import build_world
    from flows.terminal import notice, progress

    started, folder = time.monotonic(), demo_home.world_folder(settings)
    with progress() as show:
        world = build_world(settings.sandbox, folder, lambda done, total: show("synthesise", done, total))
    notice(f"world: {len(world.files)} songs of {len(world.rows)} offline platforms in {folder}")
    return world, time.monotonic() - started


def _night(settings: "Settings", world: "World", prefect: "LocalServer", world_s: float) -> Night:
    """The nightly against the sandbox, as of its virtual time."""
    from apex_core.sandbox import SandboxServer
    from flows.artifacts import watched
    from flows.nightly import nightly
    from flows.terminal import progress

    before, started = _fingerprint(settings), time.monotonic()
    with SandboxServer(world) as sandbox, prefect.connected():
        _point_to(sandbox)
        ready = time.monotonic()
        with progress() as show, watched(show):
            done = nightly(sandbox.clock)
    stages = {one.report.stage: one.seconds for one in done}
    rest = time.monotonic() - ready - sum(stages.values())
    seconds = {"synthesis": world_s, "servers": ready - started, **stages, "orchestration": max(rest, 0.0)}
    return Night(tuple(done), _fingerprint(settings) != before, seconds)


def _point_to(sandbox: "SandboxServer") -> None:
    """Let the settings lead to a sandbox that is up, for this process and those it starts."""
    from apex_core.settings import get_settings

    os.environ.update(demo_home.variables(sandbox.base_url, sandbox.address, sandbox.token))
    get_settings.cache_clear()


def _fingerprint(settings: "Settings") -> str | None:
    from apex_core.catalog import latest_snapshot
    from apex_core.errors import NotFound

    try:
        return latest_snapshot(settings).fingerprint
    except NotFound:
        return None
