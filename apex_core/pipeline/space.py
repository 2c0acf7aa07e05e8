"""Room on the disks that a run writes to."""

import shutil
from pathlib import Path

from apex_core.errors import StorageError
from apex_core.settings import Settings

_GB = 1e9


def free_space(settings: Settings) -> dict[Path, float]:
    """Free gigabytes by folder: where home is or will be, and the store, if that is on a disk of this host."""
    stores = [] if "://" in settings.store_url else [Path(settings.store_url)]
    places = dict.fromkeys(_standing(folder.absolute()) for folder in (settings.home, *stores))
    return {place: shutil.disk_usage(place).free / _GB for place in places}


def refuse_full_disks(settings: Settings) -> None:
    """Raise StorageError where less is free than ``min_free_gb``: a run that fills a disk leaves nobody any."""
    short = {place: free for place, free in free_space(settings).items() if free < settings.min_free_gb}
    if short:
        told = " and ".join(f"{free:.2f} GB at {place}" for place, free in short.items())
        raise StorageError(
            f"Too little disk is free to begin: {told}, and {settings.min_free_gb:g} GB are asked for.",
            fix="make room (deploy/operations.md says what can go), or lower APEX_MIN_FREE_GB",
        )


def _standing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
