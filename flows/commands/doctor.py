"""``apex doctor``: what is there, what is missing, and the command that mends it."""

import typer


def doctor() -> None:
    """Check this machine and its settings; exit code 1 when something needed is missing."""
    from rich.text import Text

    from flows.commands.checks import MISSING, OK, examine
    from flows.terminal import complain, plain_table, print_table, printable

    styles = {OK: "green", MISSING: "bold red"}
    table = plain_table()
    for name in ("", "check", "found"):
        table.add_column(name, overflow="fold")
    failed = 0
    for check in examine():
        failed += check.state == MISSING
        found = Text(printable(check.found))
        if check.fix and check.state != OK:
            found.append(f"\n→ {printable(check.fix)}", style="bold")
        table.add_row(Text(check.state, style=styles.get(check.state, "yellow")), check.name, found)
    print_table(table)
    if failed:
        complain(f"{failed} thing{'s' if failed > 1 else ''} needed {'are' if failed > 1 else 'is'} missing.")
        raise typer.Exit(1)
