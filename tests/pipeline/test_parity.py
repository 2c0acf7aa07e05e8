"""What the pipeline stores of a song equals FACTS §2 said plainly: stock parts, one segment at a time.

Everything here that makes the expected numbers is a restatement, and none of it is the pipeline's own code.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from numpy.typing import NDArray
from safetensors.torch import save_file
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from apex_core.catalog import connect
from apex_core.mert import describe_encoder, read_shard_manifests, song_vectors, tiny
from apex_core.mert.config import MERT_95M, Architecture
from apex_core.pipeline.extract import run_extract
from apex_core.pipeline.run import begin
from apex_core.settings import EncoderSettings, Settings
from tests.audio.songs import scrambled, tone, write, write_ffmpeg
from tests.sql.catalog_rows import AT, add

Vector = NDArray[np.float32]
SEGMENT = 24_000 * 30
FEATURES = Wav2Vec2FeatureExtractor(sampling_rate=24_000, do_normalize=True, return_attention_mask=True)


@dataclass(frozen=True)
class Outcome:
    """What the pipeline made of the songs, by file name: five vectors each, or a reason."""

    encoder_id: str
    vectors: dict[str, dict[str, Vector]]
    reasons: dict[str, str]


# -- FACTS §2, said plainly ------------------------------------------------------------------------------------------


def read(path: Path) -> tuple[NDArray[np.float32], int]:
    """All samples float32[n, channels] as a library reads them, whatever the file is called."""
    try:
        with path.open("rb") as file:
            return soundfile.read(file, dtype="float32", always_2d=True)
    except soundfile.SoundFileError:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            to_float = av.AudioResampler(format="fltp")
            blocks = [part.to_ndarray() for f in container.decode(stream) for part in to_float.resample(f)]
            return np.concatenate(blocks, axis=1).T, stream.rate


def plain_segments(path: Path) -> Iterator[torch.Tensor]:
    samples, rate = read(path)
    wave = torch.from_numpy(samples).mean(dim=1)
    if rate != 24_000:
        wave = torchaudio.functional.resample(wave, rate, 24_000)
    for start in range(0, len(wave), SEGMENT):
        segment = wave[start : start + SEGMENT]
        yield torch.nn.functional.pad(segment, (0, SEGMENT - len(segment)))


def plain_vectors(model: HubertModel, path: Path) -> dict[str, Vector]:
    with torch.random.fork_rng():
        torch.manual_seed(42)
        aggregator = torch.nn.Conv1d(4, 1, kernel_size=1)
    layers: list[torch.Tensor] = []
    mixed: list[torch.Tensor] = []
    with torch.no_grad():
        for segment in plain_segments(path):
            values = FEATURES(segment.numpy(), sampling_rate=24_000, return_tensors="pt")["input_values"]
            states = model(values, output_hidden_states=True).hidden_states
            layers.append(torch.stack([states[index].mean(dim=1) for index in (2, 5, 8, -1)]).squeeze(1))
            mixed.append(aggregator(layers[-1].unsqueeze(0)).squeeze())
    means = torch.stack(layers).mean(dim=0)
    named = dict(zip(("layer_2", "layer_5", "layer_8", "layer_12"), means.numpy(), strict=True))
    return named | {"mixed": torch.stack(mixed).mean(dim=0).numpy()}


def lively(architecture: Architecture) -> dict[str, torch.Tensor]:
    """Random weights under which the vectors depend on the sound, as a fresh model's hardly do."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        state = HubertModel(HubertConfig(**asdict(architecture), mask_time_prob=0.0)).state_dict()
        for name, tensor in state.items():
            if tensor.dim() > 1 and "parametrizations" not in name:
                tensor.normal_(0, 1.4 / float(np.sqrt(tensor[0].numel())))
            elif name.endswith("norm.weight"):
                tensor.normal_(1, 0.1)
            elif name.endswith("bias"):
                tensor.normal_(0, 0.1)
    return state


