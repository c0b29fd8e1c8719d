"""What commands print: JSON and results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import Console

    from lookalike.building.report import Failure

_FAILURES_SHOWN = 20


def console() -> Console:
    """Return the console for people, on standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Tell people something, on standard error."""
    typer.echo(printable(text), err=True)


def say_error(text: str) -> None:
    """Tell people what went wrong, on standard error, as one line."""
    prefix = typer.style("error:", fg=typer.colors.RED, bold=True)
    typer.echo(f"{prefix} {on_one_line(text)}", err=True)


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    typer.echo(json.dumps(value, ensure_ascii=not is_utf8, indent=2, allow_nan=False))


def print_rows(rows: Sequence[Sequence[str]], headers: Sequence[str], *, right: Sequence[str] = ()) -> None:
    """Print a table on standard output: drawn on a terminal, and tab-separated without headers elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(on_one_line(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(on_one_line(cell)) for cell in row])
    Console(highlight=False).print(table)


def printable(text: str) -> str:
    """Return the text with control characters escaped: a file name must not drive the terminal."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode() for char in text
    )


def on_one_line(text: str) -> str:
    """Return the text as :func:`printable` does, and with tabs and line breaks escaped as well."""
    return printable(text).replace("\t", "\\t").replace("\n", "\\n")


def show_failures(failed: Sequence[Failure], what: str = "could not be indexed") -> None:
    """List the items that could not be indexed, or what else it is that failed."""
    if not failed:
        return
    say(f"{len(failed):,} {what}:")
    for failure in failed[:_FAILURES_SHOWN]:
        say(f"  {on_one_line(failure.uri)}: {failure.reason}")
    if len(failed) > _FAILURES_SHOWN:
        say(f"  and {len(failed) - _FAILURES_SHOWN:,} more; `lookalike errors` lists them all")


class BuildProgress:
    """A bar on standard error while many images are worked on."""

    def __init__(self, doing: str = "Indexing") -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        rate = TextColumn("{task.fields[rate]}")
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
        shown_on = console()
        # elsewhere than on a terminal it would leave an empty line
        self._bar = Progress(*columns, console=shown_on, transient=True, disable=not shown_on.is_terminal)
        self._doing = doing
        self._task = self._bar.add_task("Looking", total=None, rate="")
        self._failed = 0

    def __enter__(self) -> BuildProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def expect(self, items: int) -> None:
        """Take the number of items to work on."""
        self._bar.reset(self._task, total=items, description=self._doing)

    def advance(self, items: int, failed: int) -> None:
        """Take how many more are done, and how many of these failed."""
        self._failed += failed
        task = self._bar.tasks[self._task]
        rate = f"{task.speed:,.0f} images/s" if task.speed else ""
        self._bar.update(self._task, advance=items, rate=rate + (f", {self._failed} failed" if self._failed else ""))

    def waiting(self, holder: str) -> None:
        """Take who is writing to the gallery, for whom this run waits."""
        from lookalike.gallery.lock import waiting_for

        say(waiting_for(holder))

    def note(self, text: str) -> None:
        """Take what is being done besides."""
        say(text)
