"""What Tab offers at the prompt of ``apex sql``: commands, tables, columns, keywords and functions."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from apex_core.catalog import sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WORD = re.compile(r"\.?\w[\w.]*$|\.$")


class Words(Completer):
    """Completes the word before the cursor, whatever its case; after ``table.`` with the columns of that table."""

    def __init__(self, connection: "DuckDBPyConnection", commands: Sequence[str]) -> None:
        words = connection.execute(sql("prompt/words")).fetchall()
        columns = [str(word).rsplit(".", 1) for word, kind in words if kind == "column"]
        self._commands = commands
        self._columns: dict[str, list[str]] = {}
        for table, column in columns:
            self._columns.setdefault(table, []).append(column)
        every = sorted({column for _, column in columns})
        self._words = [*sorted(self._columns), *every, *(str(word) for word, kind in words if kind != "column")]

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """The ways to end the word before the cursor."""
        found = _WORD.search(document.text_before_cursor)
        begun = found[0] if found else ""
        for word in self._fitting(begun, document.text_before_cursor.lstrip()):
            yield Completion(word, start_position=-len(begun))

    def _fitting(self, begun: str, text: str) -> Iterator[str]:
        if text.startswith("."):
            offered: Iterable[str] = self._commands if text == begun else self._columns
        else:
            table, dot, _ = begun.rpartition(".")
            columns = self._columns.get(table.lower()) if dot else None
            offered = [f"{table}.{column}" for column in columns] if columns else self._words if begun else ()
        return (word for word in offered if word.lower().startswith(begun.lower()))
