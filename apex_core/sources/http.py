"""One platform's HTTP client: paced, patient, and plain about what went wrong."""

import ipaddress
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx

from apex_core.errors import (
    Forbidden,
    Missing,
    PlatformDown,
    RateLimited,
    SettingsError,
    SourceDisabled,
    SourceError,
    Unauthorized,
)
from apex_core.settings import ConnectorSettings, HttpSettings, Platform

_LOG = logging.getLogger("apex_core.sources")
_MAX_BODY = 64 << 20
_LONGEST_WAIT_S = 900.0
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
    """Requests to one platform, at most ``requests_per_second``; a context manager.

    Raises SourceDisabled unless the connector is enabled, Unauthorized without a token, SettingsError for a base URL
    that would send the token in the clear.
    """

    def __init__(
        self,
        platform: Platform,
        connector: ConnectorSettings,
        http: HttpSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        token = check_allowed(platform, connector, http)
        self.platform: Platform = platform
        self._http = http
        self._sleep = sleep
        self._clock = clock
        self._interval = 1.0 / connector.requests_per_second
        self._next_at = clock()
        self._base = connector.base_url.rstrip("/")
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

    def get(self, path: str, params: Mapping[str, str | int]) -> Answer:
        return self._patiently(self._client.build_request("GET", self._base + path, params=params))

    def post(self, path: str, payload: Mapping[str, object]) -> Answer:
        return self._patiently(self._client.build_request("POST", self._base + path, json=payload))

    def _patiently(self, request: httpx.Request) -> Answer:
        wait_s = self._http.backoff_s
        for tries_left in range(self._http.retries, -1, -1):
            try:
                return self._once(request)
            except _Retry as failure:
                asked = failure.wait_s
                if not tries_left or (asked or 0.0) > _LONGEST_WAIT_S:
                    raise failure.error from None
                _LOG.warning("%s Trying again, %d tries left.", failure.error.message, tries_left)
                self._sleep(wait_s if asked is None else asked)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        raise AssertionError("unreachable")

    def _once(self, request: httpx.Request) -> Answer:
        self._pace()
        # A copy, since the transport writes the dialled address into the request it sends.
        sent = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.content, extensions=request.extensions
        )
        try:
            response = self._client.send(sent, stream=True)
            try:
                text = _read_text(response, request.url)
            finally:
                response.close()
        except httpx.TransportError as error:
            raise _Retry(PlatformDown(f"{request.method} {request.url}: {type(error).__name__}: {error}.")) from error
        return self._judged(request, response, text)

    def _judged(self, request: httpx.Request, response: httpx.Response, text: str) -> Answer:
        where, code = f"{request.method} {request.url}", response.status_code
        if code == 429 or (code < 300 and is_throttle_notice(text)):
            error = RateLimited(f"{where}: the platform asks for fewer requests.", fix=_slower(self.platform))
            raise _Retry(error, retry_after_s(response.headers))
        if code >= 500 or code == 408:
            raise _Retry(PlatformDown(f"{where}: status {code}."), retry_after_s(response.headers))
        if code == 401:
            raise Unauthorized(f"{where}: the token was refused.", fix=_new_token(self.platform))
        if code >= 300:
            raise _REFUSALS.get(code, SourceError)(f"{where}: status {code}.")
        return Answer(str(request.url), text, _moment(response.headers.get("date")))

    def _pace(self) -> None:
        early = self._next_at - self._clock()
        if early > 0:
            self._sleep(early)
        self._next_at = max(self._next_at, self._clock()) + self._interval


def check_allowed(platform: Platform, connector: ConnectorSettings, http: HttpSettings) -> str:
    """The connector's token, once everything says that it may be used."""
    setting, variable = f"sources.{platform}", f"APEX_SOURCES__{platform.upper()}"
    if not connector.enabled:
        raise SourceDisabled(
            f"The live connector for {platform} is off.",
            fix=f"read the platform's terms, then set {setting}.enabled = true ({variable}__ENABLED=true)",
        )
    if connector.token is None or not connector.token.get_secret_value():
        raise Unauthorized(f"There is no token for {platform}.", fix=_new_token(platform))
    url = httpx.URL(connector.base_url)
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(_dialled(url, http))):
        raise SettingsError(
            f"{setting}.base_url {connector.base_url!r} would send the token in the clear.",
            fix=f"use https in {setting}.base_url ({variable}__BASE_URL); http is for a sandbox on this host",
        )
    return connector.token.get_secret_value()


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


def _read_text(response: httpx.Response, url: httpx.URL) -> str:
    received = bytearray()
    for block in response.iter_bytes():
        received += block
        if len(received) > _MAX_BODY:
            raise SourceError(f"{url}: the answer is longer than {_MAX_BODY >> 20} MiB.")
    return received.decode("utf-8", errors="replace")


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _dialled(url: httpx.URL, http: HttpSettings) -> str:
    target = http.connect_to.get(url.host)
    return httpx.URL(f"//{target}").host if target else url.host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _new_token(platform: Platform) -> str:
    return f"put a valid token into sources.{platform}.token (APEX_SOURCES__{platform.upper()}__TOKEN), then run again"


def _slower(platform: Platform) -> str:
    return (
        f"run again later, or lower sources.{platform}.requests_per_second "
        f"(APEX_SOURCES__{platform.upper()}__REQUESTS_PER_SECOND)"
    )
