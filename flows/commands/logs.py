"""Where log records go while a command runs flows: what stages did to the terminal, the rest to a file or nowhere.

Why it is shaped like this: Prefect logs each state change of each task, libraries warn about themselves, and a stage
that asks a platform twice says so. On a terminal somebody wants to see what was done, and what needs doing. Prefect's
own server keeps every record in any case.
"""

import logging
import os
import warnings
from pathlib import Path

from rich.text import Text

import apex_core
import flows
from flows.terminal import err, printable

_OURS = tuple(str(Path(place).absolute()) + os.sep for package in (apex_core, flows) for place in package.__path__)
_FLOWS = tuple(str(Path(place).absolute()) + os.sep for place in flows.__path__)
_STYLES = {logging.INFO: "", logging.WARNING: "yellow"}


class Terminal(logging.Handler):
    """One line a record, never a traceback: an error that ends the command is told by the command."""

    def emit(self, record: logging.LogRecord) -> None:
        text = printable(record.getMessage(), lines=True)
        err().print(Text(text, style=_STYLES.get(record.levelno, "red")))


def _of_stages(record: logging.LogRecord) -> bool:
    return record.pathname.startswith(_FLOWS) and record.levelno == logging.INFO


def _of_ours(record: logging.LogRecord) -> bool:
    return _of_stages(record) or (record.pathname.startswith(_OURS) and record.levelno >= logging.WARNING)


def route(*, verbose: bool = False, file: Path | None = None) -> None:
    """Send records on their way; call it before prefect is imported, which then leaves them there.

    The terminal gets what stages did; without a ``file`` our own warnings, too; with ``verbose`` everything. A
    ``file`` gets everything.
    """
    root = logging.getLogger()
    terminal = Terminal(logging.INFO)
    if not verbose:
        terminal.addFilter(_of_ours if file is None else _of_stages)
    root.handlers = [terminal] if file is None else [terminal, _to_file(file)]
    for handler in root.handlers:
        # Prefect replaces the root's handlers unless one has a formatter and a public class.
        handler.setFormatter(handler.formatter or logging.Formatter())
    root.setLevel(logging.INFO)
    if not verbose:
        # Child processes read these; this one may have read them already.
        os.environ.update(PYTHONWARNINGS="ignore", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")
        logging.getLogger("httpx").setLevel(logging.WARNING)  # each request of Prefect's client
        warnings.simplefilter("ignore" if file is None else "default")
    logging.captureWarnings(True)


def _to_file(path: Path) -> logging.Handler:
    path.write_text("", encoding="utf-8")
    handler = logging.FileHandler(path, mode="a", encoding="utf-8")  # Prefect closes it; appending, it opens again
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s"))
    return handler
