"""Files of others are listed page by page and read where they are."""

from pathlib import Path

import pytest

from apex_core.errors import NotFound, StorageError
from apex_core.storage import Store, list_s3, local_file


def test_a_prefix_is_listed_whole_and_alone(s3_url: str) -> None:
    fs = Store.open(s3_url).fs
    names = [f"{number:04}.mp3" for number in range(1001)]  # more than one answer holds
    for name in names:
        fs.pipe_file(f"{s3_url}/songs/{name}", b"x" * (1 + len(name)))
    fs.pipe_file(f"{s3_url}/songs-of-others/a.mp3", b"x")
    found = list(list_s3(f"{s3_url}/songs/"))
    assert [file.uri for file in found] == [f"{s3_url}/songs/{name}" for name in names]
    assert {file.bytes for file in found} == {9}
    assert len({file.stamp for file in found}) == 1, "equal bytes have equal ETags"


def test_nothing_under_a_prefix_is_no_fault(s3_url: str) -> None:
    assert list(list_s3(f"{s3_url}/none")) == []


def test_a_bucket_that_cannot_be_listed_is_a_fault(s3_endpoint: str) -> None:
    with pytest.raises(StorageError, match="no such bucket"):
        list(list_s3("s3://apex-no-bucket/songs"))


@pytest.mark.parametrize("name", ["plain.mp3", "with space é #%?&[1]*.mp3", "a." + "長" * 82 + ".mp3"])
def test_an_object_of_any_name_is_had_as_a_file(s3_url: str, name: str) -> None:
    Store.open(s3_url).fs.pipe_file(f"{s3_url}/{name}", b"song")
    with local_file(f"{s3_url}/{name}") as path:
        assert path.read_bytes() == b"song"
    assert not path.exists()


def test_a_local_file_is_itself(tmp_path: Path) -> None:
    with local_file(str(tmp_path / "a.mp3")) as path:
        assert path == tmp_path / "a.mp3"


def test_an_object_that_is_gone_is_named(s3_url: str) -> None:
    with pytest.raises(NotFound, match=r"none\.mp3"), local_file(f"{s3_url}/none.mp3"):
        pass
