import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from apex_core.errors import AlreadyExists, ArtifactError
from apex_core.registry import (
    AliasRecord,
    alias_history,
    before,
    list_aliases,
    resolve_alias,
    set_alias,
)
from apex_core.storage import Store

from .conftest import AS_OF


def _set(store: Store, version: str, after: int | None = None) -> AliasRecord:
    return set_alias(store, "champion", version, "better", "nightly", AS_OF, after=after)


def test_the_newest_record_is_in_force_and_the_older_ones_stay(store: Store, versions: list[str]) -> None:
    assert resolve_alias(store, "champion") is None
    records = [_set(store, version) for version in versions]
    assert resolve_alias(store, "champion") == records[-1]
    assert alias_history(store, "champion") == tuple(records)
    assert [(r.n, r.previous) for r in records] == [(1, None), (2, 1), (3, 2)]
    assert records[0].set_at == "2026-11-22T03:00:00+00:00"


def test_ten_comes_after_nine(store: Store, versions: list[str]) -> None:
    for n in range(11):
        _set(store, versions[n % 2])
    newest = resolve_alias(store, "champion")
    assert newest is not None
    assert newest.n == 11


def test_setting_what_is_in_force_changes_nothing(store: Store, versions: list[str]) -> None:
    first = _set(store, versions[0])
    assert set_alias(store, "champion", versions[0], "again", "somebody", AS_OF) == first
    assert len(alias_history(store, "champion")) == 1


def test_a_decision_based_on_an_older_record_loses(store: Store, versions: list[str]) -> None:
    _set(store, versions[0], after=0)
    _set(store, versions[1], after=1)
    with pytest.raises(AlreadyExists, match="Record 2 of alias champion"):
        _set(store, versions[2], after=1)
    with pytest.raises(ArtifactError, match="none is number 7"):
        _set(store, versions[2], after=7)


def test_one_of_many_racers_wins_and_the_others_are_told(store: Store, versions: list[str]) -> None:
    start = threading.Barrier(8)

    def race(n: int) -> AliasRecord | None:
        start.wait()
        try:
            return _set(store, versions[n % 3], after=0)
        except AlreadyExists:
            return None

    with ThreadPoolExecutor(8) as pool:
        results = [record for record in pool.map(race, range(8)) if record is not None]
    assert {record.n for record in results} == {1}
    assert len(alias_history(store, "champion")) == 1
    assert set(results) == {resolve_alias(store, "champion")}


def test_racers_without_a_base_never_lose_a_record(store: Store, versions: list[str]) -> None:
    start = threading.Barrier(6)

    def race(n: int) -> bool:
        start.wait()
        try:
            _set(store, versions[n % 3])
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert any(pool.map(race, range(6)))
    history = alias_history(store, "champion")
    assert [record.n for record in history] == list(range(1, len(history) + 1))


def test_an_alias_names_published_versions_only(store: Store) -> None:
    with pytest.raises(ArtifactError, match="not published"):
        _set(store, "v20261122-00000000")


@pytest.mark.parametrize("alias", ["", "../x", "Champion", "a/b", "1st"])
def test_only_an_alias_s_name_becomes_a_path(store: Store, versions: list[str], alias: str) -> None:
    with pytest.raises(ArtifactError, match="not an alias"):
        set_alias(store, alias, versions[0], "", "", AS_OF)


def test_aliases_are_listed_with_what_is_in_force(store: Store, versions: list[str]) -> None:
    assert list_aliases(store) == {}
    _set(store, versions[0])
    _set(store, versions[1])
    set_alias(store, "staging", versions[2], "", "", AS_OF)
    assert {name: record.version for name, record in list_aliases(store).items()} == {
        "champion": versions[1],
        "staging": versions[2],
    }


def _back(store: Store) -> AliasRecord:
    history = alias_history(store, "champion")
    to = before(history)
    assert to is not None
    return set_alias(store, "champion", to.version, "", "", AS_OF, after=history[-1].n, restores=to.n)


def test_a_rollback_is_a_new_record_of_the_version_before(store: Store, versions: list[str]) -> None:
    for version in versions:
        _set(store, version)
    record = _back(store)
    assert (record.n, record.version, record.previous, record.restores) == (4, versions[1], 3, 2)


def test_two_rollbacks_in_a_row_go_back_two_versions(store: Store, versions: list[str]) -> None:
    for version in versions:
        _set(store, version)
    told = [_back(store).version for _ in range(2)]
    assert told == [versions[1], versions[0]]
    assert before(alias_history(store, "champion")) is None
    _set(store, versions[2])
    assert _back(store).version == versions[0]


def test_a_record_of_an_earlier_apex_can_be_read(store: Store, versions: list[str]) -> None:
    record = {"alias": "champion", "n": 1, "version": versions[0], "reason": "", "set_by": "", "set_at": ""}
    store.put_json("models/aliases/champion/1.json", {**record, "previous": None})
    assert resolve_alias(store, "champion") == AliasRecord(**record, previous=None)  # pyright: ignore[reportArgumentType]


def test_without_another_version_there_is_nothing_to_go_back_to(store: Store, versions: list[str]) -> None:
    assert before(alias_history(store, "champion")) is None
    _set(store, versions[0])
    assert before(alias_history(store, "champion")) is None


def test_a_record_that_cannot_be_read_is_an_error(store: Store) -> None:
    store.put_json("models/aliases/champion/1.json", {"version": "x"})
    with pytest.raises(ArtifactError, match="not an alias record"):
        resolve_alias(store, "champion")
