"""The checks of ``apex doctor``: each looks, changes nothing that stays, and downloads nothing."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from apex_core.errors import Locked, NotFound, SettingsError
from apex_core.settings import CONFIG_VARIABLE, PLATFORMS, EncoderSettings, Settings, config_file, get_settings

State = Literal["ok", "warn", "missing"]
OK: State = "ok"
WARN: State = "warn"
MISSING: State = "missing"

_PYTHONS = ((3, 11), (3, 15))
_ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found. ``fix`` is the command or setting that mends it."""

    name: str
    state: State
    found: str
    fix: str | None = None


def examine() -> Iterator[Check]:
    """Every check in turn; without valid settings the rest cannot be looked at."""
    yield _python()
    try:
        settings = get_settings()
    except SettingsError as error:
        yield Check("settings", MISSING, error.message, error.fix)
        return
    yield _settings(settings)
    checks: tuple[Callable[[Settings], Check], ...] = (
        _encoder, _store, _disk, _lock, _snapshot, lambda _: _prefect(), _connectors, lambda _: _gpu(),
    )  # fmt: skip
    for check in checks:
        yield check(settings)


def _python() -> Check:
    lowest, above = _PYTHONS
    state = OK if lowest <= sys.version_info[:2] < above else WARN
    text = ".".join(map(str, sys.version_info[:3]))
    return Check(
        "Python", state, text, f"take {lowest[0]}.{lowest[1]} to {above[0]}.{above[1] - 1}: make PYTHON=python3.12"
    )


def _settings(settings: Settings) -> Check:
    path = config_file()
    named = sorted(name for name in os.environ if name.startswith("APEX_") and name != CONFIG_VARIABLE)
    source = str(path.absolute()) if path.is_file() else "no file"
    variables = f", {', '.join(named)}" if named else ""
    return Check("settings", OK, f"{source}{variables}; home {settings.home.absolute()}, store {settings.store_url}")


def _encoder(settings: Settings) -> Check:
    chosen = settings.encoder
    if chosen.source == "tiny-random":
        return Check("encoder", OK, "tiny-random: a stand-in with random weights, not MERT")
    folder = Path(chosen.source)
    if folder.is_dir():
        return _encoder_folder(folder)
    return _encoder_in_cache(chosen, settings.cache / "hub")


def _encoder_folder(folder: Path) -> Check:
    weights = any((folder / name).is_file() for name in ("model.safetensors", "pytorch_model.bin"))
    lacking = [name for name in ("config.json", "preprocessor_config.json") if not (folder / name).is_file()]
    lacking += [] if weights else ["model.safetensors or pytorch_model.bin"]
    if not lacking:
        return Check("encoder", OK, f"{folder}")
    return Check("encoder", MISSING, f"{folder} lacks {', '.join(lacking)}", "copy the whole revision into the folder")


def _encoder_in_cache(chosen: EncoderSettings, cache: Path) -> Check:
    from huggingface_hub import try_to_load_from_cache

    found = [
        isinstance(try_to_load_from_cache(chosen.source, name, cache_dir=cache, revision=chosen.revision), str)
        for name in ("config.json", "model.safetensors", "pytorch_model.bin")
    ]
    name = f"{chosen.source}@{chosen.revision[:8]}"
    if found[0] and any(found[1:]):
        return Check("encoder", OK, f"{name}, in {cache}")
    return Check(
        "encoder",
        WARN,
        f"{name} is not in {cache}; the first run fetches it from the hub",
        "connect once, or APEX_ENCODER__SOURCE=FOLDER with its files (tiny-random tries the pipeline without MERT)",
    )


def _store(settings: Settings) -> Check:
    from apex_core.storage import Store

    key = f"doctor-{os.urandom(6).hex()}"
    try:
        if "://" not in settings.store_url and not Path(settings.store_url).exists():
            return _store_to_be(Path(settings.store_url).absolute())
        store = Store.open(settings.store_url)
        store.put(key, b"probe")
        store.delete(key)
    except Exception as error:  # whatever the file system behind the store raises
        what = f"{settings.store_url} cannot be written: {type(error).__name__}: {error}"
        return Check("store", MISSING, what, "set APEX_STORE to a folder or s3://bucket/prefix (credentials: AWS_*)")
    return Check("store", OK, f"{settings.store_url}: written, deleted")


