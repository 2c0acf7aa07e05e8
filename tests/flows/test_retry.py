"""What a run leaves undone: told by id, with a state that is not green, and done by the command that it names."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from apex_core.catalog import connect
from apex_core.errors import ApexError
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings, get_settings
from flows.cli import app
from flows.encoding import encode
from flows.ingest import ingest
from flows.local_server import LocalServer
from flows.retry import check_ids, retry
from flows.session import Partly
from tests.flows.conftest import environment, variables
from tests.flows.pages import page, post


@pytest.mark.parametrize(
    ("stage", "ids"), [("audio", ["suno"]), ("audio", ["elsewhere/x"]), ("ingest", ["suno/x"]), ("report", ["x"])]
)
def test_ids_that_a_stage_does_not_have_are_refused_at_once(stage: str, ids: list[str]) -> None:
    with pytest.raises(ApexError, match=f"The stage {stage} has no") as raised:
        check_ids(stage, ids)
    assert raised.value.fix


@pytest.fixture
def settings(tmp_path: Path, world: World) -> Iterator[Settings]:
    """A platform of the test's own, two of whose songs cannot be downloaded at first; it has been ingested."""
    with SandboxServer(world) as platform, environment(variables(tmp_path / "home", world, platform)) as read:
        yield read


@pytest.mark.slow
def test_what_is_left_undone_is_named_and_done_by_the_command_that_is_named(
    settings: Settings, world: World, prefect_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(as_of=world.epoch, look_again=False)
    monkeypatch.setenv("APEX_HTTP__RETRIES", "0")
    get_settings.cache_clear()
    with pytest.raises(Partly, match="audio left 2 undone") as raised:
        retry("audio")
    written = page(prefect_server, "retry")
    command = commands(written)[0]
    left = shlex.split(command)[3:]
    assert command == raised.value.fix
    assert len(left) == 2
    assert all(f"| audio | {name} | temporary: " in written for name in left)
    assert newest(prefect_server, "task_runs", "audio") == ("Partial", "FAILED")
    assert newest(prefect_server, "flow_runs", flow="retry") == ("Partial", "FAILED")
    assert run_states() == [("ingest", "completed"), ("retry", "partial")]
    assert states(left) == {"unavailable"}

    before = others_than(left)
    assert CliRunner().invoke(app, shlex.split(command)[1:]).exit_code == 0
    assert states(left) == {"available"}
    assert others_than(left) == before, "nothing else was tried"
    assert newest(prefect_server, "flow_runs", flow="retry") == ("Completed", "COMPLETED")


@pytest.mark.slow
def test_shards_that_failed_are_encoded_by_the_command_that_is_named(
    settings: Settings, world: World, prefect_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(as_of=world.epoch, look_again=False, fetch_audio=True)
    monkeypatch.setattr(encode, "retries", 0)  # it would wait for seconds
    embeddings = Path(settings.store_url) / "embeddings"
    embeddings.write_text("a file where a folder has to be")
    with pytest.raises(Partly, match="shards were not encoded") as raised:
        retry("extract")
    assert newest(prefect_server, "flow_runs", flow="extract") == ("Partial", "FAILED")
    embeddings.unlink()
    [command] = commands(page(prefect_server, "retry"))
    assert command in str(raised.value)
    shard = shlex.split(command)[3]
    retry("extract", [shard])
    with connect(settings, "test") as connection:
        assert connection.execute("SELECT shard_id, songs FROM embedding_shard").fetchall() == [(shard, 8)]


def commands(written: str) -> list[str]:
    """What the page says to type."""
    return re.findall(r"`(apex retry [^`]*)`", written)


def newest(server: LocalServer, kind: str, name: str = "", flow: str = "") -> tuple[str, str]:
    """State name and type of the newest run with a name that begins so, or of a flow."""
    asked = {"flows": {"name": {"any_": [flow]}}} if flow else {}
    found = post(server, f"{kind}/filter", {"sort": "EXPECTED_START_TIME_DESC", **asked})
    run = next(run for run in found if run["name"].startswith(name))
    return run["state_name"], run["state_type"]


def run_states() -> list[tuple[str, str]]:
    with connect(get_settings(), "test") as connection:
        return connection.execute("SELECT flow, state FROM run ORDER BY token").fetchall()


def states(tracks: list[str]) -> set[str]:
    return {state for name, state, _ in audio_rows() if name in tracks}


def others_than(but: list[str]) -> list[tuple[str, str, int]]:
    """The audio of all other tracks."""
    return [row for row in audio_rows() if row[0] not in but]


def audio_rows() -> list[tuple[str, str, int]]:
    with connect(get_settings(), "test") as connection:
        asked = "SELECT platform || '/' || track_id, state, epoch_us(checked_at) FROM audio ORDER BY 1"
        return connection.execute(asked).fetchall()
