import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_core.audio import SEGMENT_SAMPLES, segments
from apex_core.errors import Undecodable

EDGES = st.sampled_from([1, 2, SEGMENT_SAMPLES - 1, SEGMENT_SAMPLES, SEGMENT_SAMPLES + 1, 2 * SEGMENT_SAMPLES])


@given(st.one_of(EDGES, st.integers(1, 3 * SEGMENT_SAMPLES)))
def test_windows_hold_the_song_and_then_zeros(samples: int) -> None:
    wave = np.arange(1, samples + 1, dtype=np.float32)
    windows = segments(wave)
    assert windows.shape == (-(-samples // SEGMENT_SAMPLES), SEGMENT_SAMPLES)
    assert windows.dtype == np.float32
    flat = windows.reshape(-1)
    assert np.array_equal(flat[:samples], wave)
    assert not flat[samples:].any()


def test_a_song_without_samples_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="no samples"):
        segments(np.zeros(0, np.float32))
