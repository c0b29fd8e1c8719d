"""Several encoders on the same images, each in a process of its own, so that memory and threads are its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.evaluation.trial import Job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lookalike.evaluation.sample import SampleImage

_PRECISION = re.compile(r"(.+)@([a-z]+\d+)", re.DOTALL)
# the modules that this process would import, and none that happens to lie in the working folder
_CHILD = "import sys; sys.path[:] = sys.argv[3:]; from lookalike.evaluation.trial import main; main(sys.argv[1:3])"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one encoder."""

    model: str
    """As it was named."""
    result: dict[str, Any] | None
    """What :func:`lookalike.evaluation.trial.run` returned; None if it failed."""
    error: str | None = None
    """Why it failed."""


def split_model(model: str) -> tuple[str, str]:
    """Return the name and the precision that ``MODEL@PRECISION`` means; ``auto`` without one.

    Examples
    --------
    >>> split_model("embedded@bf16"), split_model("owner/model")
    (('embedded', 'bf16'), ('owner/model', 'auto'))
    """
    found = None if Path(model).expanduser().is_dir() else _PRECISION.fullmatch(model)
    return (found[1], found[2]) if found else (model, "auto")


def compare(
    models: Sequence[str],
    sample: Sequence[SampleImage],
    *,
    by_labels: bool,
    choices: Mapping[str, Any] | None = None,
) -> Iterator[Trial]:
    """Try one encoder after the other; one that fails does not stop the others.

    Parameters
    ----------
    models : names that :func:`lookalike.load_encoder` takes, each with ``@PRECISION`` behind it or not.
    sample : the images.
    by_labels : whether quality is measured by the labels, else by changed copies of the images.
    choices : further keywords of :func:`lookalike.load_encoder`, for each of them.

    Yields
    ------
    What came of each, in order, when it is done.
    """
    for model in models:
        name, precision = split_model(model)
        with tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
            paths, labels = tuple(image.path for image in sample), tuple(image.label for image in sample)
            job = Job(name, {**(choices or {}), "precision": precision}, paths, labels, by_labels, folder)
            yield _trial(model, job)


def _trial(model: str, job: Job) -> Trial:
    source, target = Path(job.folder, "job.json"), Path(job.folder, "result.json")
    source.write_text(json.dumps(asdict(job)), "utf-8")
    command = [sys.executable, "-c", _CHILD, str(source), str(target), *map(os.path.abspath, sys.path)]
    # this Python and our own code
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    if not target.is_file():
        return Trial(model, None, _ended(done))
    result = json.loads(target.read_text("utf-8"))
    return Trial(model, None, result["error"]) if "error" in result else Trial(model, result)


def _ended(done: subprocess.CompletedProcess[bytes]) -> str:
    """Say how a process ended that wrote no result."""
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        hint = ": there is too little memory for it, most likely" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return f"its process ended with {done.returncode}" + (f" ({lines[-1].strip()})" if lines else "")
