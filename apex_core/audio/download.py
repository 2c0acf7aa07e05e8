"""The bytes of one fetch: received across tries, capped, resumed, and judged before anybody sees them."""

import re
import time
from pathlib import Path

import httpx

from apex_core.audio.mono import check_kind
from apex_core.audio.sniff import TEXTS, sniff
from apex_core.errors import TooLarge, Unavailable, Undecodable

SMALLEST_BYTES = 512

_TEXT_TYPES = re.compile(r"text/|application/(json|xml|xhtml|problem|vnd\.apple\.mpegurl)", re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class Temporary(Exception):
    """A fault that another try may get over; ``wait_s`` when the server said how long to wait."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class Download:
    """A file that grows over one or more responses."""

    def __init__(self, part: Path, max_bytes: int) -> None:
        self._part = part
        self._max_bytes = max_bytes
        self._etag: str | None = None
        self.received = 0

    def headers(self) -> dict[str, str]:
        """What to ask for: the rest, if the server named the version that we have the beginning of."""
        # No compression: it would hide sizes, and audio gains nothing by it.
        headers = {"Accept": "audio/*, */*;q=0.1", "Accept-Encoding": "identity", "User-Agent": "apex"}
        if self.received and self._etag:
            headers |= {"Range": f"bytes={self.received}-", "If-Range": self._etag}
        return headers

    def receive(self, response: httpx.Response, deadline: float) -> None:
        """Append or start over, as the response says, and judge the whole.

        Raises Temporary, Unavailable, Undecodable, TooLarge; httpx.TransportError when the connection fails.
        """
        self._begin(response)
        _check_type(response)
        self._check_size(self.received + int(response.headers.get("Content-Length", 0)))
        with self._part.open("ab") as file:
            for chunk in response.iter_raw():
                self._check_size(self.received + len(chunk))
                if time.monotonic() > deadline:
                    raise Unavailable("temporary: too slow", transient=True)  # for now: trying on could take hours
                file.write(chunk)
                file.flush()
                self.received += len(chunk)
        self._judge()

    def _begin(self, response: httpx.Response) -> None:
        if response.status_code == 206 and self._continues(response):
            return
        self._part.write_bytes(b"")
        self.received = 0
        etag = response.headers.get("ETag", "")
        self._etag = etag if etag.startswith('"') else None  # a weak one does not promise equal bytes
        if response.status_code != 200:
            self._etag = None
            raise Temporary("cannot be resumed", 0.0)

    def _continues(self, response: httpx.Response) -> bool:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        return bool(self.received) and match is not None and int(match[1]) == self.received

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise TooLarge(f"more than {self._max_bytes} bytes")

    def _judge(self) -> None:
        with self._part.open("rb") as file:
            kind = sniff(file)
            if kind in TEXTS:
                if b"too many requests" in file.read(200).lower():
                    self.received = 0
                    raise Temporary("throttled")  # with status 200: SOURCES §2
                raise Unavailable(f"{kind} instead of audio")
            if 0 < self.received < SMALLEST_BYTES:
                raise Undecodable(f"fewer than {SMALLEST_BYTES} bytes")
            check_kind(file)


def _check_type(response: httpx.Response) -> None:
    stated = response.headers.get("Content-Type", "").split(";", 1)[0].strip().lower()
    # Plain text is read first: a throttled answer looks like one.
    if _TEXT_TYPES.match(stated) and stated != "text/plain":
        raise Unavailable(f"{stated} instead of audio")
