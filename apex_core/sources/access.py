"""Who may ask a platform, and with what: nothing is sent before all of this is settled."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from apex_core.errors import SettingsError, SourceDisabled, Unauthorized
from apex_core.settings import ConnectorSettings, HttpSettings, Platform, Settings


@dataclass(frozen=True, slots=True)
class Access:
    """How one platform is asked; in ``home`` the processes of this host take turns, and ``sleep`` is how one waits."""

    platform: Platform
    connector: ConnectorSettings
    http: HttpSettings
    home: Path
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, settings: Settings, platform: Platform) -> Self:
        """The access that the settings give."""
        return cls(platform, getattr(settings.sources, platform), settings.http, settings.home)

    def token(self) -> str:
        """The connector's token, once everything says that it may be used.

        Raises SourceDisabled unless the connector is enabled, Unauthorized without a token, SettingsError for a base
        URL that would send the token in the clear.
        """
        setting, variable = f"sources.{self.platform}", f"APEX_SOURCES__{self.platform.upper()}"
        if not self.connector.enabled:
            raise SourceDisabled(
                f"The live connector for {self.platform} is off.",
                fix=f"read the platform's terms, then set {setting}.enabled = true ({variable}__ENABLED=true)",
            )
        if self.connector.token is None or not self.connector.token.get_secret_value():
            raise Unauthorized(f"There is no token for {self.platform}.", fix=new_token(self.platform))
        url = httpx.URL(self.connector.base_url)
        if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(_dialled(url, self.http))):
            raise SettingsError(
                f"{setting}.base_url {self.connector.base_url!r} would send the token in the clear.",
                fix=f"use https in {setting}.base_url ({variable}__BASE_URL); http is for a sandbox on this host",
            )
        return self.connector.token.get_secret_value()


def new_token(platform: Platform) -> str:
    """What to do about a token that is not accepted."""
    return f"put a valid token into sources.{platform}.token (APEX_SOURCES__{platform.upper()}__TOKEN), then run again"


def _dialled(url: httpx.URL, http: HttpSettings) -> str:
    target = http.connect_to.get(url.host)
    return httpx.URL(f"//{target}").host if target else url.host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
