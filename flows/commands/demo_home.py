"""The demo's folder: its settings file, and what of the settings lasts only as long as its sandbox is up."""

import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apex_core.errors import SettingsError

if TYPE_CHECKING:
    from apex_core.settings import Settings

FILE = "apex.toml"
_MARK = "# Written by `apex demo`"
_HOST = "audio.sandbox.test"  # as in apex_core.sandbox; checked by a test

_TEXT = (
    _MARK
    + """, and anew by each of its runs. Other commands read it: apex --config {file} status
# Connectors and the sandbox's address are not in here: the sandbox is up only while the demo runs.
home = {home}

[encoder]
source = "tiny-random"  # MERT's architecture at a tiny size, not trained on anything. The real one: "m-a-p/MERT-v1-95M"

[audio]
allowed_hosts = ["{host}"]

[http]
backoff_s = 0.2  # the sandbox says "too many requests" once, and does not mean it for long

[sources.suno]
requests_per_second = 200

[sources.udio]
requests_per_second = 200

[aesthetics]
files = [{labels}]

[train]
# A few hundred songs: the published batch of 512 would be one step an epoch, and 1e-4 would hardly move.
batch_size = 16
learning_rate = 3e-4
min_tracks = 8

[promotion]
# On some forty test songs chance alone moves a rank correlation by 0.15: a first champion need not beat ridge by any.
min_gain_over_ridge = -0.15

[sandbox]
songs = {songs}
"""
)


def enter(home: Path, songs: int) -> list[str]:
    """Write the settings file and make this process, and those it starts, read it and nothing else.

    Returns the ``APEX_*`` variables that were set aside: they would have led the demo into somebody's real catalog.
    Raises SettingsError when the folder holds something that is not this demo.
    """
    _check(home, songs)
    home.mkdir(parents=True, exist_ok=True)
    _write(home, songs)
    strange = sorted(name for name in os.environ if name.startswith("APEX_") and name != "APEX_CONFIG")
    for name in [name for name in os.environ if name.startswith(("APEX_", "PREFECT_"))]:
        del os.environ[name]
    # Prefect reads its home when it is imported; a profile of the user's must not lead the demo to their server.
    os.environ |= {"APEX_CONFIG": str(home / FILE), "PREFECT_HOME": str((home / "prefect").absolute())}
    return strange


def world_folder(settings: "Settings") -> Path:
    """Where the sandbox's songs are rendered."""
    return settings.home / "world"


def variables(base_url: str, address: str, token: str) -> dict[str, str]:
    """The ``APEX_*`` variables that lead to a running sandbox."""
    connectors = {
        f"APEX_SOURCES__{platform}__{name}": value
        for platform in ("SUNO", "UDIO")
        for name, value in (("ENABLED", "true"), ("BASE_URL", base_url), ("TOKEN", token))
    }
    return connectors | {
        "APEX_HTTP__CONNECT_TO": json.dumps({_HOST: address}),
        "APEX_HTTP__ALLOW_PRIVATE": "true",
    }


def _check(home: Path, songs: int) -> None:
    path = home / FILE
    if not path.exists():
        if (home / "catalog.duckdb").exists():
            raise SettingsError(f"{home} holds a catalog that is no demo's.", fix="apex demo --home ANOTHER_FOLDER")
        return
    text = path.read_text(encoding="utf-8")
    if not text.startswith(_MARK):
        raise SettingsError(f"{path} was not written by a demo.", fix="apex demo --home ANOTHER_FOLDER")
    before = _parsed(text).get("sandbox", {}).get("songs")
    if before != songs:
        raise SettingsError(
            f"The demo in {home} has {before} songs, not {songs}: another world.",
            fix=f"apex demo --songs {before}, or --home ANOTHER_FOLDER, or remove {home}",
        )


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _write(home: Path, songs: int) -> None:
    folder = home.absolute()
    labels = ", ".join(_quoted(folder / "world" / "labels" / platform / "result.json") for platform in ("suno", "udio"))
    text = _TEXT.format(file=home / FILE, home=_quoted(folder), host=_HOST, labels=labels, songs=songs)
    partial = home / f".{FILE}.part"
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, home / FILE)


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)
