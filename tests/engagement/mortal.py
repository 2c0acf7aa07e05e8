"""A process that retires score runs, dies at each side effect in turn, and retires again.

Started as ``python -m tests.engagement.mortal FOLDER``; answers with one JSON object: the side effects of a retirement
nothing disturbed, what it left, and for each of them how the child ended that died there and what the next one left.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.pipeline.mortal import FATE  # first: it watches what the others take from apex_core.catalog

from apex_core.catalog import connect  # isort: skip
from apex_core.engagement import load_run, retire_runs, score
from apex_core.engagement.retirement import PARTS
from apex_core.settings import ScoreSettings, Settings
from apex_core.storage import Store

_AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
_TRACKS = """
INSERT INTO track BY NAME
SELECT 'suno' AS platform, 't' || i AS track_id, 'active' AS status, 'complete' AS state,
    $as_of AS first_observed_at, $as_of AS last_observed_at
FROM range(50) AS r (i)
"""
_COUNTS = "INSERT INTO engagement SELECT platform, track_id, $as_of, hash(track_id) % 9, NULL, $as_of FROM track"


def _in_child(do: Callable[[], None]) -> int:
    """Only children open catalogs; how one ended."""
    child = os.fork()
    if child == 0:
        try:
            do()
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def _make(home: Path) -> None:
    """Three score runs, of which one is to be retired."""
    with connect(Settings(home=home), "make") as connection:
        for statement in (_TRACKS, _COUNTS):
            connection.execute(statement, {"as_of": _AS_OF})
        for gamma in (0.5, 1.0, 2.0):
            score(connection, ScoreSettings(gamma=gamma), _AS_OF, "made")


def _retire(home: Path, last: int) -> None:
    """Retire, dying at side effect ``last``; what is left goes beside the home."""
    settings = Settings(home=home)
    store = Store.open(settings.store_url)
    with connect(settings, "retire") as connection:
        FATE.begin(last, home.with_suffix(".log"))
        retire_runs(connection, store)
        FATE.log = None
        runs = [str(run) for (run,) in connection.execute("SELECT score_run_id FROM score_run ORDER BY n").fetchall()]
        here = connection.execute("SELECT DISTINCT score_run_id FROM engagement_score ORDER BY 1").fetchall()
        rows = dict[str, Any]()
        for run in runs:
            load_run(connection, store, run)
            rows[run] = [connection.execute(f"FROM run_{part} ORDER BY ALL").fetchall() for part in PARTS]
    left = {"here": here, "rows": rows, "store": sorted(store.list("score_runs"))}
    home.with_suffix(".json").write_text(json.dumps(left))


def main() -> None:
    folder = Path(sys.argv[1])
    assert _in_child(lambda: _make(folder / "made")) == 0
    (folder / "made/store").mkdir(exist_ok=True)

    def home(name: str) -> Path:
        return Path(shutil.copytree(folder / "made", folder / name))

    whole = home("whole")
    assert _in_child(lambda: _retire(whole, -1)) == 0
    effects = whole.with_suffix(".log").read_text().splitlines()
    deaths = []
    for last in range(len(effects)):
        killed = home(f"killed-{last}")
        status = _in_child(lambda: _retire(killed, last))  # noqa: B023 -- called before the next turn
        again = _in_child(lambda: _retire(killed, -1))  # noqa: B023
        deaths.append((status, again, json.loads(killed.with_suffix(".json").read_text()) if not again else None))
    left = json.loads(whole.with_suffix(".json").read_text())
    sys.stdout.write(json.dumps({"effects": effects, "left": left, "deaths": deaths}))


if __name__ == "__main__":
    main()
