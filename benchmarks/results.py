"""What a benchmark found: printed, and kept as JSON from which the report is made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as DrawnTable

from benchmarks.machine import load, machine, versions

FOLDER = Path(__file__).with_name("results")
_LOAD_BEFORE = load()
"""Of the machine before the benchmark itself put any on it."""


@dataclass(frozen=True)
class Column:
    """A column of a table, and how its numbers are written."""

    name: str
    format: str = ""


@dataclass(frozen=True)
class Table:
    """Measurements side by side; the first column names the row."""

    title: str
    columns: list[Column]
    rows: list[list[Any]]

    def cells(self) -> list[list[str]]:
        """Return the rows as they are shown; what was not measured is a dash."""
        return [
            ["-" if value is None else format(value, c.format) for c, value in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]


@dataclass(frozen=True)
class Curve:
    """Points that belong together."""

    name: str
    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class Plot:
    """A picture that the report draws."""

    name: str
    """Of its file, behind that of the benchmark."""
    title: str
    x: str
    y: str
    curves: list[Curve]
    logarithmic: str = "y"
    """The axes that are: ``x``, ``y`` or ``xy``; empty for none."""


@dataclass(frozen=True)
class Target:
    """What a number must come to."""

    what: str
    value: float | None
    """None if it could not be measured."""
    limit: float
    is_floor: bool
    """Whether ``value`` must be at least ``limit``, rather than at most."""
    format: str = ".2f"

    @property
    def is_met(self) -> bool:
        if self.value is None:
            return False
        return self.value >= self.limit if self.is_floor else self.value <= self.limit

    def __str__(self) -> str:
        relation = "at least" if self.is_floor else "at most"
        verdict = "met" if self.is_met else "MISSED"
        found = "not measured" if self.value is None else f"{self.value:{self.format}}"
        return f"{self.what}: {found}, wanted {relation} {self.limit:{self.format}}: {verdict}"


@dataclass(frozen=True)
class Result:
    """One run of one benchmark."""

    name: str
    title: str
    method: str
    """What was measured and how, for the report."""
    tables: list[Table]
    targets: list[Target]
    plots: list[Plot] = field(default_factory=list)
    machine: str = field(default_factory=machine)
    load_before: float | None = _LOAD_BEFORE
    date: str = field(default_factory=lambda: date.today().isoformat())
    versions: dict[str, str] = field(default_factory=versions)

    @property
    def command(self) -> str:
        return f"python -m benchmarks.{self.name}"


def publish(result: Result) -> None:
    """Print a result, and write it to ``benchmarks/results/NAME.json``."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{result.title}[/bold] ({result.machine}; load before: {result.load_before})")
    for table in result.tables:
        drawn = DrawnTable(title=table.title, title_justify="left")
        for number, column in enumerate(table.columns):
            drawn.add_column(column.name, justify="right" if number else "left")
        for cells in table.cells():
            drawn.add_row(*cells)
        console.print(drawn)
    for target in result.targets:
        console.print(str(target), style="green" if target.is_met else "bold red")
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{result.name}.json"
    path.write_text(json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def stored(path: Path) -> Result:
    """Return the result that :func:`publish` wrote."""
    values = json.loads(path.read_text(encoding="utf-8"))
    values["tables"] = [
        Table(t["title"], [Column(**column) for column in t["columns"]], t["rows"]) for t in values["tables"]
    ]
    values["plots"] = [
        Plot(**{**plot, "curves": [Curve(**curve) for curve in plot["curves"]]}) for plot in values.get("plots", [])
    ]
    values["targets"] = [Target(**target) for target in values["targets"]]
    return Result(**values)