def _store_to_be(folder: Path) -> Check:
    """A store nobody has written to yet; looking must not create it."""
    standing = next(parent for parent in folder.parents if parent.exists())
    if standing.is_dir() and os.access(standing, os.W_OK | os.X_OK):
        return Check("store", OK, f"{folder}: will be created by the first run")
    return Check("store", MISSING, f"{folder} cannot be created in {standing}", "set APEX_HOME to a folder of yours")


def _disk(settings: Settings) -> Check:
    from apex_core.pipeline.space import free_space

    free = free_space(settings)
    told = ", ".join(f"{gb:.1f} GB free at {place}" for place, gb in free.items())
    found = f"{told}, {settings.min_free_gb:g} asked for"
    state = OK if min(free.values()) >= settings.min_free_gb else MISSING
    return Check("disk", state, found, "make room, or lower APEX_MIN_FREE_GB")


def _lock(settings: Settings) -> Check:
    from apex_core.catalog.lock import hold, read_holder

    path = settings.catalog_path.with_name(settings.catalog_path.name + ".lock")
    if not path.is_file():
        return Check("catalog", OK, f"{settings.catalog_path}: not there yet, the first run creates it")
    left = read_holder(path) if path.stat().st_size else None
    try:
        with hold(path, "apex doctor", timeout_s=0):
            pass
    except Locked as error:
        return Check("catalog", WARN, error.message, "wait: readers are not held up")
    crashed = f"; {left} ended while it held the lock, what it had committed is kept" if left else ""
    return Check("catalog", OK, f"{settings.catalog_path}: free{crashed}")


def _snapshot(settings: Settings) -> Check:
    from apex_core.catalog import latest_snapshot

    try:
        snapshot = latest_snapshot(settings)
    except NotFound as error:
        return Check("snapshot", WARN, error.message, "apex nightly makes one; apex demo shows it all without accounts")
    except Exception as error:  # as in _store
        return Check("snapshot", MISSING, f"cannot be read: {error}", "apex nightly publishes a new one")
    return Check("snapshot", OK, f"{snapshot.stamp}, as of {snapshot.as_of:%Y-%m-%d %H:%M} UTC, in {snapshot.folder}")


def _prefect() -> Check:
    import httpx
    from prefect.settings import get_current_settings

    address = get_current_settings().api.url
    if not address:
        return Check("Prefect", OK, "PREFECT_API_URL is none: a local server is started for each run")
    try:
        httpx.get(f"{address.rstrip('/')}/health", timeout=_ANSWER_S).raise_for_status()
    except httpx.HTTPError as error:
        fix = "prefect server start, or unset PREFECT_API_URL for a local server with each run"
        return Check("Prefect", MISSING, f"{address} does not answer: {error or type(error).__name__}", fix)
    return Check("Prefect", OK, f"{address} answers")


def _connectors(settings: Settings) -> Check:
    states: dict[str, str] = {}
    for platform in PLATFORMS:
        connector = getattr(settings.sources, platform)
        has_token = connector.token is not None and bool(connector.token.get_secret_value())
        states[platform] = "off" if not connector.enabled else "on" if has_token else "on, without a token"
    lacking = [platform for platform, state in states.items() if state.endswith("token")]
    found = ", ".join(f"{platform} {state}" for platform, state in states.items())
    if not lacking:
        return Check("live connectors", OK, found)
    fix = " and ".join(f"APEX_SOURCES__{platform.upper()}__TOKEN" for platform in lacking)
    return Check("live connectors", MISSING, found, f"set {fix}, or switch the connector off")


def _gpu() -> Check:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        return Check("GPU", OK, ", ".join(names))
    if torch.backends.mps.is_available():
        return Check("GPU", OK, "Apple GPU (mps)")
    return Check("GPU", OK, "none: the encoder runs on the CPU")
