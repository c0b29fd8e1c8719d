"""How long it takes to find that nothing has changed: ``python -m benchmarks.reindex``."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from typing import Any

from benchmarks.commands import import_seconds, interpreter_seconds, wall_seconds
from benchmarks.photos import beans, photos
from benchmarks.results import Column, Result, Table, Target, publish

_LIMIT = 1.5
_METHOD = """\
`lookalike index` over the train split of Beans, which the gallery holds already: the time from before the process is
made until it is gone, median of several runs. The imports are measured by `python -X importtime`, which itself slows
them a little; the rest is the listing of the folder, the comparison with the gallery, and the end of the process."""


def main() -> None:
    """Index once, and then again and again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        command = ("index", str(beans() / "train"), "--gallery", folder)
        first = wall_seconds(*command)
        again = statistics.median(wall_seconds(*command) for _ in range(repeats))
        interpreter = statistics.median(interpreter_seconds() for _ in range(repeats))
        runs = [sum(import_seconds(*command).values()) for _ in range(repeats)]
    publish(_result(first, again, interpreter, statistics.median(runs)))


def _result(first: float, again: float, interpreter: float, imports: float) -> Result:
    rows: list[list[Any]] = [
        ["first run", first, first / again],
        ["run with nothing to do", again, 1.0],
        ["of it: interpreter", interpreter, interpreter / again],
        ["of it: imports", imports, imports / again],
        ["of it: the rest", again - interpreter - imports, 1 - (interpreter + imports) / again],
    ]
    columns = [Column(f"{len(photos('train')):,} photos"), Column("seconds", ".2f"), Column("ratio", ".2f")]
    target = Target("seconds with nothing to do", again, _LIMIT, is_floor=False)
    return Result("reindex", "Indexing again", _METHOD, [Table("Wall time of the process", columns, rows)], [target])


if __name__ == "__main__":
    main()