def write_checkpoint(folder: Path, architecture: Architecture) -> Path:
    """``lively`` weights as the hub has a checkpoint."""
    (folder / "config.json").write_text(json.dumps({"model_type": "mert_model", **asdict(architecture)}))
    (folder / "preprocessor_config.json").write_text('{"do_normalize": true, "sampling_rate": 24000}')
    save_file(lively(architecture), folder / "model.safetensors")
    return folder


def stock(architecture: Architecture, state: dict[str, torch.Tensor]) -> HubertModel:
    model = HubertModel(HubertConfig(**asdict(architecture), mask_time_prob=0.0))
    model.load_state_dict(state)
    return model.eval()


def assert_parity(found: dict[str, Vector], expected: dict[str, Vector]) -> None:
    assert found.keys() == expected.keys()
    for name, vector in expected.items():
        ours, theirs = found[name].astype(np.float64), vector.astype(np.float64)
        assert np.isfinite(ours).all()
        assert np.linalg.norm(ours - theirs) <= 1e-4 * np.linalg.norm(theirs), name
        assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max(), name
        assert ours @ theirs > 0.999999 * np.linalg.norm(ours) * np.linalg.norm(theirs), name


# -- the pipeline ----------------------------------------------------------------------------------------------------


def extract(home: Path, encoder: EncoderSettings, songs: list[Path]) -> Outcome:
    """Embed ``songs`` as a night does: audio known to the catalog, shards, manifests."""
    settings = Settings(home=home, threads=1, encoder=encoder)
    run = begin(settings, "test", AT, "r1")
    names = {hashlib.sha256(path.read_bytes()).hexdigest(): path.name for path in songs}
    assert len(names) == len(songs), "every song is another one"
    with connect(settings, "test") as connection:
        for path, sha256 in zip(songs, names, strict=True):
            add(connection, "track", track_id=path.name)
            add(connection, "audio", track_id=path.name, sha256=sha256, uri=str(path), origin="library", duration_s=1)
    run_extract(run)
    encoder_id, _ = describe_encoder(encoder, settings.cache)
    manifests = list(read_shard_manifests(run.store, encoder_id))
    table = song_vectors(run.store, encoder_id, [manifest.shard_id for manifest in manifests])
    rows = {names[row["sha256"]]: row for row in table.to_pylist()}
    columns = ("layer_2", "layer_5", "layer_8", "layer_12", "mixed")
    return Outcome(
        encoder_id,
        {song: {name: np.asarray(row[name], np.float32) for name in columns} for song, row in rows.items()},
        {names[sha256]: reason for manifest in manifests for sha256, reason in manifest.failed.items()},
    )


# -- songs that are embedded -----------------------------------------------------------------------------------------

Make = Callable[[Path], object]


def wav(frames: int, rate: int = 24_000, channels: int = 1, subtype: str = "PCM_16", level: float = 1.0) -> Make:
    return lambda path: write(path, level * tone(frames, rate, channels), rate, subtype, "WAV")


def encoded(rate: int, channels: int, format: str, subtype: str | None = None) -> Make:
    return lambda path: write(path, tone(3 * rate + 17, rate, channels), rate, subtype, format)


def ffmpeg(rate: int, codec: str, container: str) -> Make:
    return lambda path: write_ffmpeg(path, tone(3 * rate + 17, rate), rate, codec, container)


