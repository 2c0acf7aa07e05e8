"""Decide, from the settings alone, everything there will be: who, what, when, and what goes wrong."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from apex_core.sandbox import attributes, crowd, words
from apex_core.sandbox.song import EPOCH, Codec, Creator, Fate, Song, Sound, Vintage
from apex_core.settings import PLATFORMS, Platform, SandboxSettings

FORMAT = 4  # raise it when a change alters audio or records: ids, and with them file names, follow
SPARES = 4
SUNO_SHARE = 0.65
LINEAGE_SHARE = 0.18
SPREAD_DAYS = 120.0
VANISHES_AT = EPOCH + timedelta(hours=36)

MALFORMED: tuple[Fate, ...] = ("no_id", "bad_id", "negative_count", "garbage_count", "garbage_created_at")
SKIPPED: dict[Platform, tuple[Fate, ...]] = {
    "suno": ("private", "trashed", "submitted", "streaming", "error", "preview", "stem"),
    "udio": ("unfinished", "error"),
}
NON_SONGS: dict[Platform, tuple[Fate, ...]] = {"suno": ("playlist",), "udio": ()}
SILENT: dict[Platform, tuple[Sound, ...]] = {
    "suno": ("forbidden", "none_mp3", "http_403", "html", "truncated", "empty"),
    "udio": ("http_403", "html", "truncated", "empty"),
}
_VINTAGES: dict[Platform, dict[Vintage, float]] = {
    "suno": {
        "2024_nulls": 0.16,
        "2024_omitted": 0.16,
        "2026_full": 0.32,
        "2026_medium": 0.16,
        "2026_slim": 0.2,
    },
    "udio": {"31_keys": 0.75, "early_drift": 0.25},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Every item, by what is to become of it."""

    songs: tuple[Song, ...]  # complete, with audio
    unavailable: tuple[Song, ...]  # complete, counted and scored, but without usable audio
    vanishing: tuple[Song, ...]  # complete, with audio, gone from VANISHES_AT on
    oddities: tuple[Song, ...]  # skipped, rejected or not songs at all
    duplicates: tuple[Song, ...]  # listed a second time, some rows later
    spares: tuple[Song, ...]  # like songs, but not listed until released

    @property
    def tracks(self) -> tuple[Song, ...]:
        """What a reader should hold as tracks at the epoch."""
        return self.songs + self.unavailable + self.vanishing


