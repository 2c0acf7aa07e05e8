"""Settings: where values come from, what a wrong one is called, and that secrets stay secret."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from apex_core.errors import SettingsError
from apex_core.settings import Settings, get_settings

SECRET = "tok-3141592653"


@pytest.fixture(autouse=True)
def _a_clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("APEX_CONFIG", raising=False)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def refusal() -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        get_settings()
    assert refused.value.fix
    return refused.value


def test_without_anything_the_defaults_are_those_of_the_documentation() -> None:
    settings = get_settings()
    assert (settings.train.mode, settings.train.loss, settings.train.seed) == ("song", "standardised", 42)
    assert (settings.score.percentile, settings.score.gamma, settings.score.zeros) == ("midrank", 0.5, "zero")
    assert not settings.sources.suno.enabled
    assert not settings.sources.udio.enabled


def test_the_environment_reaches_every_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_HOME", "elsewhere")
    monkeypatch.setenv("APEX_TRAIN__EPOCHS", "20")
    monkeypatch.setenv("APEX_SOURCES__SUNO__ENABLED", "true")
    monkeypatch.setenv("APEX_AUDIO__LIBRARIES", '["music", "s3://bucket/songs"]')
    settings = get_settings()
    assert settings.catalog_path == Path("elsewhere/catalog.duckdb")
    assert settings.store_url == "elsewhere/store"
    assert settings.train.epochs == 20
    assert settings.audio.libraries == ("music", "s3://bucket/songs")
    assert settings.sources.suno.enabled


def test_setting_one_value_leaves_its_neighbours_at_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_SOURCES__SUNO__ENABLED", "true")
    settings = get_settings()
    assert settings.sources.suno.base_url == "https://studio-api.prod.suno.com"
    assert settings.sources.udio.base_url == "https://www.udio.com"
    assert not settings.sources.udio.enabled


def test_the_file_in_the_working_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "apex.toml").write_text('home = "there"\n[score]\ngamma = 0.7\n')
    assert (get_settings().home, get_settings().score.gamma) == (Path("there"), 0.7)


def test_the_named_file_is_read_and_the_other_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apex.toml").write_text('home = "there"\n')
    (tmp_path / "mine.toml").write_text("threads = 3\n")
    monkeypatch.setenv("APEX_CONFIG", str(tmp_path / "mine.toml"))
    assert (get_settings().home, get_settings().threads) == (Path(".apex"), 3)


def test_the_environment_beats_the_file_and_arguments_beat_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apex.toml").write_text("threads = 3\nmemory_limit = '1GB'\n[train]\nepochs = 5\nseed = 5\n")
    monkeypatch.setenv("APEX_THREADS", "4")
    monkeypatch.setenv("APEX_TRAIN__EPOCHS", "6")
    settings = Settings(memory_limit="2GB")
    assert (settings.threads, settings.memory_limit) == (4, "2GB")
    assert (settings.train.epochs, settings.train.seed) == (6, 5)


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("APEX_TRAIN__EPOCHS", "many", "train.epochs"),
        ("APEX_TRAIN__EPOCHS", "0", "train.epochs"),
        ("APEX_TRAIN__EPOCH", "3", "train.epoch"),
        ("APEX_SCORE__PERCENTILE", "median", "score.percentile"),
        ("APEX_SCORE__GAMMA", "-1", "score.gamma"),
        ("APEX_SOURCES__SUNO__ENABLED", "perhaps", "sources.suno.enabled"),
        ("APEX_SOURCES__TIKTOK__ENABLED", "true", "sources.tiktok"),
        ("APEX_AUDIO__LIBRARIES", "not json", "audio"),
        ("APEX_THREADS", "", "threads"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, setting: str) -> None:
    monkeypatch.setenv(name, value)
    assert setting in refusal().message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("thread = 1", "thread"),
        ("[train]\nepoch = 1", "train.epoch"),
        ("[train\nx", "TOML"),
        ("threads = ", "Settings"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "apex.toml").write_text(text)
    error = refusal()
    assert named in error.message or named == "TOML"
    assert "apex.toml" in str(error)


def test_a_named_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_CONFIG", str(tmp_path / "none.toml"))
    assert "none.toml" in refusal().message


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(Exception, match="frozen"):
        get_settings().threads = 3  # type: ignore[misc]
    with pytest.raises(Exception, match="frozen"):
        get_settings().train.epochs = 3  # type: ignore[misc]


def test_settings_travel_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_TRAIN__EPOCHS", "20")
    assert pickle.loads(pickle.dumps(get_settings())) == get_settings()


def test_a_secret_is_read_from_the_environment_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_SOURCES__SUNO__TOKEN", SECRET)
    settings = get_settings()
    token = settings.sources.suno.token
    assert token is not None
    assert token.get_secret_value() == SECRET
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump()), repr(token)):
        assert SECRET not in shown


def test_a_secret_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "apex.toml").write_text(f'[sources.suno]\ntoken = "{SECRET}"\n')
    error = refusal()
    assert "token" in error.message
    assert "APEX_SOURCES__SUNO__TOKEN" in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APEX_SOURCES", f'{{"suno": {{"token": "{SECRET}", "page_size": 0}}}}'),
        ("APEX_SOURCES", f'{{"suno": {{"tokn": "{SECRET}"}}}}'),
        ("APEX_SOURCES", f'{{"suno": {{"token": "{SECRET}"'),
        ("APEX_SOURCES__SUNO", f'{{"token": ["{SECRET}"]}}'),
    ],
)
def test_a_mistake_beside_a_secret_does_not_show_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    error: BaseException | None = refusal()
    while error is not None:
        assert SECRET not in str(error) + repr(error)
        error = error.__cause__


def test_a_published_loss_brings_its_hyper_parameters_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_TRAIN__LOSS", "uncertainty")
    monkeypatch.setenv("APEX_TRAIN__BATCH_SIZE", "64")
    train = get_settings().train
    assert (train.learning_rate, train.weight_decay, train.epochs, train.patience) == (1e-4, 1e-4, 50, 20)
    assert train.batch_size == 64


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ('others = {songeval = ["x.json"]}', "songeval is the labeller of files"),
        ('train_on = ["expert"]\nothers = {experts = ["x.json"]}', "train_on names expert, who is neither"),
        ('train_on = ["songeval", "songeval"]', "names a labeller twice"),
        ('labeller = "two words"', "no name of a labeller"),
    ],
)
def test_labellers_must_be_told_apart(tmp_path: Path, files: str, message: str) -> None:
    (tmp_path / "apex.toml").write_text(f"[aesthetics]\n{files}\n")
    assert message in str(refusal())


def test_labels_train_that_are_named_and_else_the_labeller_s(tmp_path: Path) -> None:
    assert get_settings().aesthetics.trained_on == ("songeval",)
    get_settings.cache_clear()
    (tmp_path / "apex.toml").write_text(
        '[aesthetics]\nfiles = ["a.json"]\ntrain_on = ["experts", "songeval"]\nothers = {experts = ["b.json"]}\n'
    )
    found = get_settings().aesthetics
    assert found.trained_on == ("experts", "songeval")
    assert found.by_labeller == {"songeval": ("a.json",), "experts": ("b.json",)}
