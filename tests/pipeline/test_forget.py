"""Forgetting reaches every place, and nothing else in it; what is forgotten stays out."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apex_core.catalog import connect, latest_snapshot, open_snapshot, require_checks
from apex_core.errors import CatalogError, Locked
from apex_core.mert import read_shard_manifests, song_vectors
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.extract import run_extract
from apex_core.pipeline.forget import run_forget
from apex_core.pipeline.forget_plan import Facts, Request, plan_forget
from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.label import run_label
from apex_core.pipeline.run import Run, at_work, begin, end
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from apex_core.storage import Store, read_manifest
from tests.pipeline.nights import night, prints, settings_for
from tests.pipeline.traces import traces
from tests.sql.catalog_rows import add

MARK = "catalog:forgotten"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def calm(world: World) -> Iterator[SandboxServer]:
    """The platforms on a good day."""
    with SandboxServer(world, faults=False) as server:
        yield server


@pytest.fixture(scope="module")
def after_a_night(world: World, calm: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a house that has gone through one night."""
    home = tmp_path_factory.mktemp("forget") / "home"
    night(settings_for(home, world, calm), world.epoch, "n1")
    return home


@pytest.fixture
def house(after_a_night: Path, world: World, calm: SandboxServer, tmp_path: Path) -> Settings:
    """A copy of that house."""
    return settings_for(Path(shutil.copytree(after_a_night, tmp_path / "home", symlinks=True)), world, calm)


@pytest.fixture
def run(house: Settings, world: World) -> Run:
    return a_run(house, world, "f1")


def a_run(settings: Settings, world: World, run_id: str) -> Run:
    number = int("".join(letter for letter in run_id if letter.isdigit()))
    return begin(settings, "forget", world.epoch + timedelta(hours=number), run_id)


@dataclass(frozen=True)
class Song:
    """A track that went all the way."""

    platform: Any
    track_id: str
    creator_id: str
    sha256: str
    title: str

    @property
    def request(self) -> Request:
        return Request(self.platform, "track", (self.track_id,))


_SONGS = """
    SELECT c.platform, c.track_id, c.creator_id, c.sha256, c.title
    FROM scored_catalog AS c JOIN aesthetic AS l USING (platform, track_id)
    WHERE c.predicted_streams IS NOT NULL AND c.creator_id IS NOT NULL AND c.split IS NOT NULL
      AND (SELECT count(*) FROM track AS o WHERE o.title = c.title) = 1
      AND NOT EXISTS (FROM track AS o WHERE c.track_id IN (o.root_id, o.parent_id))
    ORDER BY ALL
"""


def songs(settings: Settings) -> list[Song]:
    """Songs from which no other was made."""
    with connect(settings, "test") as connection:
        return [Song(*row) for row in connection.execute(_SONGS).fetchall()]


def rows(settings: Settings, query: str, **bound: Any) -> list[tuple[Any, ...]]:
    with connect(settings, "test") as connection:
        return connection.execute(query, bound).fetchall()


def forgotten(run: Run, request: Request) -> Facts:
    (receipt,) = run_forget(run, request)
    return receipt


def test_a_track_leaves_no_trace_but_its_mark_and_the_receipt(run: Run) -> None:
    song = songs(run.settings)[0]
    with run.catalog("test") as connection:  # a check that named it once
        connection.execute("UPDATE check_result SET first = ['track suno/other', 'track suno/' || ?]", [song.track_id])
    before = traces(run.settings, song.track_id, song.sha256)
    places = {place.split("/")[0] for place in before}
    assert {"landing", "audio", "embeddings", "shard_plans", "training_sets", "snapshots", "backups"} <= places
    tables = {"track", "engagement", "engagement_score", "audio", "aesthetic", "split", "prediction", "embedding"}
    assert {f"catalog:{table}" for table in tables} <= before
    receipt = forgotten(run, song.request)
    assert traces(run.settings, song.track_id) - backups_of(MARK, run) == {MARK, receipt["receipt"]}
    assert traces(run.settings, song.sha256, song.title) == set()
    assert run.store.read_json(receipt["receipt"]) == receipt


def backups_of(mark: str, run: Run) -> set[str]:
    """The mark is in the backups as well: it must come back with them."""
    table = mark.partition(":")[2]
    return {f"{key}:{table}" for key in run.store.list("backups")}


# What the run that forgets adds rows to, as any run does.
KEPT_OF_RUNS = ("run", "run_stat", "check_result", "publication")


