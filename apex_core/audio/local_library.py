"""A library in a folder of this host."""

import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from apex_core.audio.index import Offer, by_convention, by_manifest
from apex_core.audio.manifests import NAMES, Line, read_lines
from apex_core.audio.strays import Strays, inner_path
from apex_core.errors import AudioError, SettingsError
from apex_core.settings import PLATFORMS
from apex_core.storage import ForeignFile


class LocalLibrary:
    """A folder. What a link in it points to, or a manifest names, must lie inside as well."""

    def __init__(self, folder: str) -> None:
        if not os.path.isdir(folder):
            raise SettingsError(
                f"Audio library {folder} is not a folder.", fix="mount it, or take it out of APEX_AUDIO__LIBRARIES"
            )
        self.root = f"{os.path.abspath(folder).rstrip('/')}/"
        self._inside = f"{os.path.realpath(folder).rstrip('/')}/"
        self._strays = Strays(folder)
        self._real = lru_cache(1024)(os.path.realpath)

    def offers(self, _scratch: Path) -> Iterator[Offer]:
        """All files, manifests first. Raises AudioError for a faulty manifest and a folder that cannot be listed."""
        for kind, name in enumerate(NAMES):
            manifest = Path(self.root, name)
            if manifest.is_file():
                yield from self._listed(kind, manifest)
        for platform in PLATFORMS:
            for path in self._names(platform):
                if offer := by_convention(path.removeprefix(self.root), ForeignFile(path, 0, "")):
                    file = self._file(path)
                    if file is not None:
                        yield Offer(offer.place, offer.platform, offer.track_id, file)
        self._strays.tell()

    def _listed(self, kind: int, manifest: Path) -> Iterator[Offer]:
        for line in read_lines(manifest, str(manifest)):
            file = self._named(manifest, line)
            if file is not None:
                yield by_manifest(kind, line, file)

    def _named(self, manifest: Path, line: Line) -> ForeignFile | None:
        path = inner_path(line.path, self.root)
        if path is None:
            self._strays.add(f"{line.path} ({manifest.name}, line {line.number})")
            return None
        return self._file(self.root + path)

    def _names(self, platform: str) -> Iterator[str]:
        try:
            with os.scandir(self.root + platform) as entries:
                for entry in entries:
                    yield entry.path
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:  # not to be taken for a folder without files
            raise AudioError(
                f"{self.root}{platform} cannot be listed: {error}", fix="look at the library's rights, and its disk"
            ) from error

    def _file(self, path: str) -> ForeignFile | None:
        try:
            path.encode()
            facts = os.stat(path)
        except (OSError, ValueError):  # gone, or a name that is no text
            return None
        if not self._is_inside(path):
            self._strays.add(path)
            return None
        return ForeignFile(path, facts.st_size, str(facts.st_mtime_ns)) if stat.S_ISREG(facts.st_mode) else None

    def _is_inside(self, path: str) -> bool:
        # Most files are no links, and share their folder: a million of them are not looked up one by one.
        folder, _, _ = path.rpartition("/")
        real = os.path.realpath(path) if os.path.islink(path) else f"{self._real(folder)}/"
        return real.startswith(self._inside)
