"""Working folders of stages, under the cache: gone when the work is done, swept when a killed run left them."""

import contextlib
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

from apex_core.settings import Settings

_LEFT_OVER_S = 86_400.0


@contextlib.contextmanager
def working_folder(settings: Settings, name: str) -> Generator[Path]:
    """A folder of one's own under ``<cache>/<name>``; what lies there for a day belongs to nobody and is removed."""
    parent = settings.cache / name
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        _sweep(parent, Path(folder).stat().st_mtime - _LEFT_OVER_S)
        yield Path(folder)


def _sweep(parent: Path, before: float) -> None:
    for left in parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if left.stat().st_mtime < before:
                shutil.rmtree(left, ignore_errors=True)
