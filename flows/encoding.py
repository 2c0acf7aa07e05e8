"""Where ranges of shards are encoded: in this process, on several devices of this machine, on the machines of the GPU
pool, or on a Ray cluster.

Why it is shaped like this: a range is a task run wherever it is encoded, so that the UI shows all of them in one way,
each with its own progress, and a retry costs one range. On several devices the tasks are threads of this process and
hand their range to an encoder process (``apex_core.pipeline.encoders``): when such a process dies, its range alone is
tried again, while the whole of a process pool would be broken; and what it reports is heard here, in the terminal too.
A range that fails does not stop the others.
"""

import concurrent.futures
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task

from apex_core.errors import ApexError, EncoderDied
from apex_core.pipeline.run import Progress, Run
from apex_core.settings import EncoderSettings, Settings, get_settings
from flows.artifacts import ProgressArtifacts
from flows.session import error_of, passing

if TYPE_CHECKING:
    from apex_core.pipeline.encoders import Encoders
    from apex_core.pipeline.extract import Plan

_TOLD = 3
_EVERY_S = 1.0


def worth_again(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether encoding a range again may help: what was committed of it is not done again."""
    error = error_of(state)
    transient = isinstance(error, EncoderDied) or bool(getattr(error, "transient", False))
    return transient or passing(task, run, state)


@task(
    name="encode",
    retries=1,
    retry_delay_seconds=10,
    retry_condition_fn=worth_again,
    cache_policy=NO_CACHE,
    persist_result=True,
    result_serializer="json",
)
def encode(encoder_id: str, shards: list[str]) -> dict[str, float]:
    """Encode a range of shards in this process, which lets the encoder go afterwards."""
    from apex_core.pipeline.extract import encode_shards

    return encode_shards(get_settings(), encoder_id, shards, ProgressArtifacts())


@task(
    name="encode",
    retries=1,
    retry_delay_seconds=2,
    retry_condition_fn=worth_again,
    cache_policy=NO_CACHE,
    persist_result=True,
    result_serializer="json",
)
def encode_on_device(encoders: "Encoders", encoder_id: str, shards: list[str], part: Progress) -> dict[str, float]:
    """Encode a range of shards in the process of a device that is free."""
    own = ProgressArtifacts(watched=False)

    def progress(what: str, done: int, total: int, detail: str = "", /) -> None:
        own(what, done, total, detail)
        part(what, done, total, detail)

    return encoders.encode(encoder_id, shards, progress)


@task(name="find devices", cache_policy=NO_CACHE, persist_result=False)
def find_devices(settings: EncoderSettings) -> tuple[str, ...]:
    """Which devices there are to encode on; a task, since loading torch to ask it takes seconds."""
    from apex_core.pipeline.encoders import encoder_devices

    return encoder_devices(settings)


def encode_all(run: Run, planned: "Plan") -> ApexError | None:
    """Encode every range of a plan; return what went wrong with some of them, if anything did."""
    try:
        return told(_encode(run, planned)) if planned.shards else None
    except ApexError as error:
        return error


def _encode(run: Run, planned: "Plan") -> Iterator[BaseException]:
    if run.settings.ray.address:
        from flows.ray_cluster import encode_on_cluster

        return encode_on_cluster(run, planned)
    if run.settings.encoder.place == "deployment":
        from flows.gpu_pool import encode_on_pool

        return encode_on_pool(run, planned)
    devices = find_devices(run.settings.encoder)[: len(planned.shards)]
    if len(devices) == 1 and not run.settings.encoder.devices:
        return _here(run, planned)
    return encode_on_devices(run.settings, run.progress, planned, devices)


def _here(run: Run, planned: "Plan") -> Iterator[BaseException]:
    """Range after range: one encoder takes all there is."""
    from apex_core.pipeline.encoders import ranges
    from apex_core.pipeline.extract import show_reached

    cut, started = ranges(run.settings, planned.shards), time.monotonic()
    for shards in cut:
        if len(cut) > 1:  # each range shows how far it is; this is how far they are together
            show_reached(run, planned, time.monotonic() - started)
        state = encode(planned.encoder_id, list(shards), return_state=True)
        if not state.is_completed():
            yield error_of(state)


def encode_on_devices(
    settings: Settings, progress: Progress, planned: "Plan", devices: Sequence[str]
) -> Iterator[BaseException]:
    """As many ranges at a time as there are devices; what went wrong with some."""
    from apex_core.pipeline.encoders import Encoders, ranges

    cut = ranges(settings, planned.shards, len(devices))
    together = Together(progress, planned)
    # Left in this order: once the encoder processes have ended, no thread waits for one.
    with ThreadPoolTaskRunner(len(devices)) as runner, Encoders(settings, devices) as encoders:
        given = {"encoders": encoders, "encoder_id": planned.encoder_id}
        futures = [runner.submit(encode_on_device, {**given, "shards": list(s), "part": together.part(s)}) for s in cut]
        waiting = {future.wrapped_future: future for future in futures}
        while waiting:
            # Not Prefect's wait, which with a time-out leaves a callback on every future, every time.
            ended, _ = concurrent.futures.wait(waiting, timeout=_EVERY_S, return_when="FIRST_COMPLETED")
            together.show()
            for future in map(waiting.pop, ended):
                future.wait()
                if not future.state.is_completed():
                    yield error_of(future.state)


class Together:
    """The progress of parts that go on at the same time, as one."""

    def __init__(self, progress: Progress, planned: "Plan") -> None:
        self._progress, self._planned = progress, planned
        self._songs = {shard_id: songs for shard_id, (songs, _) in zip(planned.shards, planned.sizes, strict=True)}
        self._done: list[int] = []
        self._started = time.monotonic()

    def part(self, shards: Sequence[str]) -> Progress:
        """The progress callback of another part."""
        part, songs = len(self._done), sum(self._songs[shard_id] for shard_id in shards)
        self._done.append(0)

        def progress(what: str, done: int, total: int, detail: str = "", /) -> None:
            # One that is tried again counts only what is left of it, and once more what had not been committed.
            self._done[part] = max(self._done[part], songs - (total - done))

        return progress

    def show(self) -> None:
        """Tell how far all parts are; hours of audio as if all songs were equally long."""
        from apex_core.pipeline.extract_pace import pace_in_words

        done, songs, audio_s = sum(self._done), self._planned.songs, self._planned.audio_s
        seen_s = audio_s * done / songs
        pace = pace_in_words(seen_s, time.monotonic() - self._started, 0.0, 0.0, audio_s - seen_s)
        self._progress("encode", done, songs, pace)


def told(errors: Iterator[BaseException]) -> ApexError | None:
    """All that went wrong, as one error; its text is bounded, however many ranges failed."""
    found = list(errors)
    if not found:
        return None
    messages = list(dict.fromkeys(error.message if isinstance(error, ApexError) else repr(error) for error in found))
    fixes = dict.fromkeys(error.fix for error in found if isinstance(error, ApexError) and error.fix)
    more = f"; and {len(messages) - _TOLD} more" if len(messages) > _TOLD else ""
    return ApexError(
        "; ".join(messages[:_TOLD]) + more,
        fix="; ".join(list(fixes)[:_TOLD]) or "the tasks' logs in Prefect say more; the next run does what is left",
    )
