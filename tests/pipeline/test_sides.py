import polars as pl
import pytest

from apex_core.errors import TrainingError
from apex_core.pipeline.sides import check_sides, moved_since


def rows(*songs: tuple[str, str, str, str, str]) -> pl.DataFrame:
    """Track, group, root, recording, side."""
    frame = pl.DataFrame(songs, schema=["track_id", "group_id", "root_id", "sha256", "split"], orient="row")
    return frame.with_columns(platform=pl.lit("suno"))


WHOLE = rows(
    ("a", "g1", "r1", "s1", "train"),
    ("b", "g1", "r2", "s2", "train"),
    ("c", "g2", "r3", "s3", "val"),
    ("d", "g3", "r4", "s4", "test"),
    ("e", "g4", "r4", "s5", "test"),
)


def test_a_set_whose_relatives_stand_together_passes() -> None:
    check_sides(WHOLE)


@pytest.mark.parametrize(
    ("column", "shared", "said"),
    [("group_id", "g1", "group"), ("root_id", "r1", "root"), ("sha256", "s1", "recording")],
)
def test_what_belongs_together_on_two_sides_is_refused_by_name(column: str, shared: str, said: str) -> None:
    torn = WHOLE.with_columns(pl.when(pl.col("track_id") == "d").then(pl.lit(shared)).otherwise(column).alias(column))
    with pytest.raises(TrainingError, match=rf"1 of the training set's {said}s.*suno/a \(train\).*suno/d \(test\)"):
        check_sides(torn)


def test_many_names_are_cut_short() -> None:
    many = rows(*((f"t{n}", "g", f"r{n}", f"s{n}", "test" if n else "train") for n in range(9)))
    with pytest.raises(TrainingError, match="and 4 more"):
        check_sides(many)


def test_who_was_on_another_side_before_is_found() -> None:
    before = WHOLE.with_columns(
        pl.when(pl.col("track_id").is_in(["d", "c"])).then(pl.lit("train")).otherwise("split").alias("split")
    )
    assert moved_since(WHOLE, [WHOLE, before])["track_id"].to_list() == ["c", "d"]
    assert moved_since(WHOLE, [WHOLE]).is_empty()
    assert moved_since(WHOLE, []).is_empty()
    assert moved_since(WHOLE, [before.with_columns(platform=pl.lit("udio"))]).is_empty()
