"""``apex models``: what it shows of a store, and what it changes; no catalog is needed for most of it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from apex_core.catalog import connect
from apex_core.registry import Decision, record_decision, resolve_alias, resolve_hold
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.cli.conftest import AS_OF, Apex
from tests.heads.test_foreign import draw


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store.open(settings.store_url)


@pytest.fixture
def versions(apex: Apex, tmp_path: Path) -> list[str]:
    """Two models, imported."""
    found: list[str] = []
    for seed in (1, 2):
        torch.save(draw(seed, 2, "full"), tmp_path / f"best_{seed}.pt")
        done = apex("models", "import", str(tmp_path / f"best_{seed}.pt"), "--encoder", "mert-x")
        assert done.exit_code == 0, done.stderr
        found.append(done.stdout.strip())
    return found


def _json(apex: Apex, *words: str) -> Any:
    done = apex("models", *words, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_an_empty_store_has_no_models_and_says_how_to_come_by_one(apex: Apex) -> None:
    done = apex("models", "list")
    assert done.exit_code == 0
    assert "no model yet" in done.stderr
    assert _json(apex, "list") == {"champion": None, "hold": None, "models": []}
    for words in (["rollback"], ["hold", "--release"], ["show", "champion"]):
        done = apex("models", *words)
        assert done.exit_code == 1
        assert "error: " in done.stderr
        assert "→" in done.stderr


def test_list_shows_what_was_decided_and_who_is_champion(apex: Apex, versions: list[str], store: Store) -> None:
    record_decision(store, versions[0], Decision("refused", ("too weak",)), None, "night", AS_OF)
    assert apex("models", "promote", versions[1], "--reason", "a trial").exit_code == 0
    found = _json(apex, "list")
    assert found["champion"]["version"] == versions[1]
    rows = {row["version"]: row for row in found["models"]}
    assert (rows[versions[0]]["decision"], rows[versions[0]]["reason"]) == ("refused", "too weak")
    assert (rows[versions[1]]["alias"], rows[versions[1]]["reason"]) == ("champion", "by hand: a trial")
    shown = apex("models", "list").stdout
    assert all(version in shown for version in versions)
    assert len(_json(apex, "list", "--limit", "1")["models"]) == 1


def test_show_has_every_decision_and_diff_says_what_differs(apex: Apex, versions: list[str], store: Store) -> None:
    record_decision(store, versions[0], Decision("refused", ("too weak", "and stale")), None, "night", AS_OF)
    shown = apex("models", "show", versions[0][-8:]).stdout
    assert all(
        text in shown for text in ("too weak", "and stale", "imported by hand", "best_1.pt", "model.safetensors")
    )
    assert [one["outcome"] for one in _json(apex, "show", versions[0])["decisions"]] == ["held", "refused"]
    found = _json(apex, "diff", *versions)
    assert {row["what"] for row in found["differing"]} == {"imported.file", "imported.sha256"}
    assert not found["same_test_songs"]
    done = apex("models", "diff", *versions)
    assert "imported.file" in done.stdout
    assert "do not say which ranks better" in done.stderr


def test_a_rollback_holds_promotion_until_it_is_released(apex: Apex, versions: list[str], store: Store) -> None:
    for version in versions:
        assert apex("models", "promote", version).exit_code == 0
    done = apex("models", "rollback", "--reason", "it ranks nonsense")
    assert done.exit_code == 0, done.stderr
    assert versions[0] in done.stdout
    assert "apex models hold --release" in done.stderr
    held = resolve_hold(store, "champion")
    assert held is not None
    assert held.held
    assert held.reason == f"rolled back from {versions[1]}: it ranks nonsense"
    assert "promotion is held" in apex("models", "list").stderr
    assert not _json(apex, "hold", "--release")["held"]


def test_who_decided_is_the_settings_operator(
    apex: Apex, versions: list[str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APEX_PROMOTION__OPERATOR", "the night shift")
    apex("models", "promote", versions[0])
    champion = resolve_alias(store, "champion")
    assert champion is not None
    assert champion.set_by == "the night shift"


def test_away_from_the_catalog_nothing_follows_and_no_empty_snapshot_is_published(
    apex: Apex, versions: list[str], store: Store, settings: Settings
) -> None:
    done = apex("models", "promote", versions[0])
    assert "follow with the next nightly" in done.stderr
    assert not settings.catalog_path.exists()
    assert store.list("snapshots") == []


def test_beside_the_catalog_the_snapshot_follows_at_once(
    apex: Apex, versions: list[str], store: Store, snapshot: Settings
) -> None:
    before = store.list("snapshots/latest")
    done = apex("models", "promote", versions[0])
    assert done.exit_code == 0, done.stderr
    assert "no song has vectors of mert-x" in done.stderr
    assert len(store.list("snapshots/latest")) == len(before) + 1
    with connect(snapshot, "test") as connection:
        assert connection.execute("SELECT version FROM champion").fetchall() == [(versions[0],)]
        assert connection.execute("SELECT flow, state FROM run ORDER BY ALL").fetchall()[0] == ("models", "completed")


def test_export_writes_a_checkpoint_or_the_folder(apex: Apex, versions: list[str], tmp_path: Path) -> None:
    for form, name in (("authors", "out.pt"), ("apex", "folder")):
        done = apex("models", "export", versions[0], "--format", form, "-o", str(tmp_path / name))
        assert done.exit_code == 0, done.stderr
    assert (tmp_path / "folder" / "MANIFEST.json").is_file()
    again = apex("models", "export", versions[0], "--format", "authors", "-o", str(tmp_path / "out.pt"))
    assert again.exit_code == 1
    assert apex("models", "import", str(tmp_path / "out.pt"), "--promote").stdout.startswith(versions[0])
