"""A process that runs nights, or extracts alone, or forgets, and can be killed at any of its side effects.

Started as ``python -m tests.pipeline.mortal``; reads one JSON job a line, forks a child for each and answers with
one line: how the child ended, and its pid. Forking saves the imports (torch alone takes
seconds), and the parent never opens a catalog, so a child inherits nothing that matters.

A side effect is a catalog transaction, a write to the store or a deletion there; each counts once before and once after
it happens, and a local write once more between its temporary file and its rename.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import apex_core.catalog
import apex_core.catalog.door
import apex_core.storage.store as store_module
from apex_core.storage import Store


class Fate:
    """Counts side effects, writes each down, and ends the process at the chosen one."""

    def __init__(self) -> None:
        self.count, self.last, self.log = 0, -1, None

    def begin(self, last: int, log: Path) -> None:
        self.count, self.last = 0, last
        self.log = log.open("w", buffering=1)

    def tick(self, name: str) -> None:
        if self.log is None:
            return
        self.log.write(f"{name}\n")
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1


FATE = Fate()


def _watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        # A put is known by its key, a rename by its target.
        key = str(args[1]).split("/store/")[-1]
        FATE.tick(f"before {name} {key}")
        value = function(*args, **kwargs)
        FATE.tick(f"after {name} {key}")
        return value

    return call


_transaction = apex_core.catalog.door.transaction


@contextmanager
def _watched_transaction(connection: Any) -> Generator[None]:
    with _transaction(connection):
        yield
        FATE.tick("before commit")
    FATE.tick("after commit")


apex_core.catalog.transaction = _watched_transaction
apex_core.catalog.rewrite = _watched("rewrite", apex_core.catalog.rewrite)
for _name in ("put", "put_file", "delete"):
    setattr(Store, _name, _watched(_name, getattr(Store, _name)))
store_module._settle = _watched("rename", store_module._settle)

# Only now: these take the names above as they are. What stages load when they need it, too, or every child would.
import apex_core.mert.encoder  # noqa: E402
import apex_core.pipeline.card  # noqa: E402
import apex_core.pipeline.measuring  # noqa: E402
import apex_core.pipeline.page.page  # noqa: E402
import apex_core.pipeline.predicted_shards  # noqa: E402
import apex_core.pipeline.training_together  # noqa: E402
import apex_core.registry.plots  # noqa: E402
from apex_core.pipeline.extract import run_extract  # noqa: E402
from apex_core.pipeline.forget import run_forget  # noqa: E402
from apex_core.pipeline.forget_plan import Request  # noqa: E402
from apex_core.pipeline.run import begin, end  # noqa: E402
from apex_core.sandbox import World, build_world  # noqa: E402
from apex_core.settings import SandboxSettings, Settings  # noqa: E402
from tests.pipeline.nights import night, prints, settings_for  # noqa: E402


class _Server:
    """What ``settings_for`` wants to know of a sandbox server that runs in another process."""

    def __init__(self, address: str) -> None:
        self.address, self.base_url, self.token = address, f"http://{address}", "sandbox"


def _settings(job: dict[str, Any], world: World) -> Settings:
    made = settings_for(Path(job["home"]), world, _Server(job["address"]))
    # One fetch at a time: the order of side effects must be the same in every run.
    return made.model_copy(update={"audio": made.audio.model_copy(update={"concurrency": 1})})


def _run(job: dict[str, Any], world: World) -> None:
    settings = _settings(job, world)
    FATE.begin(job["last"], Path(job["log"]))
    as_of = datetime.fromisoformat(job["as_of"])
    if job.get("forget"):
        platform, kind, ids = job["forget"]
        run_forget(begin(settings, "forget", as_of, job["run_id"]), Request(platform, kind, tuple(ids)))
    elif job.get("extract"):
        encoder = settings.encoder.model_copy(update=job["extract"])
        settings = settings.model_copy(update={"encoder": encoder})
        run = begin(settings, "extract", as_of, job["run_id"], alone=True)
        run_extract(run)
        end(run, "completed", as_of)
    else:
        night(settings, as_of, job["run_id"])
    FATE.log = None
    Path(job["prints"]).write_text(json.dumps(prints(settings)))


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        world = build_world(SandboxSettings(**job["sandbox"]), Path(job["world"]))
        child = os.fork()
        if child == 0:
            try:
                _run(job, world)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(json.dumps({"status": status, "pid": child}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
