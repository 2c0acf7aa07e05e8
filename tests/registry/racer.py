"""A publisher in a process of its own: gets ready, waits for a word, does one thing, says how it went.

Started as ``python -m tests.registry.racer JOB``: a JSON object with ``store`` and either ``alias`` or ``folder``.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from apex_core.errors import ApexError
from apex_core.registry import publish, set_alias
from apex_core.storage import Store


def main() -> None:
    job = json.loads(sys.argv[1])
    store = Store.open(job["store"])
    store.list("models")  # connected
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    try:
        if "alias" in job:
            at = datetime(2026, 11, 22, tzinfo=UTC)
            told = set_alias(store, job["alias"], job["version"], "faster", job["who"], at, after=0).set_by
        else:
            publish(store, job["version"], Path(job["folder"]))
            told = job["who"]
        answer = {"won": told}
    except ApexError as error:
        answer = {"lost": type(error).__name__, "said": error.message}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