def test_what_is_left_is_whole_and_still_all_the_others(run: Run) -> None:
    song, *others = songs(run.settings)
    before = {table: count for table, count in counted(run.settings).items() if table not in KEPT_OF_RUNS}
    receipt = forgotten(run, song.request)
    removed = receipt["removed"]["catalog"]
    after = counted(run.settings)
    assert {table: before[table] - after[table] for table in before if before[table] != after[table]} == {
        **{table: count for table, count in removed.items() if table in before},
        "forgotten": -1,
    }
    with connect(run.settings, "test") as connection:
        require_checks(connection)
    for manifest in read_shard_manifests(run.store, encoder(run)):
        table = song_vectors(run.store, manifest.encoder_id, [manifest.shard_id])
        assert sorted(table["sha256"].to_pylist()) == sorted(manifest.songs)
        assert song.sha256 not in manifest.songs
    assert rows(run.settings, "SELECT songs, failed, segments FROM embedding_shard ORDER BY shard_id") == [
        (len(m.songs) + len(m.failed), len(m.failed), m.segments) for m in read_shard_manifests(run.store, encoder(run))
    ]
    for training_set_id, tracks in rows(run.settings, "SELECT training_set_id, tracks FROM training_set"):
        frozen = sets.read(run.store, training_set_id)
        assert frozen.rows.height == tracks
        assert sets.load_data(run.store, frozen, "song").vectors.shape[0] == tracks
    with open_snapshot(latest_snapshot(run.settings)) as snapshot:
        found = {row[0] for row in snapshot.execute("SELECT sha256 FROM vectors.song_vector").fetchall()}
    assert song.sha256 not in found
    assert {other.sha256 for other in others} <= found
    everything_that_a_manifest_names_is_there(run.store)


def encoder(run: Run) -> str:
    return str(rows(run.settings, "SELECT encoder_id FROM encoder")[0][0])


def counted(settings: Settings) -> dict[str, int]:
    with connect(settings, "test") as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
        found = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for (name,) in names}
    return found


def everything_that_a_manifest_names_is_there(store: Store) -> None:
    for kind in ("training_sets", "models", "snapshots"):
        for key in store.list(kind):
            if key.endswith("/MANIFEST.json"):
                read_manifest(store, key.removesuffix("/MANIFEST.json"), verify=True)
    landed = {key for key in store.list("landing") if key.endswith(".zst")}
    assert landed


def test_the_landing_is_what_the_catalog_says_it_is(run: Run) -> None:
    import hashlib

    song = songs(run.settings)[0]
    forgotten(run, song.request)
    known = dict(rows(run.settings, "SELECT uri, sha256 FROM landing"))
    assert known == {key: hashlib.sha256(run.store.read(key)).hexdigest() for key in run.store.list("landing")}


_SIDES = (
    "SELECT platform, track_id, split, quarantined FROM split SEMI JOIN track USING (platform, track_id) ORDER BY ALL"
)


@pytest.mark.parametrize("kind", ["creator", "track"])
def test_what_others_made_from_a_song_stays_and_keeps_its_side(kind: str, run: Run, world: World) -> None:
    root = songs(run.settings)[0]
    heir = next(s for s in songs(run.settings) if s.platform == root.platform and s.creator_id != root.creator_id)
    an_heir(run.settings, root, heir)
    theirs = [root.track_id] if kind == "track" else tracks_of(run.settings, root)
    before = rows(run.settings, _SIDES)
    request = root.request if kind == "track" else Request(root.platform, "creator", (root.creator_id,))
    receipt = forgotten(run, request)
    assert receipt["tracks"] == len(theirs)
    assert [stays["tracks"] for stays in receipt["remains"] if stays["what"] == "lineage of others"] == [1]
    assert tracks_of(run.settings, heir) != []
    if kind == "creator":
        assert len(theirs) > 1
        assert traces(run.settings, root.creator_id) - backups_of(MARK, run) == {MARK, receipt["receipt"]}
    after = rows(run.settings, _SIDES)
    assert after == [row for row in before if row[0] != root.platform or row[1] not in theirs]
    sets.assign_splits(a_run(run.settings, world, "f2"))
    assert rows(run.settings, _SIDES) == after, "nobody is quarantined, or moved"
    with connect(run.settings, "test") as connection:
        require_checks(connection)


def tracks_of(settings: Settings, song: Song) -> list[str]:
    found = rows(
        settings,
        "SELECT track_id FROM track WHERE platform = $platform AND creator_id = $creator ORDER BY ALL",
        platform=song.platform,
        creator=song.creator_id,
    )
    return [row[0] for row in found]


