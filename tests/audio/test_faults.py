"""What is wrong with a song reads the same on the other side of a process border."""

import pickle

import pytest

from apex_core.errors import AudioError, TooLarge, Unavailable, Undecodable


@pytest.mark.parametrize("kind", [AudioError, Unavailable, Undecodable, TooLarge])
@pytest.mark.parametrize("transient", [True, False])
def test_a_fault_survives_pickling(kind: type[AudioError], transient: bool) -> None:
    fault = pickle.loads(pickle.dumps(kind("cut", fix="fetch again", transient=transient)))
    assert (type(fault), fault.message, fault.fix, fault.transient) == (kind, "cut", "fetch again", transient)


def test_a_fault_is_the_songs_unless_it_says_otherwise() -> None:
    assert not Unavailable("not there").transient
