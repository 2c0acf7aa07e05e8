"""Where alerts arrive: an HTTP server and a mail server on loopback, each in a thread."""

import contextlib
import json
import queue
import socketserver
import threading
from collections.abc import Generator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeVar

Message = TypeVar("Message")


@contextlib.contextmanager
def _serving(handler: type[socketserver.BaseRequestHandler]) -> Generator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def webhook() -> Generator[tuple[str, "queue.Queue[Any]"]]:
    """The address of a webhook, and what is posted to it, as JSON."""
    received: queue.Queue[Any] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            received.put((self.headers["Content-Type"], json.loads(body)))

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with _serving(Handler) as port:
        yield f"http://127.0.0.1:{port}/hook", received


@contextlib.contextmanager
def mailbox() -> Generator[tuple[int, "queue.Queue[Any]"]]:
    """The port of a mail server, and the messages it is given."""
    received: queue.Queue[Any] = queue.Queue()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 mailbox")
            while line := self.rfile.readline():
                verb = line.split()[0].upper() if line.split() else b""
                if verb == b"DATA":
                    self._say("354 go on")
                    received.put(message_from_bytes(b"".join(iter(self.rfile.readline, b".\r\n"))))
                self._say("221 bye" if verb == b"QUIT" else "250 mailbox")
                if verb == b"QUIT":
                    return

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with _serving(Handler) as port:
        yield port, received