def an_heir(settings: Settings, root: Song, heir: Song) -> None:
    """Have ``heir`` been made from ``root``, and on its side of the split from the beginning."""
    with connect(settings, "test") as connection:
        connection.execute("UPDATE track SET root_id = $1 WHERE track_id = $2", [root.track_id, heir.track_id])
        connection.execute(
            "UPDATE split SET group_key = r.group_key, split = r.split FROM (FROM split WHERE track_id = $1) AS r "
            "WHERE split.track_id = $2",
            [root.track_id, heir.track_id],
        )


def an_id(kind: str, number: int) -> str:
    return f"{kind}{number:07d}-0000-4000-8000-000000000000"


@pytest.mark.parametrize("kind", ["creator", "track"])
def test_families_stay_together_when_their_root_is_forgotten(kind: str, settings: Settings, world: World) -> None:
    """Of a dozen families, whose roots' own hashes would put them anywhere, with children born before and after."""
    families = range(12)

    def born(letter: str) -> None:
        with connect(settings, "test") as connection:
            for n in families:
                add(connection, "track", track_id=an_id(letter, n), creator_id="y", root_id=an_id("a", n))

    with connect(settings, "test") as connection:
        for n in families:
            add(connection, "track", track_id=an_id("a", n), creator_id=an_id("c", n))
    born("b")
    run = a_run(settings, world, "f1")
    sets.assign_splits(run)
    before = dict(rows(settings, "SELECT track_id, split FROM split WHERE starts_with(track_id, 'b')"))
    forgotten(run, Request("suno", kind, tuple(an_id("c" if kind == "creator" else "a", n) for n in families)))
    born("e")
    sets.assign_splits(a_run(settings, world, "f2"))
    after = dict(rows(settings, "SELECT track_id, split FROM split WHERE NOT quarantined"))
    assert after == before | {an_id("e", n): before[an_id("b", n)] for n in families}
    with connect(settings, "test") as connection:
        require_checks(connection)


def test_a_dry_run_tells_what_and_changes_nothing(house: Settings) -> None:
    song = songs(house)[0]
    before = prints(house), Store.open(house.store_url).list("landing"), sorted(house.home.rglob("*"))
    plan = plan_forget(house, song.request)
    assert (prints(house), Store.open(house.store_url).list("landing"), sorted(house.home.rglob("*"))) == before
    assert plan["removed"]["catalog"]["track"] == 1
    assert plan["removed"]["embeddings"] == {"files": 1, "entries": 1}
    assert plan["removed"]["snapshots"]["files"] == 1
    assert {"models", "labels", "forgotten"} <= {stays["what"] for stays in plan["remains"]}


def test_the_plan_is_what_the_receipt_says(run: Run) -> None:
    song = songs(run.settings)[0]
    plan = plan_forget(run.settings, song.request)
    receipt = forgotten(run, song.request)
    assert receipt["removed"] == plan["removed"]
    assert receipt["remains"] == plan["remains"]


def test_twice_is_once(run: Run, world: World) -> None:
    song = songs(run.settings)[0]
    forgotten(run, song.request)
    before, files = prints(run.settings), sorted(run.store.list("receipts"))
    assert run_forget(a_run(run.settings, world, "f2"), song.request) == []
    assert (prints(run.settings), sorted(run.store.list("receipts"))) == (before, files)


def test_the_next_night_works_and_brings_nothing_back(house: Settings, world: World) -> None:
    song = songs(house)[0]
    run = a_run(house, world, "f1")
    receipt = forgotten(run, song.request)
    end(run, "completed", run.as_of)
    others = "SELECT platform, track_id, title, creator_id, parent_id, root_id FROM track ORDER BY ALL"
    before = rows(house, others)
    reports = night(house, world.epoch + timedelta(hours=2), "n2")
    assert rows(house, others) == before
    assert reports["extract"].counts["songs"] == 0
    assert reports["score"].counts["new_runs"] == 1, "the cohort is another"
    assert traces(house, song.track_id) - backups_of(MARK, run) == {MARK, receipt["receipt"]}
    assert traces(house, song.sha256, song.title) == set()


