"""What the Prefect server shows, asked as its UI asks."""

from typing import Any

import httpx

from flows.local_server import LocalServer


def get(server: LocalServer, path: str) -> Any:
    answer = httpx.get(f"{server.api_url}/{path}", trust_env=False, timeout=60)
    answer.raise_for_status()
    return answer.json()


def post(server: LocalServer, path: str, body: dict[str, Any]) -> Any:
    answer = httpx.post(f"{server.api_url}/{path}", json=body, trust_env=False, timeout=60)
    answer.raise_for_status()
    return answer.json()


def page(server: LocalServer, key: str) -> str:
    """The newest artifact of this key."""
    return str(get(server, f"artifacts/{key}/latest")["data"])


def keys(server: LocalServer) -> set[str]:
    """The keys of all artifacts."""
    return {artifact["key"] for artifact in post(server, "artifacts/filter", {})}
