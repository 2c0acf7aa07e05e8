"""One platform's HTTP client: paced, patient, and plain about what went wrong."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx

from apex_core.errors import Forbidden, Missing, PlatformDown, RateLimited, SourceError, Unauthorized
from apex_core.settings import Platform
from apex_core.sources.access import Access, new_token
from apex_core.sources.turns import LONGEST_WAIT_S, Turns

_LOG = logging.getLogger("apex_core.sources")
_REFUSALS: dict[int, type[SourceError]] = {403: Forbidden, 404: Missing}


@dataclass(frozen=True, slots=True)
class Answer:
    """One accepted response: its text, and the platform's clock when it told it."""

    url: str
    body: str
    date: datetime | None


class _Retry(Exception):
    """A failure worth another try; ``wait_s`` when the platform said how long to wait."""

    def __init__(self, error: SourceError, wait_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


class _ConnectTo(httpx.BaseTransport):
    """Dial another host:port than the URL names, and say the URL's host there (curl's --connect-to)."""

    def __init__(self, inner: httpx.BaseTransport, connect_to: Mapping[str, str]) -> None:
        self._inner = inner
        self._connect_to = connect_to

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        named = request.url.host
        if named in self._connect_to:
            dialled = httpx.URL(f"//{self._connect_to[named]}")
            request.url = request.url.copy_with(host=dialled.host, port=dialled.port or request.url.port)
            request.extensions = {**request.extensions, "sni_hostname": named}
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


class PlatformClient:
    """Requests to one platform, in turns with all others of this host; a context manager.

    Raises what ``Access.token`` raises when the platform may not be asked.
    """

    def __init__(self, access: Access) -> None:
        token, http = access.token(), access.http
        self.platform: Platform = access.platform
        self._http = http
        self._turns = Turns(access)
        self._base = access.connector.base_url.rstrip("/")
        self._client = httpx.Client(
            transport=_ConnectTo(httpx.HTTPTransport(trust_env=False), http.connect_to),
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=http.timeout_s,
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, str | int | list[str]]) -> Answer:
        return self._patiently(self._client.build_request("GET", self._base + path, params=params))

    def post(self, path: str, payload: Mapping[str, object]) -> Answer:
        return self._patiently(self._client.build_request("POST", self._base + path, json=payload))

    def _patiently(self, request: httpx.Request) -> Answer:
        backoff_s = self._http.backoff_s
        for tries_left in range(self._http.retries, -1, -1):
            self._turns.wait()
            try:
                answer = self._once(request)
            except _Retry as failure:
                asked = failure.wait_s
                self._turns.failed(backoff_s if asked is None else asked)
                if not tries_left or (asked or 0.0) > LONGEST_WAIT_S:
                    raise failure.error from None
                _LOG.warning("%s Trying again, %d tries left.", failure.error.message, tries_left)
                backoff_s = min(2 * backoff_s, LONGEST_WAIT_S)
            except SourceError:
                self._turns.succeeded()  # it refuses, but it answers
                raise
            else:
                self._turns.succeeded()
                return answer
        raise AssertionError("unreachable")

    def _once(self, request: httpx.Request) -> Answer:
        # A copy, since the transport writes the dialled address into the request it sends.
        sent = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.content, extensions=request.extensions
        )
        try:
            response = self._client.send(sent, stream=True)
            try:
                text = self._read_text(response, request)
            finally:
                response.close()
        except httpx.RequestError as error:
            raise _Retry(PlatformDown(f"{request.method} {request.url}: {type(error).__name__}: {error}.")) from error
        return self._judged(request, response, text)

    def _read_text(self, response: httpx.Response, request: httpx.Request) -> str:
        received, deadline = bytearray(), time.monotonic() + self._http.deadline_s
        for block in response.iter_bytes():
            received += block
            if len(received) > self._http.max_page_mb * (1 << 20):
                raise SourceError(f"{request.url}: the answer is longer than {self._http.max_page_mb:g} MiB.")
            if time.monotonic() > deadline:
                late = f"{request.method} {request.url}: not whole after {self._http.deadline_s:g} s."
                raise _Retry(PlatformDown(late))
        return received.decode("utf-8", errors="replace")

    def _judged(self, request: httpx.Request, response: httpx.Response, text: str) -> Answer:
        """The answer, if it is one: told by what it says, not by the type it is labelled with."""
        where, code = f"{request.method} {request.url}", response.status_code
        if code == 429 or (code < 300 and is_throttle_notice(text)):
            error = RateLimited(f"{where}: the platform asks for fewer requests.", fix=_slower(self.platform))
            raise _Retry(error, retry_after_s(response.headers))
        if code >= 500 or code == 408:
            raise _Retry(PlatformDown(f"{where}: status {code}."), retry_after_s(response.headers))
        if code == 401:
            raise Unauthorized(f"{where}: the token was refused.", fix=new_token(self.platform))
        if code >= 400:
            raise _REFUSALS.get(code, SourceError)(f"{where}: status {code}.")
        if code >= 300 or text.lstrip()[:1] == "<":
            # How a web site says 401: it shows its login page, or leads there.
            said = f"a redirect to {response.headers.get('location')!r}" if code >= 300 else f"a page: {text[:80]!r}"
            raise Unauthorized(
                f"{where}: no data but {said}.", fix=f"check the base URL, or {new_token(self.platform)}"
            )
        return Answer(str(request.url), text, _moment(response.headers.get("date")))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks for, a number or a date (read against ``Date``); None without one."""
    asked = headers.get("retry-after", "").strip()
    if asked.isdigit():
        return float(asked)
    until, now = _moment(asked), _moment(headers.get("date"))
    return max((until - now).total_seconds(), 0.0) if until and now else None


def is_throttle_notice(text: str) -> bool:
    """Whether a body is the plain text that stands for a 429 whatever its status says (SOURCES §2)."""
    return len(text) < 100 and text.strip().strip('"').rstrip(".").casefold() == "too many requests"


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _slower(platform: Platform) -> str:
    return (
        f"run again later, or lower sources.{platform}.requests_per_second "
        f"(APEX_SOURCES__{platform.upper()}__REQUESTS_PER_SECOND)"
    )
