"""The sandbox platform over real HTTP on a loopback port, for as long as a ``with`` block lasts."""

import asyncio
import logging
import socket
import threading
from datetime import datetime
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from apex_core.errors import ApexError
from apex_core.sandbox.faults import Fault, FaultPlan
from apex_core.sandbox.routes import create_app
from apex_core.sandbox.song import Song
from apex_core.sandbox.stage import Stage
from apex_core.sandbox.world import World
from apex_core.settings import Platform

_START_S = 30.0

# The server's own log: a planned cut is an error to uvicorn, and nobody should read about it.
_wire = logging.getLogger("apex_core.sandbox.wire")
_wire.addHandler(logging.NullHandler())
_wire.propagate = False


class _QuietProtocol(H11Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.logger = _wire
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


class SandboxServer:
    """Serve a world while the ``with`` block lasts; ``base_url`` and ``address`` say where.

    The clock is virtual and moves only by ``set_clock``; at equal clocks all bodies are equal, whatever the port.
    With ``faults`` a few requests fail once each (429, 503, a cut body, a throttled text with status 200); ``plant``
    asks for others.
    """

    def __init__(
        self, world: World, clock: datetime | None = None, token: str = "sandbox", faults: bool = True
    ) -> None:
        self.world = world
        self.token = token
        self._stage = Stage(world, clock or world.epoch)
        self._faults = FaultPlan(_broken_files(world), usual=faults)
        self._app = create_app(self._stage, token, self._faults)
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise ApexError("This sandbox server has been started before.", fix="make a new SandboxServer")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._socket.getsockname()[1]
        self._server = _Server(_config(self._app))
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="sandbox-server", daemon=True
        )
        self._thread.start()
        if not self._server.up.wait(_START_S):
            self.close()
            raise ApexError("The sandbox server did not start.", fix="look for what holds the loopback interface")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and wait until the server's thread is gone."""
        if self._server is not None and self._thread is not None and self._socket is not None:
            self._server.should_exit = True
            self._thread.join()
            self._socket.close()

    @property
    def address(self) -> str:
        """``127.0.0.1:port``."""
        return f"127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://{self.address}"

    @property
    def clock(self) -> datetime:
        """The virtual time."""
        return self._stage.clock

    def set_clock(self, clock: datetime) -> None:
        """Move the virtual time, forwards or back."""
        self._stage.clock = clock

    def plant(self, platform: Platform, fault: Fault, at: int = 1, times: int = 1) -> None:
        """Let ``times`` authorised requests of a platform's API fail, from the ``at``-th from now on (1: the next)."""
        self._faults.plant(platform, fault, at, times)

    def release(self, n: int = 1, at: datetime | None = None) -> tuple[Song, ...]:
        """Publish ``n`` spares, as if shortly before ``at`` (default: the clock); returns those there still were."""
        return tuple(self._stage.release(n, at or self._stage.clock))


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_QuietProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # Date is the virtual clock
        timeout_graceful_shutdown=2,
    )


def _broken_files(world: World) -> dict[str, Fault]:
    """Two songs whose first download fails: one is answered 503, one is cut."""
    names = [f"/{song.file_name}" for song in world.songs if song.codec == "mp3"]
    down: dict[str, Fault] = dict.fromkeys(names[:1], "down")
    cut: dict[str, Fault] = dict.fromkeys(names[1:][-1:], "cut")
    return down | cut
