"""The prompt of ``apex sql``: questions one after the other to the snapshot that was newest when it opened."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Self, cast, get_args

import duckdb
from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from apex_core.catalog import latest_snapshot, sql
from apex_core.catalog.reader import latest_stamp
from apex_core.errors import ApexError, CatalogError
from apex_core.settings import Settings, get_settings
from apex_core.storage import Store
from flows.commands.answers import Wish, ask, opened, patient
from flows.commands.completion import Words
from flows.commands.formats import Format
from flows.terminal import complain, notice, print_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LOOK_EVERY_S = 60.0
_HELP = (
    (".tables", "tables and views"),
    (".columns NAME", "columns of one, with their types (.schema is the same)"),
    (".format table|csv|json", "how answers look"),
    (".limit N", "most rows of an answer, 0 for all"),
    (".timeout SECONDS", "most seconds a query may take, 0 for no end"),
    (".refresh", "go over to the newest snapshot"),
    (".help", "this list"),
    (".quit", "leave; so does Ctrl-D"),
)


def converse(wish: Wish) -> None:
    """Answer what is typed until Ctrl-D or ``.quit``. Nothing that goes wrong with a question ends it."""
    with Conversation(get_settings(), wish) as talk, contextlib.suppress(EOFError):
        while True:
            talk.turn()


def is_whole(text: str) -> bool:
    """Whether Enter sends ``text``: a command, nothing, or SQL up to a semicolon that is no part of a string."""
    if not text.strip() or text.lstrip().startswith("."):
        return True
    written = text.encode()  # duckdb counts in bytes
    starts = [start for start, kind in duckdb.tokenize(text) if kind != duckdb.token_type.comment]
    return bool(starts) and written[starts[-1] :].startswith(b";")


class Conversation:
    """A prompt, the snapshot it asks, and how answers are wanted."""

    def __init__(self, settings: Settings, wish: Wish) -> None:
        if wish.form == "parquet":
            raise CatalogError("Parquet is not for the terminal.", fix="table, csv or json")
        self._settings, self._wish = settings, patient(settings, wish)
        self._held = contextlib.ExitStack()
        self._commands: dict[str, Callable[[str], None]] = {
            ".tables": self._tables,
            ".columns": self._columns,
            ".schema": self._columns,
            ".format": self._format,
            ".limit": self._limit,
            ".timeout": self._timeout,
            ".refresh": self._refresh,
            ".help": self._help,
            ".quit": self._quit,
        }
        self._connection = self._open()
        self._session = self._prompt()
        notice("SQL up to a semicolon; .help lists commands, Tab completes, Ctrl-C stops a query, Ctrl-D leaves")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def turn(self) -> None:
        """Read one question or command and see to it. Raises EOFError when that was the last one."""
        try:
            text = self._session.prompt("apex> ", prompt_continuation=lambda width, *_: "... ".rjust(width)).strip()
            if text.startswith("."):
                self._obey(text.rstrip(";"))
            elif text:
                ask(self._connection, text, self._wish)
                self._mention_newer()
        except KeyboardInterrupt:
            notice("stopped")
        except EOFError:
            raise
        except ApexError as error:
            complain(error.message, error.fix)
        except Exception as error:  # whatever it is: what was typed before is not lost for it
            complain(f"{type(error).__name__}: {error}")

    def _prompt(self) -> PromptSession[str]:
        return PromptSession(
            history=_history(self._settings),
            lexer=PygmentsLexer(SqlLexer),
            completer=Words(self._connection, list(self._commands)),
            complete_while_typing=False,
            auto_suggest=AutoSuggestFromHistory(),
            enable_history_search=True,
            multiline=Condition(lambda: not is_whole(get_app().current_buffer.text)),
        )

    def _open(self) -> "DuckDBPyConnection":
        snapshot = latest_snapshot(self._settings)
        connection = self._held.enter_context(opened(self._settings, snapshot))
        self._stamp = self._newest = snapshot.stamp
        self._looked = time.monotonic()
        notice(f"snapshot of {snapshot.as_of:%Y-%m-%d %H:%M} UTC ({snapshot.stamp})")
        return connection

    def _mention_newer(self) -> None:
        if time.monotonic() - self._looked < _LOOK_EVERY_S:
            return
        self._looked = time.monotonic()
        newest = latest_stamp(Store.open(self._settings.store_url))
        if newest != self._newest and newest is not None:
            self._newest = newest
            notice(f"there is a newer snapshot, {newest}: .refresh goes over to it")

    def _obey(self, text: str) -> None:
        name, _, rest = text.partition(" ")
        if name not in self._commands:
            raise CatalogError(f"There is no command {name}.", fix=".help lists them")
        self._commands[name](rest.strip())

    def _tables(self, rest: str) -> None:
        self._print(sql("prompt/tables"))

    def _columns(self, rest: str) -> None:
        if not rest:
            raise CatalogError(".columns takes the name of a table or view.", fix=".tables lists them")
        if not self._print(sql("prompt/columns"), name=rest):
            raise CatalogError(f"There is no table or view {rest}.", fix=".tables lists them")

    def _print(self, statement: str, **bound: str) -> int:
        result = self._connection.execute(statement, bound)
        rows = result.fetchall()
        if rows:
            print_rows([str(column[0]) for column in result.description or ()], rows)
        return len(rows)

    def _format(self, rest: str) -> None:
        if rest not in get_args(Format) or rest == "parquet":
            raise CatalogError(f".format takes table, csv or json, not {rest!r}.")
        self._wish = replace(self._wish, format=cast(Format, rest))

    def _limit(self, rest: str) -> None:
        if not rest.isdecimal():
            raise CatalogError(f".limit takes a number of rows, not {rest!r}.")
        self._wish = replace(self._wish, limit=int(rest))

    def _timeout(self, rest: str) -> None:
        if not rest.isdecimal():
            raise CatalogError(f".timeout takes whole seconds, not {rest!r}.")
        self._wish = replace(self._wish, timeout=float(rest))

    def _refresh(self, rest: str) -> None:
        if latest_stamp(Store.open(self._settings.store_url)) == self._stamp:
            notice("this is the newest snapshot")
            return
        before, self._held = self._held, contextlib.ExitStack()
        try:
            self._connection = self._open()
        except BaseException:
            self._held = before  # better the old one than none
            raise
        before.close()

    def _help(self, rest: str) -> None:
        print_rows(("command", "what it does"), _HELP)

    def _quit(self, rest: str) -> None:
        raise EOFError


def _history(settings: Settings) -> History:
    """What was typed at earlier prompts: in a file that only its owner reads, where there can be one."""
    path = settings.home / "sql_history"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        with contextlib.closing(os.fdopen(descriptor)):
            os.fchmod(descriptor, 0o600)
    except OSError as error:
        notice(f"no history is kept: {error}")
        return InMemoryHistory()
    return FileHistory(path)
