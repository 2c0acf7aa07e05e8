"""A song that cannot be read just now is not a song that failed."""

from pathlib import Path

import pytest

from apex_core.errors import AudioError
from apex_core.mert import describe_encoder, read_shard_manifest
from apex_core.pipeline.extract import encode_shards
from apex_core.settings import EncoderSettings, Settings
from apex_core.storage import Store


def test_a_transient_fault_leaves_the_shard_uncommitted(tmp_path: Path) -> None:
    encoder = EncoderSettings(source="tiny-random", device="cpu", decode_workers=0)
    settings = Settings(home=tmp_path, encoder=encoder)
    store = Store.open(settings.store_url)
    encoder_id, _ = describe_encoder(encoder, settings.cache)
    for shard_id, uri in (("gone", str(tmp_path / "none.mp3")), ("unreadable", "/proc/self/mem")):
        song = {"sha256": "0" * 64, "uri": uri, "origin": "library", "duration_s": 1.0}
        store.put_json(f"shard_plans/{encoder_id}/{shard_id}.json", [song])
    with pytest.raises(AudioError, match="/proc/self/mem: temporary: OSError") as caught:
        encode_shards(settings, encoder_id, ["gone", "unreadable"])
    assert caught.value.transient
    assert read_shard_manifest(store, encoder_id, "unreadable") is None
    committed = read_shard_manifest(store, encoder_id, "gone")
    assert committed is not None
    assert committed.failed == {"0" * 64: "file not found"}
