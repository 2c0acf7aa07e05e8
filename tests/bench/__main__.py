"""Run one benchmark and print what it measured; with ``--json`` the last line is one object."""

import argparse
import importlib
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.measurement import Measurement

NAMES = tuple(
    sorted(p.stem for p in Path(__file__).parent.glob("*.py") if "\ndef measure(" in p.read_text(encoding="utf-8"))
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    chosen = parser.parse_args()
    found: Measurement = importlib.import_module(f"tests.bench.{chosen.name}").measure()
    show(found)
    if chosen.json:
        print(json.dumps({"name": found.name, "ratios": found.ratios, "seconds": found.seconds, "notes": found.notes}))


def show(found: Measurement) -> None:
    table = Table(title=found.name)
    table.add_column("what")
    table.add_column("value", justify="right")
    for name, value in found.ratios.items():
        table.add_row(name, f"{value:.3f} ×")
    for name, value in found.seconds.items():
        table.add_row(name, f"{value:.2f} s")
    console = Console()
    console.print(table)
    console.print(found.notes)


if __name__ == "__main__":
    main()
