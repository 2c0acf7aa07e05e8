"""A process whose metadata stages can be killed from outside, at any moment.

Started as ``python -m tests.pipeline.ingest_mortal``; reads one JSON job a line (home, address, token, dumps, run_id,
and after how many seconds to kill it), forks a child for each and says its status when it has ended. Forking saves the
imports.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.run import begin
from apex_core.sandbox import EPOCH
from apex_core.settings import PLATFORMS, HttpSettings, Settings, SourcesSettings


def settings_of(job: dict[str, Any]) -> Settings:
    connector = {
        "enabled": True,
        "token": job["token"],
        "base_url": f"http://{job['address']}",
        "requests_per_second": 1000,
        "page_size": 4,
    }
    return Settings(
        home=Path(job["home"]),
        threads=1,
        http=HttpSettings(allow_private=True, backoff_s=0),
        sources=SourcesSettings.model_validate(dict.fromkeys(PLATFORMS, connector)),
    )


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                _ingest(job)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        if job["killed_after"] is not None:
            time.sleep(job["killed_after"])
            os.kill(child, signal.SIGKILL)  # not waited for yet, so the number is still its own
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


def _ingest(job: dict[str, Any]) -> None:
    run = begin(settings_of(job), "ingest", EPOCH, job["run_id"], alone=True)
    for platform in PLATFORMS:
        ingest_platform(run, platform)
    ingest_files(run, [job["dumps"]], EPOCH, "suno")


if __name__ == "__main__":
    main()
