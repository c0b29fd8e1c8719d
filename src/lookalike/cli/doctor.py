"""``lookalike doctor``: what works on this machine, and why the rest does not."""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from lookalike.cli.options import JsonOption
from lookalike.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of lookalike on this machine."""

    part: str
    works: bool
    detail: str
    is_optional: bool = True


@dataclass(frozen=True, slots=True)
class _Part:
    """A part that rests on installed packages."""

    name: str
    modules: tuple[str, ...]
    """Module, or module=distribution where their names differ."""
    extra: str | None
    """None: part of the core."""


_PARTS = (
    _Part("gallery on disk", ("lance=pylance", "pyarrow"), None),
    _Part("JPEG decoding", ("simplejpeg", "cv2=opencv-python-headless"), None),
    _Part("other formats", ("PIL=pillow",), None),
    _Part("models from transformers", ("torch", "transformers"), "hf"),
    _Part("data sets (hf:NAME, saved on disk)", ("datasets",), "hf"),
    _Part("HEIC pictures", ("pillow_heif=pillow-heif",), "heif"),
)


def doctor(as_json: JsonOption = False) -> None:
    """Say which parts work on this machine, and how to get the others. Exits with 1 if a part of the core is broken."""
    findings = examine()
    if as_json:
        print_json(
            [{"part": f.part, "works": f.works, "detail": f.detail, "optional": f.is_optional} for f in findings]
        )
    else:
        print_rows([["yes" if f.works else "no", f.part, f.detail] for f in findings], ["works", "part", "detail"])
    if any(not finding.works and not finding.is_optional for finding in findings):
        raise typer.Exit(1)


def examine() -> list[Finding]:
    """Try every part and return what was found."""
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    findings = [Finding("Python", sys.version_info >= (3, 10), python, is_optional=False)]
    findings += [_packages(part) for part in _PARTS]
    checks: tuple[tuple[str, bool, Callable[[], str]], ...] = (
        ("embedded encoder", False, _embedded),
        ("embedded encoder in bf16", True, _bf16),
        ("GPU for transformers", True, _gpu),
        ("pictures in this terminal", True, _terminal),
    )
    findings += [_try(name, check, is_optional=optional) for name, optional, check in checks]
    return findings


def _packages(part: _Part) -> Finding:
    found = []
    for entry in part.modules:
        module, _, distribution = entry.partition("=")
        if importlib.util.find_spec(module) is None:
            remedy = (
                f'pip install "lookalike[{part.extra}]"' if part.extra else "pip install --force-reinstall lookalike"
            )
            return Finding(part.name, False, f"{module} is not installed; run: {remedy}", part.extra is not None)
        try:
            found.append(f"{distribution or module} {version(distribution or module)}")
        except PackageNotFoundError:
            found.append(distribution or module)
    return Finding(part.name, True, ", ".join(found), part.extra is not None)


class _UnavailableError(Exception):
    """A part does not work here; the message says why."""


def _try(name: str, check: Callable[[], str], *, is_optional: bool) -> Finding:
    try:
        return Finding(name, True, check(), is_optional)
    except Exception as error:  # noqa: BLE001  (whatever a broken installation raises is the finding)
        return Finding(name, False, str(error) or type(error).__name__, is_optional)


def _embedded() -> str:
    import numpy as np

    from lookalike.encoders.loading import load_encoder

    encoder = load_encoder()
    encoder.encode_images([np.zeros((32, 32, 3), np.uint8)])
    return f"{encoder.spec}, no download needed"


def _bf16() -> str:
    from lookalike.encoders.loading import load_encoder

    load_encoder(precision="bf16")
    return "native in this processor: `index --precision bf16` is faster"


def _gpu() -> str:
    if importlib.util.find_spec("torch") is None:
        msg = 'PyTorch is not installed; run: pip install "lookalike[hf]"'
        raise _UnavailableError(msg)
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    if torch.backends.mps.is_available():
        return "Apple MPS"
    msg = "PyTorch sees none; models run on the processor"
    raise _UnavailableError(msg)


def _terminal() -> str:
    import os

    import numpy as np

    from lookalike.exports.terminal import preview

    dot = np.zeros((2, 2, 3), np.uint8)
    if preview(dot, columns=2, environ=os.environ, stream_is_tty=sys.stderr.isatty()) is None:
        msg = "this terminal shows none; `search --save FILE.png` or `--save FILE.html` does"
        raise _UnavailableError(msg)
    return "`search --preview` draws the hits"
