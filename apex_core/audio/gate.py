"""Which addresses may be asked for audio, and what is dialled for them."""

import ipaddress
import socket
from dataclasses import dataclass

import httpx

from apex_core.errors import Unavailable
from apex_core.settings import AudioSettings, HttpSettings

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Doorway:
    """An admitted address: the host that is meant, and the (address, port) pairs to dial for it, in order."""

    url: httpx.URL
    dial: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules for outgoing requests (DESIGN §8)."""

    audio: AudioSettings
    http: HttpSettings

    def admit(self, address: str) -> Doorway:
        """Check an address against the allow-list, resolve its host and check what it resolves to.

        The caller dials what was checked, so that a second look-up cannot answer differently.
        Raises Unavailable; OSError when the host cannot be resolved just now.
        """
        refuse_placeholder(address)
        url = _parsed(address)
        port = url.port or _DEFAULT_PORTS[url.scheme]
        if not self._is_allowed(url, port):
            raise Unavailable(f"host not allowed: {url.host}")
        other = {host.lower(): target for host, target in self.http.connect_to.items()}.get(url.host)
        if other is not None:
            host, _, given = other.rpartition(":")
            return Doorway(url, ((host.strip("[]"), int(given)),))
        return Doorway(url, tuple((found, port) for found in self._resolved(url.host, port)))

    def _is_allowed(self, url: httpx.URL, port: int) -> bool:
        allowed = {host.lower() for host in self.audio.allowed_hosts}
        is_default = port == _DEFAULT_PORTS[url.scheme]
        return f"{url.host}:{port}" in allowed or (is_default and url.host in allowed)

    def _resolved(self, host: str, port: int) -> list[str]:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        if not self.http.allow_private and not all(is_public(address) for address in found):
            raise Unavailable(f"host resolves to a private address: {host}")
        return found


def refuse_placeholder(address: str) -> None:
    """Raise Unavailable for what the platforms put where an audio address is missing (SOURCES §1)."""
    bare = address.strip().split("?", 1)[0].rstrip("/")
    if not bare:
        raise Unavailable("no address")
    if bare.endswith("/api/forbidden"):
        raise Unavailable("withheld by the platform")
    if bare.endswith("/None.mp3"):
        raise Unavailable("never rendered")
    if "://audiopipe." in bare:
        raise Unavailable("a live stream, not a file")


def is_public(address: str) -> bool:
    """Say whether an IP address lies on the public internet, looking through addresses that wrap another."""
    ip = _unwrapped(ipaddress.ip_address(address.split("%", 1)[0]))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _unwrapped(ip: IPAddress) -> IPAddress:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def _parsed(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address.strip())
    except httpx.InvalidURL as error:
        raise Unavailable("not an address") from error
    if url.scheme not in _DEFAULT_PORTS or not url.host:
        raise Unavailable("not an http address")
    if url.userinfo:
        raise Unavailable("an address with credentials")
    return url
