"""A process whose audio stages can be killed from outside, at any moment.

Started as ``python -m tests.pipeline.audio_mortal``; reads one JSON job a line (home, store, library, address, run_id,
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

from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.run import begin
from apex_core.sandbox import AUDIO_HOST
from apex_core.settings import AudioSettings, EncoderSettings, HttpSettings, Settings
from tests.pipeline.audio_stage import EPOCH


def settings_of(job: dict[str, Any]) -> Settings:
    return Settings(
        home=Path(job["home"]),
        store=job["store"],
        threads=1,
        http=HttpSettings(connect_to={AUDIO_HOST: job["address"]}, allow_private=True, backoff_s=0),
        audio=AudioSettings(libraries=(job["library"],), allowed_hosts=(AUDIO_HOST,), concurrency=3),
        encoder=EncoderSettings(source="tiny-random", device="cpu", decode_workers=1),
    )


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                run_audio(begin(settings_of(job), "nightly", EPOCH, job["run_id"], alone=True))
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


if __name__ == "__main__":
    main()
