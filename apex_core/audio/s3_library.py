"""A library under an s3 prefix."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pyarrow as pa

from apex_core.audio.index import Offer, Table, by_convention, by_manifest, rows_of
from apex_core.audio.manifests import NAMES, Line, read_lines
from apex_core.audio.strays import Strays, inner_path
from apex_core.storage import ForeignFile, list_s3, local_file

_FILES = pa.schema([("uri", pa.string()), ("bytes", pa.int64()), ("stamp", pa.string())])
_LINES = pa.schema(
    [
        ("number", pa.int64()),
        ("platform", pa.string()),
        ("track_id", pa.string()),
        ("path", pa.string()),
        ("sha256", pa.string()),
        ("uri", pa.string()),
    ]
)


class S3Library:
    """``s3://bucket/prefix``. It is listed once; a manifest's lines are joined with the listing, on disk."""

    def __init__(self, url: str) -> None:
        self.root = f"{url.rstrip('/')}/"
        self._strays = Strays(url)

    def offers(self, scratch: Path) -> Iterator[Offer]:
        """All files; tables on the way lie in ``scratch``. Raises AudioError for a faulty manifest, or StorageError."""
        manifests = set[str]()
        with Table(scratch / "files.parquet", _FILES) as files:
            for file in list_s3(self.root):
                name = file.uri.removeprefix(self.root)
                files.add(asdict(file))
                if name in NAMES:
                    manifests.add(name)
                elif offer := by_convention(name, file):
                    yield offer
        for kind, name in enumerate(NAMES):
            if name in manifests:
                yield from self._listed(kind, name, scratch)
        self._strays.tell()

    def _listed(self, kind: int, name: str, scratch: Path) -> Iterator[Offer]:
        with local_file(self.root + name) as manifest, Table(scratch / "lines.parquet", _LINES) as lines:
            for line in read_lines(manifest, self.root + name):
                path = inner_path(line.path, self.root)
                if path is None:
                    self._strays.add(f"{line.path} ({name}, line {line.number})")
                else:
                    lines.add(asdict(line) | {"uri": self.root + path})
        named, files = pl.scan_parquet(scratch / "lines.parquet"), pl.scan_parquet(scratch / "files.parquet")
        named.join(files, on="uri").sink_parquet(scratch / "listed.parquet")
        for row in rows_of(scratch / "listed.parquet"):
            file = ForeignFile(row["uri"], row["bytes"], row["stamp"])
            line = Line(row["number"], row["platform"], row["track_id"], row["path"], row["sha256"])
            yield by_manifest(kind, line, file)
