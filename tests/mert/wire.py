"""A wire to a server that can be cut, or stop carrying, in mid-answer."""

import socket
from contextlib import suppress
from threading import Event, Thread


class Wire:
    """Forwards TCP to ``target``; answers beyond ``limit`` bytes in all are held back, or with ``cut`` cut off."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.limit: int | None = None
        self.cut = False
        self.carried = 0
        self.reached = Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def close(self) -> None:
        """Let nobody connect any more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self.target)
                Thread(target=self._carry, args=(client, server, False), daemon=True).start()
                Thread(target=self._carry, args=(server, client, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with suppress(OSError), source, sink:
            while data := source.recv(1 << 12):
                self.carried += len(data) if counted else 0
                if counted and self.limit is not None and self.carried > self.limit:
                    self.reached.set()
                    if self.cut:
                        break
                    continue
                sink.sendall(data)
            for end in (source, sink):
                end.shutdown(socket.SHUT_RDWR)
