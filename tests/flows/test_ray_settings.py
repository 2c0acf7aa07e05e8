"""What Ray nodes are told, what they say themselves, and what they are asked for; no cluster needed."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from apex_core.errors import ApexError, SettingsError
from apex_core.settings import (
    AudioSettings,
    ConnectorSettings,
    EncoderSettings,
    RaySettings,
    Settings,
    SourcesSettings,
)
from flows.ray_cluster import Share, fits_somewhere, node_settings, refuse_unreachable_server, share_of, told_to_nodes

ON_S3 = Settings(store="s3://bucket/apex")


def test_nodes_are_told_what_is_encoded_and_say_themselves_how(tmp_path: Path) -> None:
    token = ConnectorSettings(token=SecretStr("hush"))
    encoder = EncoderSettings(source="tiny-random", device="cpu", decode_workers=7)
    ours = ON_S3.model_copy(
        update={
            "sources": SourcesSettings(suno=token),
            "encoder": encoder,
            "audio": AudioSettings(max_seconds=99, libraries=("s3://bucket/songs",)),
        }
    )
    told = told_to_nodes(ours)
    assert "hush" not in json.dumps(told)
    nodes_own = EncoderSettings(source="another", device="cuda:3", decode_workers=15)
    seen = node_settings(Settings(home=tmp_path, encoder=nodes_own), json.loads(json.dumps(told)))
    assert (seen.store_url, seen.home, seen.audio) == (ours.store_url, tmp_path, ours.audio)
    assert seen.encoder == encoder.model_copy(update={"device": "cuda", "decode_workers": 15})


@pytest.mark.parametrize("what", ["store", "library", "weights"])
def test_folders_of_this_host_are_refused_unless_all_have_them(tmp_path: Path, what: str) -> None:
    own = {
        "store": {"store": str(tmp_path)},
        "library": {"audio": AudioSettings(libraries=(str(tmp_path),))},
        "weights": {"encoder": EncoderSettings(source=str(tmp_path))},
    }[what]
    settings = ON_S3.model_copy(update=own)
    with pytest.raises(SettingsError, match=str(tmp_path)) as caught:
        told_to_nodes(settings)
    assert "APEX_RAY__SHARED_FOLDERS" in str(caught.value.fix)
    assert str(tmp_path) in json.dumps(
        told_to_nodes(settings.model_copy(update={"ray": RaySettings(shared_folders=True)}))
    )


def node(alive: bool = True, **resources: float) -> dict[str, object]:
    return {"Alive": alive, "Resources": resources, "NodeManagerAddress": "127.0.0.1"}


def test_a_task_asks_for_its_share_of_a_node() -> None:
    ask = RaySettings()
    assert share_of([node(CPU=16, GPU=4), node(CPU=0), node(CPU=64, GPU=2)], ask) == Share(4, 1, 6)
    assert share_of([node(CPU=8), node(CPU=4)], ask) == Share(4, 0, 3)
    assert share_of([node(CPU=8, GPU=2)], RaySettings(task_gpus=0.5)) == Share(2, 0.5, 4)
    assert share_of([node(CPU=8, GPU=2)], RaySettings(task_gpus=0, task_cpus=2)) == Share(2, 0, 4)
    assert share_of([node(CPU=8), node(alive=False, CPU=8, GPU=1)], RaySettings(task_gpus=1)) is None
    assert share_of([node(CPU=2)], RaySettings(task_cpus=3)) is None
    assert share_of([], ask) is None


def test_what_was_asked_for_has_to_fit_a_node_that_is_left() -> None:
    nodes = [node(CPU=16, GPU=2), node(CPU=4, GPU=1)]
    share = Share(8, 1, 2)
    assert share_of(nodes[:1], RaySettings()) == share
    assert fits_somewhere(nodes, share)
    assert not fits_somewhere([node(alive=False, CPU=16, GPU=2), nodes[1]], share), "it would wait for ever"
    assert not fits_somewhere([], share)


counts = st.integers(0, 64)


@given(st.lists(st.tuples(counts, st.integers(0, 8)), max_size=5), st.sampled_from([None, 0, 0.25, 1, 2]))
def test_a_share_fits_somewhere(sizes: list[tuple[int, int]], gpus: float | None) -> None:
    nodes = [node(CPU=cpu, GPU=gpu) for cpu, gpu in sizes]
    share = share_of(nodes, RaySettings(task_gpus=gpus))
    if share is not None:
        assert share.places >= 1
        assert any(cpu >= share.cpus and gpu >= share.gpus for cpu, gpu in sizes)
        assert share.cpus * share.places <= sum(cpu for cpu, _ in sizes)
        assert share.gpus * share.places <= sum(gpu for _, gpu in sizes)


def test_a_server_that_nodes_cannot_reach_is_refused() -> None:
    far = {**node(), "NodeManagerAddress": "203.0.113.9"}
    for url, nodes in ((None, [node()]), ("http://127.0.0.1:4200/api", [node(), far])):
        with temporary_settings({PREFECT_API_URL: url}), pytest.raises(ApexError, match="cannot report"):
            refuse_unreachable_server(nodes)
    for url, nodes in (("http://127.0.0.1:4200/api", [node()]), ("http://prefect.internal:4200/api", [node(), far])):
        with temporary_settings({PREFECT_API_URL: url}):
            refuse_unreachable_server(nodes)
