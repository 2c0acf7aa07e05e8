"""Fetch a song from the address in its record, trusting nothing on the way (DESIGN §8)."""

import contextlib
import email.utils
import logging
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Self

import httpx

from apex_core.audio.download import Download, Temporary
from apex_core.audio.gate import Doorway, Gate
from apex_core.errors import Unavailable
from apex_core.settings import AudioSettings, HttpSettings

logger = logging.getLogger("apex_core.audio")

MOST_REDIRECTS = 5
LONGEST_WAIT_S = 600.0
# One try, from the first redirect to the last byte, may last this many time-outs.
_TRY_TIMEOUTS = 20

# A host that failed this many songs in a row, to the end of our patience, gets one try a song until one succeeds:
# were a platform down, a night would not be long enough for all the waiting.
_LOST_SONGS = 3

_REFUSALS = {401: "asks for a login (401)", 403: "forbidden (403)", 404: "missing (404)", 410: "gone (410)"}
_RETRIED = frozenset({408, 425, 429})


class Fetcher:
    """Fetches songs over HTTP; safe to share between threads.

    Only allow-listed hosts are asked, at an address that was resolved, checked and then dialled; redirects
    are followed by hand, each checked anew; no proxy is taken from the environment. ``sleep`` waits between
    tries.
    """

    def __init__(
        self, audio: AudioSettings, http: HttpSettings, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._audio = audio
        self._http = http
        self._sleep = sleep
        self._gate = Gate(audio, http)
        self._lock = threading.Lock()
        self._lost: Counter[str] = Counter()
        self._clients: dict[str, httpx.Client] = {}
        self._ssl = httpx.create_ssl_context(trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()

    def fetch(self, url: str, target: Path) -> None:
        """Write the song at ``url`` to ``target``, whole or not at all.

        Raises Unavailable when it is withheld, refused, gone or (``transient``) not to be had just now,
        Undecodable when it is no audio, TooLarge above ``max_bytes``.
        """
        if not self._audio.fetch:
            raise Unavailable("fetching is switched off")
        part = target.with_name(f".{target.name}.part-{os.urandom(6).hex()}")
        try:
            self._with_retries(url, Download(part, self._audio.max_bytes))
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)

    def _with_retries(self, url: str, download: Download) -> None:
        retries = 0 if self._lost[_host(url)] >= _LOST_SONGS else self._http.retries
        for attempt in range(retries + 1):
            before = download.received
            try:
                self._try(url, download)
            except Temporary as fault:
                if attempt == retries:
                    self._lost[_host(url)] += 1
                    raise Unavailable(f"temporary: {fault.reason}", transient=True) from fault
                # A cut that brought us further is resumed at once.
                if download.received <= before or fault.wait_s is not None:
                    self._pause(url, fault, self._wait(attempt, fault))
            else:
                self._lost[_host(url)] = 0
                return

    def _pause(self, url: str, fault: Temporary, wait: float) -> None:
        logger.info("Fetching from %s: %s; again in %g s.", _host(url), fault.reason, wait)
        self._sleep(wait)

    def _wait(self, attempt: int, fault: Temporary) -> float:
        wait = self._http.backoff_s * 2.0**attempt if fault.wait_s is None else fault.wait_s
        return min(wait, LONGEST_WAIT_S)

    def _try(self, url: str, download: Download) -> None:
        deadline = time.monotonic() + _TRY_TIMEOUTS * self._http.timeout_s
        for _ in range(MOST_REDIRECTS + 1):
            with _as_temporary(), self._response(self._admit(url), download.headers()) as response:
                if not response.has_redirect_location:
                    _check_status(response)
                    return download.receive(response, deadline)
                url = _joined(url, response.headers["Location"])
        raise Unavailable("too many redirects")

    def _admit(self, url: str) -> Doorway:
        try:
            return self._gate.admit(url)
        except OSError as error:
            raise Temporary("host not found") from error

    @contextlib.contextmanager
    def _response(self, door: Doorway, headers: dict[str, str]) -> Generator[httpx.Response]:
        response = self._send(door, headers)
        try:
            yield response
        finally:
            response.close()

    def _send(self, door: Doorway, headers: dict[str, str]) -> httpx.Response:
        client = self._client(door.url.host)
        for number, (host, port) in enumerate(door.dial, 1):
            request = client.build_request(
                "GET",
                door.url.copy_with(host=host, port=port),
                headers=headers | {"Host": door.url.netloc.decode("ascii")},
                extensions={"sni_hostname": door.url.raw_host.decode("ascii")},
            )
            try:
                return client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(door.dial):
                    raise
        raise Temporary("host not found")

    def _client(self, host: str) -> httpx.Client:
        # One a host: connections are pooled by the address dialled, and two hosts may share one.
        with self._lock:
            if host not in self._clients:
                self._clients[host] = httpx.Client(verify=self._ssl, trust_env=False, timeout=self._http.timeout_s)
            return self._clients[host]


@contextlib.contextmanager
def _as_temporary() -> Generator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise Temporary("timed out") from error
    except httpx.ConnectError as error:
        raise Temporary("cannot connect") from error
    except httpx.TransportError as error:
        raise Temporary("connection cut") from error


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in _RETRIED or status >= 500:
        raise Temporary(f"status {status}", retry_after(response.headers))
    if status not in (200, 206, 416):
        raise Unavailable(_REFUSALS.get(status, f"status {status}"))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds to wait, stated as a number or as a date; None when absent or unreadable."""
    value = headers.get("Retry-After", "")
    with contextlib.suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    with contextlib.suppress(ValueError, TypeError):
        # By the server's own clock: ours may differ.
        then, now = (email.utils.parsedate_to_datetime(text) for text in (value, headers.get("Date", "")))
        return max(0.0, (then - now).total_seconds())
    return None


def _joined(url: str, location: str) -> str:
    try:
        return str(httpx.URL(url).join(location))
    except httpx.InvalidURL as error:
        raise Unavailable("redirected to no address") from error


def _host(url: str) -> str:
    # Not the whole address: its query may carry a signature.
    with contextlib.suppress(httpx.InvalidURL):
        return httpx.URL(url).host
    return ""