class _Planner:
    """Draws items one after the other from one generator, so that a seed means one world."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        size = (settings.songs, settings.min_seconds, settings.max_seconds)
        self._namespace = uuid.uuid5(uuid.NAMESPACE_URL, f"apex-sandbox/{FORMAT}/{settings.seed}/{size}")
        self._rng = np.random.default_rng(self._namespace.int)
        self._made = 0
        self._creators = {platform: self._draw_creators(platform) for platform in PLATFORMS}

    def _id(self, kind: str) -> str:
        self._made += 1
        return str(uuid.uuid5(self._namespace, f"{kind}/{self._made}"))

    def _draw_creators(self, platform: Platform) -> list[Creator]:
        share = SUNO_SHARE if platform == "suno" else 1 - SUNO_SHARE
        number = max(2, round(self._settings.songs * share / 5))
        return [Creator(self._id("creator"), words.handle(self._rng), float(self._rng.normal())) for _ in range(number)]

    def item(self, platform: Platform, fate: Fate = "song", sound: Sound = "file") -> Song:
        """Draw a fresh item."""
        rng = self._rng
        made_of = attributes.draw(rng)
        creators = self._creators[platform]
        return Song(
            platform=platform,
            track_id=self._id("track"),
            title=words.title(rng),
            tags=words.tags(made_of),
            # Squared: a few creators publish much, most publish little.
            creator=creators[int(len(creators) * rng.random() ** 2)],
            created_at=self._moment(EPOCH - timedelta(days=SPREAD_DAYS)),
            vintage=self._vintage(platform),
            attributes=made_of,
            seconds=round(float(rng.uniform(self._settings.min_seconds, self._settings.max_seconds)), 2),
            rate=44_100 if rng.random() < 0.7 else 48_000,
            # A cut flac is refused in silence; libmpg123 would talk about a cut mp3 on stderr.
            codec="flac" if sound == "truncated" else self._codec(),
            seed=int(rng.integers(2**31)),
            fate=fate,
            sound=sound,
        )

    def _moment(self, earliest: datetime) -> datetime:
        moment = earliest + (EPOCH - earliest) * float(self._rng.random())
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def _vintage(self, platform: Platform) -> Vintage:
        shares = _VINTAGES[platform]
        return list(shares)[int(self._rng.choice(len(shares), p=list(shares.values())))]

    def _codec(self) -> Codec:
        return "flac" if self._rng.random() < 0.3 else "mp3"

    def child(self, parent: Song) -> Song:
        """Draw an edit (same creator) or a cover (another one) of a song."""
        song = self.item(parent.platform)
        edit = self._rng.random() < 0.6
        made_of = attributes.vary(parent.attributes, self._rng)
        return replace(
            song,
            title=parent.title,
            tags=parent.tags,
            creator=parent.creator if edit else song.creator,
            created_at=self._moment(parent.created_at),
            vintage="early_drift" if parent.platform == "udio" else "2026_slim" if edit else song.vintage,
            attributes=made_of,
            root_id=parent.track_id,
            lineage="edit" if edit else "cover",
        )

    def songs(self) -> list[Song]:
        """Draw the songs proper, roots first, then edits and covers of them."""
        drawn: list[Song] = []
        for platform, number in zip(PLATFORMS, self._split(self._settings.songs), strict=True):
            roots = [self.item(platform) for _ in range(number - round(LINEAGE_SHARE * number))]
            parents = self._rng.integers(len(roots), size=number - len(roots))
            drawn += roots + [self.child(roots[parent]) for parent in parents]
        return _share_an_id(drawn)

    @staticmethod
    def _split(songs: int) -> tuple[int, int]:
        suno = round(SUNO_SHARE * songs)
        return suno, songs - suno


def _share_an_id(songs: list[Song]) -> list[Song]:
    """Give one Udio song the id of a Suno song: ids repeat across platforms."""
    suno = next(song for song in songs if song.platform == "suno")
    parents = {song.root_id for song in songs}
    place = max(place for place, song in enumerate(songs) if song.platform == "udio" and song.track_id not in parents)
    return [*songs[:place], replace(songs[place], track_id=suno.track_id), *songs[place + 1 :]]


def _with_falls(songs: Sequence[Song]) -> tuple[Song, ...]:
    """Let about 4 % of the songs with a noticeable, settled count be corrected downwards."""
    settled = [song for song in songs if crowd.counts(song, EPOCH).plays >= 60 and (EPOCH - song.created_at).days > 30]
    chosen = {song.key for song in settled[:: max(1, len(settled) // max(1, len(songs) // 25))]}
    return tuple(replace(song, falls=song.key in chosen) for song in songs)


def plan(settings: SandboxSettings) -> Plan:
    """Plan a world; the same seed, number of songs and lengths give the same plan."""
    planner = _Planner(settings)
    songs = _with_falls(planner.songs())
    each = 1 + settings.songs // 500  # how many of every oddity
    oddities = {platform: SKIPPED[platform] + NON_SONGS[platform] + MALFORMED for platform in PLATFORMS}
    return Plan(
        songs=songs,
        unavailable=tuple(
            planner.item(platform, sound=sound) for platform in PLATFORMS for sound in SILENT[platform] * each
        ),
        vanishing=tuple(
            replace(planner.item(platform), deleted_at=VANISHES_AT) for platform in PLATFORMS for _ in range(each)
        ),
        oddities=tuple(
            replace(planner.item(platform, fate=fate, sound="absent"), root_id=_source(fate, songs))
            for platform in PLATFORMS
            for fate in oddities[platform] * each
        ),
        duplicates=tuple(
            song for platform in PLATFORMS for song in _newest(songs, platform, 1 + settings.songs // 100)
        ),
        spares=tuple(planner.item(PLATFORMS[n % 2]) for n in range(SPARES)),
    )


def _source(fate: Fate, songs: Sequence[Song]) -> str | None:
    """A stem was split off a song."""
    return songs[0].track_id if fate == "stem" else None


def _newest(songs: Sequence[Song], platform: Platform, number: int) -> list[Song]:
    mine = [song for song in songs if song.platform == platform]
    return sorted(mine, key=lambda song: song.created_at, reverse=True)[:number]
