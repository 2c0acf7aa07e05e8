"""Rules of the house (DESIGN §2, §8) that a reader of a diff could overlook, read off the syntax trees."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STATEMENTS = ROOT / "sql" / "statements"
STAGES = frozenset({"sources", "audio", "engagement", "mert", "aesthetics", "heads", "registry", "arena"})
BASE = frozenset({"catalog", "storage", "settings", "errors", "lifeline", "arithmetic", "threads"})
# What each room may import besides itself (DESIGN: flows -> pipeline -> stages -> base).
MAY_IMPORT: dict[str, frozenset[str]] = {
    **dict.fromkeys(STAGES, BASE),
    "errors": frozenset(),
    "lifeline": frozenset(),
    "arithmetic": frozenset(),
    "threads": frozenset(),
    "settings": frozenset({"errors"}),
    "storage": frozenset({"errors", "settings"}),
    "catalog": frozenset({"errors", "settings", "storage"}),
    "sandbox": BASE,
    "pipeline": STAGES | BASE,
    "flows": frozenset({"pipeline", "sandbox"}) | BASE,
}
_SQL = re.compile(
    r"\b(?:SELECT\b[\s\S]*?\bFROM|INSERT\s+INTO|DELETE\s+FROM|MERGE\s+INTO|UPDATE\s+\w+\s+SET"
    r"|CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP\w*\s+)?(?:TABLE|VIEW|MACRO)|DROP\s+(?:TABLE|VIEW)|ALTER\s+TABLE"
    r"|COPY\s+\S+\s+TO|ATTACH\s+'|SET\s+\w+\s*=|PRAGMA\s+\w+)"
)
# Shows people queries to try, and runs none.
_SHOWS_QUERIES = frozenset({"flows/commands/closing.py"})
# What may be asked of the live catalog's path without opening the file.
_LEAVES_IT_CLOSED = frozenset({"exists", "is_file", "name", "parent", "with_name"})


@dataclass(frozen=True)
class Source:
    """A Python file of the project."""

    path: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        parts = Path(self.path).parts
        return "flows" if parts[0] == "flows" else parts[1].removesuffix(".py")

    def __str__(self) -> str:
        return self.path


@cache
def sources() -> tuple[Source, ...]:
    paths = sorted(path for folder in ("apex_core", "flows") for path in (ROOT / folder).rglob("*.py"))
    texts = ((str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in paths)
    return tuple(Source(path, text, ast.parse(text)) for path, text in texts)


@cache
def tracked() -> tuple[Path, ...]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports, wherever in it."""
    package = Path(source.path).parent.parts
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))
            module = base if node.level else str(node.module)
            # "from apex_core import audio" names a room as well.
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "apex_core" else [module]
            yield from ((node.lineno, name) for name in names)


def docstrings(source: Source) -> set[int]:
    """The identities of the string nodes that stand alone: docstrings, of attributes too."""
    return {id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Expr)}