@pytest.mark.parametrize("by", ["track", "creator"])
def test_a_dump_brings_nothing_back(by: str, run: Run, world: World, tmp_path: Path) -> None:
    song = next(song for song in songs(run.settings) if song.platform == "suno")
    forgotten(run, song.request if by == "track" else Request("suno", "creator", (song.creator_id,)))
    record = {"id": song.track_id, "title": song.title, "user_id": song.creator_id, "status": "complete"}
    later = "11111111-2222-4333-8444-555555555555"
    lines = [record] if by == "track" else [record, {**record, "id": later}]
    dump = tmp_path / "dump.jsonl"
    dump.write_text("".join(json.dumps(line | {"play_count": 7}) + "\n" for line in lines))
    counts = ingest_files(a_run(run.settings, world, "f2"), [dump], run.as_of, "suno").counts
    assert (counts["records_in"], counts["skipped"], counts["upserted"]) == (len(lines), len(lines), 0)
    assert rows(run.settings, "FROM track WHERE track_id IN ($a, $b)", a=song.track_id, b=later) == []


def test_a_refused_record_of_a_forgotten_track_is_no_reject_either(run: Run, world: World, tmp_path: Path) -> None:
    song = next(song for song in songs(run.settings) if song.platform == "suno")
    receipt = forgotten(run, song.request)
    dump = tmp_path / "dump.jsonl"
    dump.write_text(json.dumps({"id": song.track_id, "title": song.title, "status": "complete", "entity_type": "x"}))
    ingest_files(a_run(run.settings, world, "f2"), [dump], run.as_of, "suno")
    assert traces(run.settings, song.track_id) - backups_of(MARK, run) == {MARK, receipt["receipt"]}


def test_labels_of_a_forgotten_track_leave_no_reject(run: Run, world: World) -> None:
    song = songs(run.settings)[0]
    before = run_label(run).counts["rejected"]
    forgotten(run, song.request)
    assert run_label(a_run(run.settings, world, "f2")).counts["rejected"] == before


def test_audio_that_another_track_has_as_well_stays_until_that_goes(run: Run, world: World) -> None:
    first, second = songs(run.settings)[:2]
    with connect(run.settings, "test") as connection:
        connection.execute(
            "UPDATE audio SET sha256 = a.sha256, uri = a.uri FROM (FROM audio WHERE track_id = $1) AS a "
            "WHERE audio.track_id = $2",
            [first.track_id, second.track_id],
        )
    receipt = forgotten(run, first.request)
    assert receipt["removed"]["audio"]["files"] == 0
    places = {place.split("/")[0] for place in traces(run.settings, first.sha256)}
    assert {"catalog:prediction", "catalog:embedding", "audio", "embeddings"} <= places
    forgotten(a_run(run.settings, world, "f2"), second.request)
    assert traces(run.settings, first.sha256) == set()


def test_a_song_alone_in_its_shard_takes_the_shard_along(house: Settings, world: World) -> None:
    shard = rows(house, "SELECT shard_id, list(sha256) FROM embedding GROUP BY shard_id ORDER BY len(list(sha256)), 1")[
        0
    ]
    ids = rows(house, "SELECT platform, track_id FROM audio WHERE list_contains($songs, sha256)", songs=shard[1])
    number = 0
    for platform in ("suno", "udio"):
        tracks = tuple(track_id for of, track_id in ids if of == platform)
        if tracks:
            number += 1
            forgotten(a_run(house, world, f"f{number}"), Request(platform, "track", tracks))
    assert rows(house, "FROM embedding_shard WHERE shard_id = $shard", shard=shard[0]) == []
    assert not [key for key in Store.open(house.store_url).list("embeddings") if shard[0] in key]


def test_nothing_but_the_mark_is_done_while_a_run_is_at_work(run: Run, world: World) -> None:
    song = songs(run.settings)[0]
    before = traces(run.settings, song.track_id)
    begin(run.settings, "nightly", world.epoch, "tonight")
    with at_work(run.settings), pytest.raises(Locked, match=r"at work \(tonight\)") as caught:
        run_forget(run, song.request)
    assert "same command again" in (caught.value.fix or "")
    assert traces(run.settings, song.track_id) == before | {MARK}
    receipt = forgotten(a_run(run.settings, world, "f2"), song.request)
    assert traces(run.settings, song.track_id) - backups_of(MARK, run) == {MARK, receipt["receipt"]}


def test_an_unfinished_one_is_finished_by_whoever_forgets_next(run: Run, world: World) -> None:
    first, second = songs(run.settings)[:2]
    with at_work(run.settings), pytest.raises(Locked):
        run_forget(run, first.request)
    receipts = run_forget(a_run(run.settings, world, "f2"), second.request)
    assert [receipt["asked"]["ids"] for receipt in receipts] == [[first.track_id], [second.track_id]]
    assert traces(run.settings, first.sha256, second.sha256) == set()
    with connect(run.settings, "test") as connection:
        marked = connection.execute("SELECT id FROM forgotten WHERE kind = 'track' ORDER BY ALL").fetchall()
    assert marked == sorted([(first.track_id,), (second.track_id,)])


