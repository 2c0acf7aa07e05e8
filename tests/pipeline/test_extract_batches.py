"""Songs of a shard in batches: whatever their lengths, each gets the vectors it would get alone, or its own reason."""

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from apex_core.audio import AudioRef
from apex_core.errors import EncoderError, NonFiniteOutput
from apex_core.pipeline.extract_batches import NOT_FINITE, Batches, Encoded, refuse_dead_encoder
from apex_core.pipeline.extract_pace import Pace
from apex_core.pipeline.extract_plan import PlannedSong

NAN_VECTOR, REFUSED = -1.0, -2.0


@dataclass
class Echo:
    """Stands in for an encoder: the vector of a segment is its first sample. Two samples it cannot stand."""

    batch_segments: int
    sizes: list[int] = field(default_factory=list[int])

    def encode(self, segments: NDArray[np.float32]) -> NDArray[np.float32]:
        said = segments[:, 0]
        if (said == REFUSED).any():
            raise EncoderError("not for me")
        if (said == NAN_VECTOR).any():
            raise NonFiniteOutput("bad", segments=tuple(map(int, np.flatnonzero(said == NAN_VECTOR))))
        self.sizes.append(len(segments))
        return np.broadcast_to(said[:, None, None], (len(segments), 4, 3)).copy()


def encoded(encoder: Echo, waves: list[list[float]]) -> list[Encoded]:
    songs = [Encoded(PlannedSong(AudioRef(f"{n}", "u", "library"), 1.0)) for n, _ in enumerate(waves)]
    batches = Batches(cast(Any, encoder), Pace())
    for song, wave in zip(songs, waves, strict=True):
        batches.add(song, np.array(wave, np.float32)[:, None])
    batches.finish()
    return songs


WAVES = st.lists(st.lists(st.integers(-2, 9).map(float), min_size=1, max_size=6), max_size=12)


@given(WAVES, st.integers(1, 7))
def test_a_song_gets_its_own_vectors_or_its_own_reason(waves: list[list[float]], batch: int) -> None:
    for song, wave in zip(encoded(Echo(batch), waves), waves, strict=True):
        row = song.row()
        if REFUSED in wave or NAN_VECTOR in wave:
            assert row.layer_means is None
            assert row.reason in (NOT_FINITE, "not for me")
        else:
            assert row.reason is None
            assert row.layer_means is not None
            assert row.layer_means[:, 0, 0].tolist() == wave


@given(WAVES.map(lambda waves: [[abs(x) for x in wave] for wave in waves]), st.integers(1, 7))
def test_every_batch_but_the_last_is_full(waves: list[list[float]], batch: int) -> None:
    encoder = Echo(batch)
    encoded(encoder, waves)
    assert sum(encoder.sizes) == sum(map(len, waves))
    assert set(encoder.sizes[:-1]) <= {batch}


def test_an_encoder_that_makes_nothing_of_most_songs_is_no_verdict_on_them() -> None:
    refuse_dead_encoder(encoded(Echo(2), [[NAN_VECTOR], [1.0], [2.0]]))
    refuse_dead_encoder(encoded(Echo(2), [[NAN_VECTOR]]))
    with pytest.raises(EncoderError, match="3 of 4 songs"):
        refuse_dead_encoder(encoded(Echo(2), [[NAN_VECTOR], [NAN_VECTOR], [REFUSED], [2.0]]))