RATES = (8_000, 11_025, 12_345, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)
EMBEDDED: dict[str, Make] = {
    **{f"{rate}-hz.wav": wav(2 * rate + 1, rate) for rate in RATES},
    "one-sample.wav": wav(1),
    "shorter-than-a-frame.wav": wav(100),
    "one-sample-at-192-khz.wav": wav(1, 192_000),
    "exactly-30-s.wav": wav(SEGMENT),
    "exactly-30-s-at-44-khz.flac": lambda path: write(path, tone(30 * 44_100, 44_100), 44_100),
    "tail-of-one-sample.wav": wav(SEGMENT + 1),
    "silence.wav": wav(48_000, level=0.0),
    "nearly-silence.wav": wav(48_000, subtype="FLOAT", level=1e-6),
    "constant.wav": lambda path: write(path, np.full((48_000, 1), 0.25, np.float32), 24_000),
    "clipped.wav": wav(48_000, subtype="PCM_16", level=20.0),
    "beyond-full-scale.wav": wav(48_000, subtype="FLOAT", level=20.0),
    "one-side.wav": lambda path: write(path, tone(44_100, 44_100) * np.float32([1, 0]), 44_100),
    "opposite-sides.wav": lambda path: write(path, tone(48_000, 24_000, 1) * np.float32([1, -0.99]), 24_000),
    "mono-24-bit.wav": wav(44_100, 44_100, 1, "PCM_24"),
    "surround.wav": wav(96_000, 48_000, 6),
    "surround-double.wav": wav(96_000, 48_000, 6, "DOUBLE"),
    "surround.flac": encoded(48_000, 6, "FLAC"),
    "stereo.mp3": encoded(44_100, 2, "MP3"),
    "mono.mp3": encoded(44_100, 1, "MP3"),
    "48-khz.mp3": encoded(48_000, 2, "MP3"),
    "24-khz.mp3": encoded(24_000, 2, "MP3"),
    "stereo.flac": encoded(44_100, 2, "FLAC"),
    "stereo.ogg": encoded(44_100, 2, "OGG", "VORBIS"),
    "opus.ogg": encoded(48_000, 2, "OGG", "OPUS"),
    "song.m4a": ffmpeg(44_100, "aac", "mp4"),
    "song.aac": ffmpeg(44_100, "aac", "adts"),
    "song.webm": ffmpeg(48_000, "libopus", "webm"),
    "really-a-flac.mp3": encoded(32_000, 2, "FLAC"),
    "really-an-mp3.wav": encoded(32_000, 2, "MP3"),
    "really-an-m4a.ogg": ffmpeg(48_000, "aac", "mp4"),
    "without-extension": encoded(22_050, 2, "WAV"),
}


# -- songs that are not ----------------------------------------------------------------------------------------------


def spoilt(value: float, at: int) -> Make:
    def make(path: Path) -> None:
        samples = tone(48_000, 24_000)
        samples[at, 0] = value
        write(path, samples, 24_000, "FLOAT", "WAV")

    return make


def cut(make: Make, share: float) -> Make:
    def cutting(path: Path) -> None:
        make(path)
        body = path.read_bytes()
        path.write_bytes(body[: int(len(body) * share)])

    return cutting


REFUSED: dict[str, tuple[Make, str]] = {
    "nan.wav": (spoilt(np.nan, 40_000), "samples that are not finite"),
    "inf.wav": (spoilt(np.inf, 3), "samples that are not finite"),
    "truncated.mp3": (cut(encoded(44_100, 2, "MP3"), 0.5), "shorter than its header says"),
    "truncated.flac": (cut(encoded(44_100, 2, "FLAC"), 0.5), ""),
    "truncated.m4a": (cut(ffmpeg(44_100, "aac", "mp4"), 0.5), ""),
    "no-samples.wav": (wav(0), "no samples"),
    "empty.mp3": (Path.touch, "empty file"),
    "words.mp3": (lambda path: path.write_text("not found"), "text instead of audio"),
    "page.mp3": (lambda path: path.write_text("<html>"), "html instead of audio"),
    "noise.mp3": (lambda path: path.write_bytes(np.random.default_rng(3).bytes(60_000)), ""),
}

# -- songs of which either is right ----------------------------------------------------------------------------------

