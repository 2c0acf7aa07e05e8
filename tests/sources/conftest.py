"""A catalog in memory, a store in a folder, and pages to put through them."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest

from apex_core.catalog import transaction
from apex_core.settings import Platform
from apex_core.sources import (
    Dump,
    IngestCounts,
    LandedFile,
    Page,
    find_dumps,
    land,
    look_at,
    merge,
    stage_dumps,
    stage_landed,
)
from apex_core.storage import Store
from tests.sources.platform_server import PlatformServer

SHAPES = Path(__file__).parent / "shapes"
MIGRATIONS = sorted((Path(__file__).parents[2] / "sql" / "migrations").glob("*.sql"))
DAY0 = datetime(2026, 11, 1, tzinfo=UTC)
SUNO_ID = "75784516-20ef-5ad6-9e0c-68ae36f4f340"
UDIO_ID = "a2fe638b-df3d-52e2-8ef5-77cac93a7f66"


def shape(name: str) -> str:
    return (SHAPES / name).read_text(encoding="utf-8")


def record(name: str, **changes: Any) -> dict[str, Any]:
    """A record of the shapes with top-level members replaced; ``...`` removes one."""
    merged = {**json.loads(shape(name)), **changes}
    return {key: value for key, value in merged.items() if value is not ...}


def clip(**changes: Any) -> dict[str, Any]:
    return record("suno_clip_2024_v1_explicit_nulls.json", **changes)


def song(**changes: Any) -> dict[str, Any]:
    return record("udio_song_31key.json", **changes)


def day(number: float) -> datetime:
    return DAY0 + timedelta(days=number)


class Catalog:
    """A plain DuckDB with the migrations applied; every ``ingest`` is one run.

    ``form``: whether bodies come as landed pages, or as the lines of a dump, of which most are typed in one pass.
    """

    def __init__(self, folder: Path, form: Literal["pages", "lines"] = "pages") -> None:
        self.form = form
        self.folder = folder
        self.con = duckdb.connect(config={"threads": 1})
        self.con.execute("SET TimeZone = 'UTC'")
        for migration in MIGRATIONS:
            self.con.execute(migration.read_text(encoding="utf-8"))
        self.store = Store.open(folder)
        self.runs = 0
        self.counts = IngestCounts()

    def ingest(self, platform: Platform, *bodies: Any, at: float = 0, as_of: float | None = None) -> IngestCounts:
        """Put bodies (text, or values that become JSON) through landing and merge, all fetched on day ``at``."""
        return self.ingest_pages(platform, [(body, at) for body in bodies], as_of=at if as_of is None else as_of)

    def ingest_pages(self, platform: Platform, pages: Sequence[tuple[Any, float]], as_of: float) -> IngestCounts:
        self.runs += 1
        run_id = f"run-{self.runs}"
        texts = [(body if isinstance(body, str) else json.dumps(body), at) for body, at in pages]
        if self.form == "pages":
            landed = [Page(platform, n, f"http://test/{n}", day(at), body) for n, (body, at) in enumerate(texts)]
            files = land(self.store, platform, run_id, day(as_of), landed)
            stage_landed(self.con, self.store, platform, list(files))
        else:
            stage_dumps(self.con, platform, self.dumps(platform, run_id, texts))
        with transaction(self.con):
            return merge(self.con, platform, day(as_of), run_id)

    def dumps(self, platform: Platform, run_id: str, texts: Sequence[tuple[str, float]]) -> list[Dump]:
        """One file of lines for every day on which something was seen."""
        made: list[Dump] = []
        self.folder.mkdir(exist_ok=True)
        for at in sorted({at for _, at in texts}):
            path = self.folder / f"{run_id}-{at}.jsonl"
            path.write_text("".join(one_line(body) + "\n" for body, seen in texts if seen == at), encoding="utf-8")
            made.append(Dump(LandedFile(platform, str(path), "", day(at), "lines"), path))
        return made

    def ingest_dumps(self, platform: Platform, dumps: Sequence[Dump]) -> IngestCounts:
        """Put dumps through staging and merge, as one run."""
        self.runs += 1
        stage_dumps(self.con, platform, dumps)
        with transaction(self.con):
            return merge(self.con, platform, DAY0, f"run-{self.runs}")

    def odd_lines(self, platform: Platform, path: Path) -> int:
        """How many lines of a dump are not typed in one pass."""
        stage_dumps(self.con, platform, [Dump(LandedFile(platform, str(path), "", DAY0, "lines"), path)])
        return self.one("SELECT count(*) FROM stage_page")

    def typed(self, platform: Platform, records: Sequence[dict[str, Any]], columns: str) -> list[Any]:
        """Ingest records as different tracks in one run; per record its ``columns`` (or the refusal's reason)."""
        ids = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(len(records))]
        self.counts = self.ingest(platform, [{**given, "id": new} for given, new in zip(records, ids, strict=True)])
        query = f"SELECT {columns} FROM track LEFT JOIN engagement USING (platform, track_id) ORDER BY track_id"
        return [row[0] if len(row) == 1 else row for row in self.rows(query)]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.con.execute(query).fetchall()

    def one(self, query: str) -> Any:
        (row,) = self.rows(query)
        return row[0] if len(row) == 1 else row

    def table(self, name: str) -> list[tuple[Any, ...]]:
        return self.rows(f"FROM {name} ORDER BY ALL")


def dumps_at(place: Path, observed_at: datetime, platform: Platform) -> list[Dump]:
    """Every readable file at a place."""
    files = find_dumps(str(place))
    return [Dump(look_at(file, Path(file.uri), observed_at, platform), Path(file.uri)) for file in files]


def one_line(body: str) -> str:
    """A body as a line of a dump: the same JSON, or the same text, without line breaks."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False) if "\n" in body else body
    except ValueError:
        return body.replace("\n", " ")


@pytest.fixture(params=["pages", "lines"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    made = Catalog(tmp_path / "store", request.param)
    yield made
    made.con.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PlatformServer]:
    with PlatformServer(tmp_path / "home") as running:
        yield running
