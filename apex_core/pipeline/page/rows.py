"""The rows the page is made of, one class a statement in ``sql/statements/page``; columns in the statement's order."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """The catalog in numbers."""

    tracks: int
    scored: int
    embedded: int
    predicted: int
    rejects: int
    champion: str | None
    champion_since: datetime | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What has come since the previous score run."""

    tracks: int
    embedded: int
    rejects: int
    resolved: int


@dataclass(frozen=True, slots=True)
class ScoreRun:
    """A score run; ``definition`` is JSON."""

    score_run_id: str
    as_of: datetime
    tracks: int
    definition: str


@dataclass(frozen=True, slots=True)
class Stat:
    """What a stage of a run counted."""

    run_id: str
    stage: str
    measure: str
    value: float


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found at one moment of a run."""

    moment: str
    name: str
    severity: str
    verdict: str
    violations: int
    first: str | None


@dataclass(frozen=True, slots=True)
class Covered:
    """A platform and stage: tracks that got there, and those that did not."""

    platform: str
    stage: str
    tracks: int
    missing: int
    main_reason: str | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Tracks of a platform whose ``measure`` (streams or likes) falls into a bin."""

    platform: str
    measure: str
    bin: int
    tracks: int


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A platform's counts and scores of one measure."""

    platform: str
    measure: str
    tracks: int
    zeros: int
    count_25: int
    count_50: int
    count_75: int
    count_99: int
    count_max: int
    score_mean: float | None
    score_25: float | None
    score_50: float | None
    score_75: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """Tracks of a platform with these two scores, in bins of 5 points."""

    platform: str
    streams_bin: int
    likes_bin: int
    tracks: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlation of plays and likes; None where either is constant."""

    platform: str
    tracks: int
    spearman: float | None


@dataclass(frozen=True, slots=True)
class CohortMoves:
    """How the scores of a cohort moved from the previous to the current score run, in points."""

    cohort: str
    measure: str
    stayed: int
    come: int
    gone: int
    moved: int
    mean_move: float | None
    move_05: float | None
    move_95: float | None


@dataclass(frozen=True, slots=True)
class Gained:
    """Plays and likes gained, on the day they were seen."""

    platform: str
    day: date
    plays: int
    likes: int


@dataclass(frozen=True, slots=True)
class Mover:
    """A track whose score moved far."""

    platform: str
    track_id: str
    title: str | None
    measure: str
    was_count: int | None
    count: int | None
    was_score: float
    score: float
    move: float


@dataclass(frozen=True, slots=True)
class Residual:
    """A track that is played more or less than its audio promises."""

    platform: str
    track_id: str
    title: str | None
    split: str
    plays: int | None
    score: float
    predicted: float
    residual: float


@dataclass(frozen=True, slots=True)
class Rejects:
    """Open rejects of a source, stage and reason; ``fresh``: since the previous score run."""

    source: str
    stage: str
    reason: str
    records: int
    fresh: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Daily:
    """A number a day."""

    day: date
    records: int


@dataclass(frozen=True, slots=True)
class Model:
    """A published version."""

    version: str
    condition: str
    created_at: datetime
    decision: str | None
    reason: str | None
    streams_spearman: float | None
    likes_spearman: float | None
    test_tracks: int | None
    is_champion: bool


@dataclass(frozen=True, slots=True)
class Metric:
    """A version's figures on its test tracks."""

    version: str
    target: str
    tracks: int | None
    spearman: float | None
    mae: float | None


@dataclass(frozen=True, slots=True)
class Target:
    """A target of the champion: Spearman and the like on its test tracks with the ends of their intervals."""

    target: str
    tracks: int | None
    spearman: float | None
    spearman_low: float | None
    spearman_high: float | None
    ridge: float | None
    ridge_low: float | None
    ridge_high: float | None
    duration_age: float | None
    gain_low: float | None
    gain_high: float | None
    pairwise: float | None
    mae: float | None
    calibration_error: float | None
    newer: float | None


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the test tracks, by predicted score: mean predicted and mean true score."""

    measure: str
    decile: int
    tracks: int
    predicted: float
    score: float


@dataclass(frozen=True, slots=True)
class Encoder:
    """Where vectors come from."""

    encoder_id: str
    source: str