DAMAGED: dict[str, Make] = {
    "truncated.ogg": cut(encoded(44_100, 2, "OGG", "VORBIS"), 0.5),
    "truncated.wav": cut(wav(48_000), 0.5),
    "two-samples-left.wav": cut(wav(48_000), 0.0005),
}
# The plain way gives up on these (torchaudio's filters of a prime rate take 4 GB, and single precision is not enough
# for them), or every decoder patches them in its own way.
GARBLED: dict[str, Make] = {
    "prime-rate.wav": wav(88_197, 44_099),
    "too-loud-to-add.wav": lambda path: write(path, np.full((99, 2), 3e38, np.float32), 24_000, "FLOAT", "WAV"),
    "scrambled.mp3": scrambled,
    "barely-cut.mp3": cut(encoded(44_100, 2, "MP3"), 0.995),
    "truncated.aac": cut(ffmpeg(44_100, "aac", "adts"), 0.5),
    "truncated.webm": cut(ffmpeg(48_000, "libopus", "webm"), 0.5),
}


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parity-songs")
    makes = EMBEDDED | {name: make for name, (make, _) in REFUSED.items()} | DAMAGED | GARBLED
    for name, make in makes.items():
        make(folder / name)
    return {name: folder / name for name in makes}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The tiny model's matrices are too small to share: threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def outcome(songs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All of them at once, decoded in another process, with batches that mix songs; tiny, but all ears."""
    folder = write_checkpoint(tmp_path_factory.mktemp("parity-weights"), tiny.ARCHITECTURE)
    encoder = EncoderSettings(source=str(folder), device="cpu", decode_workers=1)
    return extract(tmp_path_factory.mktemp("parity-home"), encoder, list(songs.values()))


@pytest.fixture(scope="module")
def model() -> HubertModel:
    return stock(tiny.ARCHITECTURE, lively(tiny.ARCHITECTURE))


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_song_is_embedded_as_facts_say(
    name: str, songs: dict[str, Path], outcome: Outcome, model: HubertModel
) -> None:
    assert name in outcome.vectors, outcome.reasons.get(name)
    assert_parity(outcome.vectors[name], plain_vectors(model, songs[name]))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_song_is_refused_with_a_reason(name: str, outcome: Outcome) -> None:
    assert name not in outcome.vectors
    assert outcome.reasons[name]
    assert REFUSED[name][1] in outcome.reasons[name]


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_song_is_embedded_as_it_sounds_or_refused(
    name: str, songs: dict[str, Path], outcome: Outcome, model: HubertModel
) -> None:
    if name in outcome.reasons:
        assert outcome.reasons[name]
    else:
        assert_parity(outcome.vectors[name], plain_vectors(model, songs[name]))


@pytest.mark.parametrize("name", GARBLED)
def test_a_garbled_song_has_finite_vectors_or_a_reason(name: str, outcome: Outcome) -> None:
    vectors = outcome.vectors.get(name, {})
    assert vectors or outcome.reasons[name]
    assert all(np.isfinite(vector).all() for vector in vectors.values())


def test_every_song_has_vectors_or_a_reason(songs: dict[str, Path], outcome: Outcome) -> None:
    assert outcome.vectors.keys() | outcome.reasons.keys() == songs.keys()
    assert not outcome.vectors.keys() & outcome.reasons.keys()


def test_the_tolerance_tells_songs_apart(outcome: Outcome) -> None:
    """Parity within 1e-4 would say nothing if all songs were that near to one another."""
    mixed = {name: vectors["mixed"] for name, vectors in outcome.vectors.items()}
    first, second = mixed["stereo.flac"], mixed["stereo.ogg"]
    assert np.linalg.norm(first - second) > 1e-2 * np.linalg.norm(first), "a lossy codec shows"
    other = mixed["44100-hz.wav"]
    assert np.linalg.norm(first - other) > 1e-2 * np.linalg.norm(first)


# -- the real size ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_model_of_95_million_weights_is_no_exception(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    folder = write_checkpoint(tmp_path / "weights", MERT_95M)
    torch.set_num_threads(2)
    makes: dict[str, Make] = {
        # Of a segment each: the tiny model has shown how segments make a song, and these take minutes.
        "long.mp3": lambda path: write(path, tone(20 * 44_100, 44_100), 44_100),
        "short.wav": wav(16_000, 16_000),
    }
    for name, make in makes.items():
        make(tmp_path / name)
    songs = [tmp_path / name for name in makes]
    encoder = EncoderSettings(source=str(folder), device="cpu", decode_workers=0)
    outcome = extract(tmp_path / "home", encoder, songs)
    model = stock(MERT_95M, lively(MERT_95M))
    for path in songs:
        assert_parity(outcome.vectors[path.name], plain_vectors(model, path))
    long, short = (outcome.vectors[path.name]["mixed"] for path in songs)
    assert np.linalg.norm(long - short) > 1e-2 * np.linalg.norm(long)
