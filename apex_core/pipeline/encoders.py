"""Our end of the encoder processes: one a device, each started when it is first needed and again when it has died."""

import contextlib
import json
import logging
import os
import queue
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import IO, Any, Self, cast

from apex_core import errors
from apex_core.audio.last_words import LastWords
from apex_core.errors import ApexError, EncoderDied, EncoderError, ShardsFailed
from apex_core.lifeline import start_child
from apex_core.pipeline.run import Progress, no_progress
from apex_core.settings import EncoderSettings, Settings

Facts = dict[str, float]

_logger = logging.getLogger("apex_core.pipeline")
_PATIENCE_S = 5.0
# What an encoder process has to know; it needs no secret but those of the environment.
_TOLD = {"home", "store", "audio", "encoder"}


def encoder_devices(settings: EncoderSettings) -> tuple[str, ...]:
    """The devices to encode on: those that are named, else every CUDA device, else the one there is."""
    if settings.devices or settings.device != "auto":
        return settings.devices or (settings.device,)
    import torch

    return tuple(f"cuda:{index}" for index in range(torch.cuda.device_count())) or ("auto",)


def ranges(
    settings: Settings, shards: Sequence[str], encoders: int = 1, about: int | None = None
) -> list[tuple[str, ...]]:
    """Contiguous ranges of shards, one a task, all about as long: ``range_shards`` unless ``about`` is given, or less
    where some of so many ``encoders`` would have nothing to do, or more where there would be more than ``max_tasks``.
    """
    wanted = max(-(-len(shards) // (about or settings.encoder.range_shards)), min(encoders, len(shards)))
    count = min(wanted, settings.encoder.max_tasks)
    edges = [len(shards) * n // count for n in range(count + 1)] if count else []
    return [tuple(shards[start:end]) for start, end in pairwise(edges)]


class Encoders:
    """An encoder process on each of ``devices``; for as many threads as there are of them.

    They end with the context, or with this process, however it ends.
    """

    def __init__(self, settings: Settings, devices: Sequence[str]) -> None:
        self._posts = [_Post(settings, device, len(devices)) for device in devices]
        self._retiring = threading.Lock()
        self._free = queue.SimpleQueue[_Post]()
        for post in self._posts:
            self._free.put(post)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for post in self._posts:
            post.close()

    def encode(self, encoder_id: str, shards: Sequence[str], progress: Progress = no_progress) -> Facts:
        """Encode a range of shards on a free device, waiting for one; facts and errors as of ``encode_shards``.

        A device that has no encoder to offer is used no more while there are others, which take its range: else it
        would fail one range after another while they are at work.
        Raises EncoderDied when the process ended before the range did; the next range has a new one.
        """
        while True:
            post = self._free.get()
            try:
                return post.encode(encoder_id, shards, progress)
            except EncoderError as error:
                if isinstance(error, EncoderDied | ShardsFailed) or not self._retire(post):
                    raise
                _logger.error("The device %s is used no more: %s", post.device, error)
            finally:
                if not post.retired:
                    self._free.put(post)

    def _retire(self, post: "_Post") -> bool:
        """Take a device out of service, unless it is the last one."""
        with self._retiring:
            post.retired = sum(not other.retired for other in self._posts) > 1
            return post.retired


_kept: tuple[object, Encoders] | None = None


def kept_encoders(settings: Settings) -> Encoders:
    """The encoder process on this process's device, started or, when it is the one of the last call, kept.

    For one thread at a time, in a process that serves ranges from elsewhere; the encoder process ends with it.
    """
    global _kept
    # A process sees the device that was visible when it started: another one is for another process.
    key = (settings, os.environ.get("CUDA_VISIBLE_DEVICES"))
    if _kept is not None and _kept[0] == key:
        return _kept[1]
    if _kept is not None:
        _kept[1].__exit__()
    _kept = (key, Encoders(settings, (settings.encoder.device,)))
    return _kept[1]


class _Post:
    """A device and the process that is on it."""

    def __init__(self, settings: Settings, device: str, count: int) -> None:
        self.device, self.retired = device, False
        self._settings, self._count = settings, count
        self._closed, self._busy = threading.Event(), threading.Lock()
        self._process: _Process | None = None

    def encode(self, encoder_id: str, shards: Sequence[str], progress: Progress) -> Facts:
        with self._busy:
            self._process = self._process or _Process(self._settings, self.device, self._count)
            try:
                if self._closed.is_set():  # only now: whoever closes, kills a process that is there
                    raise ApexError("The encoding was ended.")
                return self._process.encode(encoder_id, shards, progress)
            except _Told as told:
                if not _blames_shards(told.error):
                    self._drop(self._process)
                raise told.error from None
            except BaseException:
                # Dead, or left in the middle of its work: either way of no more use.
                self._drop(self._process)
                raise

    def _drop(self, process: "_Process") -> None:
        process.stop()
        self._process = None

    def close(self) -> None:
        """End the process; a thread that waits for it raises EncoderDied."""
        self._closed.set()
        if (process := self._process) is not None:
            process.kill()
        with self._busy:
            if self._process is not None:
                self._process.stop()


class _Told(Exception):
    """What an encoder process said went wrong; it is there still."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _blames_shards(error: Exception) -> bool:
    """Whether it is certain that the process is as good as before: what broke, as a CUDA context, may be its own."""
    return isinstance(error, ShardsFailed) and not (error.transient or error.stopped)


class _Process:
    def __init__(self, settings: Settings, device: str, count: int) -> None:
        self._device = device
        ours, theirs = socket.socketpair()
        with theirs:
            own, name = _own_device(device, count)
            self._process = start_child("apex_core.pipeline.encoder_process", theirs.fileno(), own)
        with ours:
            self._lines = ours.makefile("rw", encoding="utf-8")
        self._words = LastWords(cast(IO[bytes], self._process.stderr), self._process.pid)
        told = settings.model_dump(mode="json", include=_TOLD)
        self._say(told | {"encoder": told["encoder"] | {"device": name, "devices": ()}})

    def encode(self, encoder_id: str, shards: Sequence[str], progress: Progress) -> Facts:
        self._say({"encoder_id": encoder_id, "shards": list(shards)})
        for message in self._messages():
            if "progress" in message:
                progress(*message["progress"])
            elif "log" in message:
                name, level, text = message["log"]
                logging.getLogger(name).log(level, "%s", text)
            elif "error" in message:
                raise _Told(_error(message["error"]))
            else:
                return message["facts"]
        raise self._death()

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self.kill()
        self._process.wait()
        self._words.end()
        with contextlib.suppress(OSError):  # what was not sent is of no interest any more
            self._lines.close()

    def _messages(self) -> Iterator[dict[str, Any]]:
        # A process that dies may leave half a line, or reset the connection.
        with contextlib.suppress(ConnectionResetError, json.JSONDecodeError):
            for line in self._lines:
                yield json.loads(line)

    def _say(self, message: dict[str, Any]) -> None:
        # A process that is gone is noticed when it is listened to.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._lines.write(json.dumps(message) + "\n")
            self._lines.flush()

    def _death(self) -> EncoderDied:
        try:
            status = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self._process.wait()
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        said = self._words.end()
        return EncoderDied(
            f"The encoder process on {self._device} died ({how})." + (f" It said:\n{said}" if said else ""),
            fix="SIGKILL is often want of memory: fewer APEX_ENCODER__DECODE_WORKERS or BATCH_SEGMENTS need less",
        )


def _own_device(device: str, count: int) -> tuple[dict[str, str], str]:
    """The environment of a process that is to see ``device`` alone, and what the device is called in there."""
    kind, _, index = device.partition(":")
    if kind == "cuda" and index.isdecimal():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        known = visible[int(index)] if visible != [""] and int(index) < len(visible) else index
        return {"CUDA_VISIBLE_DEVICES": known}, "cuda"
    if kind == "cpu":  # cores are shared out, where nobody has said how many threads there are to be
        share = max(1, (os.cpu_count() or 1) // count)
        return {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(share))}, device
    return {}, device


def _error(described: dict[str, Any]) -> Exception:
    kind = getattr(errors, described.pop("kind") or "", None)
    if kind is None:
        _logger.error("%s", described["trace"])
        return RuntimeError(described["message"])
    # As it was, whatever it carries: kinds of errors differ in what they are made of.
    error: ApexError = kind.__new__(kind, described["message"])
    error.__dict__.update({name: tuple(v) if isinstance(v, list) else v for name, v in described.items()})
    return error