def test_rejects_and_landed_pages_are_known_where_the_catalog_knows_no_track(run: Run) -> None:
    track_id = "99999999-2222-4333-8444-555555555555"
    with connect(run.settings, "test") as connection:
        connection.execute(
            "INSERT INTO reject BY NAME SELECT 'suno' AS source, 'k' AS reject_key, 'invalid' AS reason, "
            "'ingest' AS stage, $payload AS payload, $at AS first_seen, $at AS last_seen, 1 AS times",
            {"payload": json.dumps({"x": [{"id": track_id.upper()}]}), "at": run.as_of},
        )
    receipt = forgotten(run, Request("suno", "track", (track_id,)))
    assert receipt["removed"]["catalog"] == {"reject": 1}
    assert traces(run.settings, track_id) - backups_of(MARK, run) == {MARK, receipt["receipt"]}


@pytest.mark.parametrize(
    ("platform", "kind", "what", "said"),
    [
        ("other", "track", "track_id", "it is a track of"),
        ("own", "creator", "track_id", "it is a track of"),
        ("own", "track", "creator_id", "it is a creator of"),
        ("own", "track", "cut", "these begin alike"),
        ("own", "track", "nobody", "look it up"),
        ("own", "track", "nonsense", "36 characters"),
    ],
)
def test_an_unknown_id_is_refused_with_what_comes_close(
    platform: str, kind: str, what: str, said: str, run: Run
) -> None:
    song = songs(run.settings)[0]
    other = "udio" if song.platform == "suno" else "suno"
    ids = {
        "track_id": song.track_id,
        "creator_id": song.creator_id,
        "cut": song.track_id[:-4] + "0000",
        "nobody": "99999999-2222-4333-8444-555555555555",
        "nonsense": "Night Train",
    }
    before = prints(run.settings)
    request = Request(song.platform if platform == "own" else other, kind, (ids[what],))  # type: ignore[arg-type]
    with pytest.raises(CatalogError) as caught:
        run_forget(run, request)
    assert said in (caught.value.fix or "")
    assert prints(run.settings) == before
    assert run.store.list("receipts") == []


def test_the_operators_own_files_are_named_not_deleted(world: World, server: SandboxServer, tmp_path: Path) -> None:
    from apex_core.pipeline.live import ingest_platform
    from apex_core.settings import AudioSettings

    song = next(song for song in world.songs if song.platform == "udio")
    library = tmp_path / "library"
    (library / "udio").mkdir(parents=True)
    path = shutil.copy(world.path(song), library / "udio" / f"{song.track_id}.{song.codec}")
    settings = settings_for(tmp_path / "home", world, server)
    audio = AudioSettings(libraries=(str(library),), fetch=False)
    settings = settings.model_copy(update={"audio": audio})
    first = begin(settings, "nightly", world.epoch, "n1")
    ingest_platform(first, "udio")
    run_audio(first)
    run_score(first)
    run_extract(first)
    run_snapshot(first)
    receipt = forgotten(a_run(settings, world, "f1"), Request("udio", "track", (song.track_id,)))
    assert [stays["where"] for stays in receipt["remains"] if stays["what"] == "library"] == [[str(path)]]
    assert Path(path).is_file()
    assert traces(settings, song.track_id) - backups_of(MARK, first) == {MARK, receipt["receipt"]}


@pytest.fixture
def on_s3(house: Settings, s3_url: str) -> Settings:
    """The same house with its store on S3."""
    local, remote = Store.open(house.store_url), Store.open(s3_url)
    for folder in sorted(path.name for path in Path(house.store_url).iterdir()):
        for key in local.list(folder):
            remote.put(key, local.read(key))
    return house.model_copy(update={"store": s3_url})


@pytest.mark.slow
def test_on_s3_it_is_the_same(on_s3: Settings, house: Settings, world: World) -> None:
    latest_snapshot(on_s3)  # leaves a copy in the cache
    song = songs(on_s3)[0]
    receipt = forgotten(a_run(on_s3, world, "f1"), song.request)
    run = a_run(on_s3, world, "f2")
    assert traces(on_s3, song.track_id) - backups_of(MARK, run) == {MARK, receipt["receipt"]}
    assert traces(on_s3, song.sha256, song.title) == set()
    assert list((on_s3.cache / "snapshots").glob("*")) == []
