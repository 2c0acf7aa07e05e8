"""Twenty readers in processes of their own, while a writer ingests, scores, publishes and collects."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from apex_core.storage import Store
from tests.catalog.other_process import ROOT, at_the_door, other_process
from tests.catalog.publisher import publish_night, settings_for

READERS, NIGHTS = 20, 10


@pytest.mark.slow
def test_twenty_readers_see_whole_nights_while_ten_are_published(tmp_path: Path, store_url: str) -> None:
    writer, readers = settings_for(tmp_path / "writer", store_url), tmp_path / "readers"
    publish_night(writer, 1)
    readers.mkdir()
    crowd = subprocess.Popen(
        [sys.executable, "-m", "tests.catalog.crowd", str(readers / "home"), store_url, str(readers), str(READERS)],
        cwd=ROOT,
    )
    try:
        reports = [publish_night(writer, number) for number in range(2, NIGHTS + 2)]
        (readers / "stop").touch()
        assert crowd.wait(timeout=60) == 0
    finally:
        crowd.kill()
    told = [json.loads((readers / f"{number}.json").read_text()) for number in range(READERS)]
    assert not (faults := [reader for reader in told if reader["fault"]]), faults[0]["fault"]
    assert all(reader["reads"] for reader in told)
    assert all(reader["nights"] == reader["nights"][:1] for reader in told if reader["kind"] == "faithful")
    assert max(len(reader["nights"]) for reader in told) > 2, "readers that followed along saw several nights"
    assert sum(report.counts["published"] for report in reports) == NIGHTS
    assert sum(report.counts["removed"] for report in reports) >= NIGHTS - 5, "snapshots went while they were read"


@pytest.mark.slow
def test_twenty_readers_of_a_store_on_s3_fetch_a_snapshot_once(tmp_path: Path, s3_url: str) -> None:
    publish_night(settings_for(tmp_path / "writer", s3_url), 1)
    (tmp_path / "stop").touch()
    home = tmp_path / "readers"
    crowd = [sys.executable, "-m", "tests.catalog.crowd", str(home), s3_url, str(tmp_path), str(READERS)]
    subprocess.run(crowd, cwd=ROOT, check=True, timeout=60)
    told = [json.loads((tmp_path / f"{number}.json").read_text()) for number in range(READERS)]
    assert [(reader["reads"], reader["fault"]) for reader in told] == [(1, "")] * READERS
    folders = [path.name for path in (home / "cache" / "snapshots").iterdir()]
    assert folders == [key.split("/")[1] for key in Store.open(s3_url).list("snapshots") if "MANIFEST" in key]


def test_a_reader_answers_while_another_process_holds_the_catalog(tmp_path: Path, store_url: str) -> None:
    settings = settings_for(tmp_path / "home", store_url)
    publish_night(settings, 1)
    (tmp_path / "stop").touch()
    with other_process(*at_the_door(settings, "ingest")) as writer:
        assert writer.says() == "in"
        crowd = [sys.executable, "-m", "tests.catalog.crowd", str(settings.home), store_url, str(tmp_path), "5"]
        subprocess.run(crowd, cwd=ROOT, check=True, timeout=60)
        told = [json.loads((tmp_path / f"{number}.json").read_text()) for number in range(5)]
        assert [(reader["reads"], reader["fault"]) for reader in told] == [(1, "")] * 5
        writer.tell()
        assert writer.says() == "out"
