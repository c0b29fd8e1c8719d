"""Write ``benchmarks/RESULTS.md`` from the stored results: ``python -m benchmarks.report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.plots import draw
from benchmarks.results import FOLDER, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.results import Result, Table

ORDER = (
    "quality",
    "reranking",
    "cutoff",
    "tiles",
    "near_duplicates",
    "duplicates",
    "indexing",
    "encoders",
    "cold_search",
    "reindex",
    "memory",
    "million",
    "indexes",
    "growth",
    "lsh",
    "filters",
    "serving",
    "mobile",
)
_HEAD = """\
# Benchmark results

Written by `python -m benchmarks.report` from the files in `benchmarks/results`; no number here is typed by hand.
`python -m benchmarks` runs every benchmark and writes this page again.
"""


def main() -> None:
    """Write the page."""
    found = [stored(FOLDER / f"{name}.json") for name in ORDER if (FOLDER / f"{name}.json").is_file()]
    page = "\n".join([_HEAD, *(line for result in found for line in _section(result))])
    path = Path(__file__).with_name("RESULTS.md")
    path.write_text(page, encoding="utf-8")
    print(f"wrote {len(found)} results to {path.name}")


def _section(result: Result) -> Iterator[str]:
    yield f"## {result.title}\n"
    yield f"{result.method}\n"
    yield f"- command: `{result.command}`"
    yield f"- machine: {result.machine}; load average before the run: {result.load_before}"
    yield f"- date: {result.date}"
    yield f"- versions: {', '.join(f'{name} {number}' for name, number in result.versions.items())}"
    yield from (f"- {target}" for target in result.targets)
    yield ""
    for table in result.tables:
        yield from _table(table)
    for plot in result.plots:
        name = f"{result.name}-{plot.name}.svg"
        draw(plot, FOLDER / name)
        yield f"![{plot.title}](results/{name})\n"


def _table(table: Table) -> Iterator[str]:
    yield f"{table.title}\n"
    yield f"| {' | '.join(column.name for column in table.columns)} |"
    yield f"| {' | '.join('--:' if number else '---' for number in range(len(table.columns)))} |"
    yield from (f"| {' | '.join(cells)} |" for cells in table.cells())
    yield ""


if __name__ == "__main__":
    main()
