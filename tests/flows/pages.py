"""What the Prefect server shows, asked as its UI asks."""

import time
from http import HTTPStatus
from typing import Any

import httpx

from flows.local_server import LocalServer

_STILL = 10  # answers in a row, half a second apart


def get(server: LocalServer, path: str) -> Any:
    return _asked("GET", f"{server.api_url}/{path}")


def post(server: LocalServer, path: str, body: dict[str, Any]) -> Any:
    return _asked("POST", f"{server.api_url}/{path}", json=body)


def settled(server: LocalServer, path: str, body: dict[str, Any]) -> Any:
    """What ``post`` says once it has said the same for five seconds.

    The server writes runs down from events, some of them after the flow run that they belong to has ended.
    """
    answers: list[Any] = []
    while len(answers) < _STILL or any(answer != answers[-1] for answer in answers[-_STILL:]):
        assert len(answers) < 12 * _STILL, f"{path} still changes after a minute: {answers[-1]}"
        answers.append(post(server, path, body))
        time.sleep(0.5)
    return answers[-1]


def _asked(method: str, url: str, **given: Any) -> Any:
    """As Prefect's own client, which asks again where the server finds its SQLite file busy."""
    deadline = time.monotonic() + 60
    while True:
        answer = httpx.request(method, url, trust_env=False, timeout=60, **given)
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
            answer.raise_for_status()
            return answer.json()
        time.sleep(1)


def page(server: LocalServer, key: str) -> str:
    """The newest artifact of this key."""
    return str(get(server, f"artifacts/{key}/latest")["data"])


def keys(server: LocalServer) -> set[str]:
    """The keys of all artifacts."""
    return {artifact["key"] for artifact in post(server, "artifacts/filter", {})}