def strings(source: Source) -> Iterator[tuple[int, str]]:
    """Line and text of every string but docstrings; of an f-string its constant parts joined."""
    skipped = docstrings(source)
    inner: set[int] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part for part in node.values if isinstance(part, ast.Constant)]
            inner |= {id(part) for part in parts}
            yield node.lineno, "".join(str(part.value) if part in parts else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (skipped | inner):
            yield node.lineno, node.value


def faults(found: Iterator[str]) -> None:
    listed = sorted(set(found))
    assert not listed, "\n" + "\n".join(listed)


def test_imports_go_one_way() -> None:
    def wrong() -> Iterator[str]:
        for source in sources():
            for line, name in imported(source):
                parts = name.split(".")
                if parts[0] == "apex_core" and len(parts) > 1:
                    allowed = MAY_IMPORT.get(source.room, frozenset()) | {source.room}
                    if parts[1] not in allowed:
                        yield f"{source}:{line}: {source.room} imports {name}"
                elif parts[0] in ("flows", "prefect", "tests") and source.room != "flows":
                    yield f"{source}:{line}: {source.room} imports {name}"

    faults(wrong())


def test_every_room_is_known() -> None:
    rooms = {source.room for source in sources()} - {"__init__", "__main__"}
    assert rooms <= set(MAY_IMPORT), "a new room needs its line in MAY_IMPORT"


def test_flows_load_no_torch() -> None:
    """DESIGN §2: no torch at import; a form or ``apex --help`` must not wait for it."""
    names = [source.path.removesuffix(".py").replace("/", ".") for source in sources() if source.room == "flows"]
    modules = [name.removesuffix(".__init__") for name in names]
    code = (
        "import importlib, os, sys, tempfile\n"
        "os.environ['PREFECT_HOME'] = tempfile.mkdtemp()\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    if 'torch' in sys.modules: sys.exit(f'{name} imports torch')"
    )
    done = subprocess.run([sys.executable, "-c", code, *modules], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_sql_lives_in_sql() -> None:
    def wrong() -> Iterator[str]:
        for source in sources():
            for line, text in strings(source):
                if _SQL.search(text) and source.path not in _SHOWS_QUERIES:
                    yield f"{source}:{line}: {text[:80]!r}"
            if source.path in _SHOWS_QUERIES and re.search(r"\.(?:execute|sql|query)\(", source.text):
                yield f"{source}: runs queries"

    faults(wrong())


def test_every_statement_is_used_and_says_what_it_is() -> None:
    constants = {text for source in sources() for _, text in strings(source)}
    calls = (node for source in sources() for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    patterns = [
        re.compile("".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+" for p in name.values))
        for call in calls
        if ast.unparse(call.func) == "sql" and call.args and isinstance(name := call.args[0], ast.JoinedStr)
    ]

    def wrong() -> Iterator[str]:
        for path in STATEMENTS.rglob("*.sql"):
            name = path.relative_to(STATEMENTS).with_suffix("").as_posix()
            if name not in constants and not any(pattern.fullmatch(name) for pattern in patterns):
                yield f"{name}: nothing calls it"
            if not path.read_text("utf-8").startswith("-- "):
                yield f"{name}: no comment says grain and keys"

    faults(wrong())


def test_every_other_sql_file_says_what_it_is() -> None:
    paths = [path for path in (ROOT / "sql").rglob("*.sql") if not path.is_relative_to(STATEMENTS)]
    faults(str(path.relative_to(ROOT)) for path in paths if not path.read_text("utf-8").startswith("-- "))


def test_nothing_but_the_door_opens_the_live_catalog() -> None:
    """Closing any other descriptor of the file drops DuckDB's own lock: it may not even be hashed."""

    def wrong() -> Iterator[str]:
        for source in sources():
            for parent in ast.walk(source.tree):
                for node in ast.iter_child_nodes(parent):
                    if not isinstance(node, ast.Attribute) or node.attr != "catalog_path":
                        continue
                    shown = isinstance(parent, ast.FormattedValue)
                    beside = isinstance(parent, ast.Attribute) and parent.attr in _LEAVES_IT_CLOSED
                    if source.path != "apex_core/catalog/door.py" and not shown and not beside:
                        yield f"{source}:{node.lineno}: {ast.unparse(parent)}"

    faults(wrong())
    openers = {
        source.path
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "duckdb.connect"
    }
    # The reader opens snapshots, the snapshot stage writes files of its own, the dictionary reads an empty catalog in
    # memory: none knows the live path.
    others = {"catalog/reader.py", "catalog/dictionary.py", "pipeline/snapshot.py"}
    assert openers == {"apex_core/catalog/door.py", *(f"apex_core/{name}" for name in others)}


def test_no_code_comes_from_data() -> None:
    def wrong() -> Iterator[str]:
        for source in sources():
            for line, name in imported(source):
                if name.split(".")[0] in ("cloudpickle", "dill", "joblib", "shelve", "marshal"):
                    yield f"{source}:{line}: imports {name}"
            for node in ast.walk(source.tree):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle":
                    if node.attr != "UnpicklingError":
                        yield f"{source}:{node.lineno}: pickle.{node.attr}"
                elif isinstance(node, ast.ImportFrom) and node.module == "pickle":
                    yield f"{source}:{node.lineno}: from pickle"
                elif isinstance(node, ast.Call):
                    yield from unsafe_call(source, node)

    faults(wrong())


def unsafe_call(source: Source, call: ast.Call) -> Iterator[str]:
    where, called = f"{source}:{call.lineno}", ast.unparse(call.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if "trust_remote_code" in given:
        yield f"{where}: trust_remote_code"
    if called == "torch.load" and given.get("weights_only") != "True":
        yield f"{where}: torch.load without weights_only=True"
    if called in ("eval", "exec", "os.system") or given.get("shell") == "True":
        yield f"{where}: {called}"
    if given.get("allow_pickle") == "True" or called == "yaml.load":
        yield f"{where}: {called} of objects"


def test_below_flows_nobody_asks_the_clock() -> None:
    clocks = re.compile(r"(?:datetime|date|dt)(?:\.datetime)?\.(?:now|utcnow|today)|time\.time(?:_ns)?")

    def wrong() -> Iterator[str]:
        for source in sources():
            for node in ast.walk(source.tree):
                if isinstance(node, ast.Call) and clocks.fullmatch(ast.unparse(node.func)) and source.room != "flows":
                    yield f"{source}:{node.lineno}: {ast.unparse(node.func)}()"
        for path in (ROOT / "sql").rglob("*.sql"):
            code = re.sub(r"--.*", "", path.read_text("utf-8"))
            if re.search(
                r"\b(now\s*\(|current_(date|timestamp)|get_current_timestamp|today\s*\()", code, re.IGNORECASE
            ):
                yield str(path.relative_to(ROOT))

    faults(wrong())


def test_nothing_that_is_tracked_knows_one_machine() -> None:
    path_of_one = re.compile(
        r"(?<![\w.~$}/*-])/(?:work|root|Users|home/(?!apex\b|user\b|you\b)\w+|tmp/env)(?:/|\b)(?!\w)"
    )
    index = re.compile(r"--(?:extra-)?index-url|--find-links|https?://[^\s]+/(?:simple|packages)/")

    def wrong() -> Iterator[str]:
        for path in tracked():
            if path == Path(__file__):
                continue
            data = path.read_bytes()
            if b"\0" in data:
                continue
            for number, line in enumerate(data.decode("utf-8").splitlines(), 1):
                if path_of_one.search(line) or index.search(line):
                    yield f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"

    faults(wrong())


def is_public(name: str) -> bool:
    return not name.startswith("_")


def test_what_is_public_says_what_it_is() -> None:
    def wrong() -> Iterator[str]:
        for source in sources():
            if source.text.strip() and not ast.get_docstring(source.tree):
                yield f"{source}: no docstring"
            for node in source.tree.body:
                if isinstance(node, ast.ClassDef) and is_public(node.name) and not ast.get_docstring(node):
                    yield f"{source}:{node.lineno}: class {node.name} has no docstring"

    faults(wrong())


def functions() -> Iterator[tuple[Source, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield source, node


def test_functions_and_modules_stay_small() -> None:
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for _, node in functions())
    assert statistics.median(lengths) <= 10
    assert lengths[len(lengths) * 9 // 10] <= 30
    faults(f"{s}: {n} lines" for s in sources() if (n := s.text.count("\n")) > 300)


def test_everything_is_annotated() -> None:
    def wrong() -> Iterator[str]:
        for source, node in functions():
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
            if node.returns is None or bare:
                yield f"{source}:{node.lineno}: {node.name} {bare or 'returns'}"

    faults(wrong())


def test_no_bare_except_and_no_place_to_forget_things() -> None:
    def wrong() -> Iterator[str]:
        for source in sources():
            if set(Path(source.path).with_suffix("").parts) & {"utils", "helpers", "manager", "misc", "common"}:
                yield f"{source}: a name that says nothing"
            for node in ast.walk(source.tree):
                if isinstance(node, ast.ExceptHandler) and node.type is None:
                    yield f"{source}:{node.lineno}: bare except"

    faults(wrong())


def test_rooms_offer_what_they_name() -> None:
    def wrong() -> Iterator[str]:
        for source in sources():
            imports = (node for node in ast.walk(source.tree) if isinstance(node, ast.Import | ast.ImportFrom))
            bound = {alias.asname or alias.name for node in imports for alias in node.names}
            bound |= {node.name for node in source.tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
            bound |= {ast.unparse(t) for node in source.tree.body if isinstance(node, ast.Assign) for t in node.targets}
            bound |= {ast.unparse(node.target) for node in source.tree.body if isinstance(node, ast.AnnAssign)}
            for node in source.tree.body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                    yield from (f"{source}: {name} is not there" for name in set(ast.literal_eval(node.value)) - bound)

    faults(wrong())
