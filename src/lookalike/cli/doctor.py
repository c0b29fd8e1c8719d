"""``lookalike doctor``: what works on this machine, and why the rest does not."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from lookalike.cli.options import JsonOption
from lookalike.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
    install: str = ""
    """What pip is given to install them; nothing: part of the core."""
    only_on: str = ""
    """The one system and machine that there are packages for; nothing: all."""


_CLOUD, _MODELS, _REFERENCES = '"lookalike[cloud]"', '"lookalike[hf]"', '"lookalike[ann]"'
_PARTS = (
    _Part("gallery on disk", ("lance=pylance", "pyarrow")),
    _Part("JPEG pictures", ("simplejpeg", "cv2=opencv-python-headless")),
    _Part("other pictures", ("PIL=pillow",)),
    _Part("HEIC pictures", ("pillow_heif=pillow-heif",), '"lookalike[heif]"'),
    _Part("sources: folders, files, patterns, lists, tar archives", ()),
    _Part("sources: tables", ("pyarrow",)),
    _Part("sources: http(s) URLs", ("urllib3",)),
    _Part("sources: data sets (hf:NAME, saved on disk)", ("datasets",), _MODELS),
    _Part("sources: zip:// and other URLs of fsspec", ("fsspec",), _CLOUD),
    _Part("sources: s3:// URLs", ("fsspec", "s3fs"), f"{_CLOUD} s3fs"),
    _Part("sources: gs:// URLs", ("fsspec", "gcsfs"), f"{_CLOUD} gcsfs"),
    _Part("sources: sftp:// URLs", ("fsspec", "paramiko"), f"{_CLOUD} paramiko"),
    _Part("models from transformers", ("torch", "transformers"), _MODELS),
    _Part("models from transformers, run by OpenVINO", ("torch", "openvino.frontend.pytorch=openvino"), _MODELS),
    _Part("precision int8", ("nncf",), '"lookalike[int8]"'),
    _Part("indexes: faiss, also for the datasets library", ("faiss=faiss-cpu",)),
    _Part("indexes: scann", ("scann",), '"lookalike[scann]"', only_on="Linux x86_64"),
    _Part("indexes: milvus, on a server", ("pymilvus",), '"lookalike[milvus]"'),
    _Part("indexes to compare with: hnswlib", ("hnswlib",), _REFERENCES),
    _Part("indexes to compare with: usearch", ("usearch",), _REFERENCES),
    _Part(
        "service over HTTP",
        (
            "fastapi",
            "fastapi_offline=fastapi-offline",
            "uvicorn",
            "httptools",
            "python_multipart=python-multipart",
            "prometheus_client=prometheus-client",
        ),
        '"lookalike[server]"',
    ),
    _Part("page of the service", ("gradio",), '"lookalike[ui]"'),
    _Part("export for phones", ("ai_edge_litert=ai-edge-litert", "flatbuffers"), '"lookalike[mobile]"'),
    _Part("export of checkpoints for phones", ("torch", "litert_torch=litert-torch"), '"lookalike[mobile-models]"'),
    _Part("plots", ("matplotlib",), '"lookalike[plot]"'),
    _Part("maps", ("sklearn=scikit-learn",), '"lookalike[map]"'),
)
_PATIENCE = 120
"""Seconds that the imports may take."""
_IMPORTS = """
import importlib
for name in {}:
    try:
        importlib.import_module(name)
    except BaseException as error:
        reason = " ".join(f"{{type(error).__name__}}: {{error}}".split())
    else:
        reason = ""
    print("lookalike", name, reason, sep="\\t", flush=True)
"""


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
    with ThreadPoolExecutor() as pool:
        gpu = pool.submit(_try, "GPU for transformers", _gpu, is_optional=True)
        failed = _failures()
        findings += [_packages(part, failed) for part in _PARTS]
        findings.append(gpu.result())
    checks: tuple[tuple[str, bool, Callable[[], str]], ...] = (
        ("AVIF pictures", True, _avif),
        ("embedded encoder", False, _embedded),
        ("embedded encoder in bf16", True, _embedded_bf16),
        ("precision bf16 on this processor", True, _bf16),
        ("cache of converted models", True, _cache),
        ("pictures in this terminal", True, _terminal),
    )
    findings += [_try(name, check, is_optional=optional) for name, optional, check in checks]
    return findings


def _packages(part: _Part, failed: Mapping[str, str]) -> Finding:
    """Return what is known of a part, given which modules cannot be imported, and why."""
    is_optional = bool(part.install)
    remedy = f"run: pip install {part.install}" if is_optional else "run: pip install --force-reinstall lookalike"
    absent = [name for name in map(_package, _modules(part)) if not _is_installed(name)]
    here = f"{platform.system()} {platform.machine()}"
    if absent and part.only_on not in ("", here):
        return Finding(part.name, False, f"{' and '.join(absent)}: for {part.only_on} only, and this is {here}")
    if absent:
        what = "is not installed" if len(absent) == 1 else "are not installed"
        return Finding(part.name, False, f"{' and '.join(absent)} {what}; {remedy}", is_optional)
    broken = [entry for entry in part.modules if entry.partition("=")[0] in failed]
    if broken:
        module = broken[0].partition("=")[0]
        again = f"run: pip install --force-reinstall {' '.join(entry.rpartition('=')[2] for entry in broken)}"
        return Finding(part.name, False, f"import {module} fails ({failed[module]}); {again}", is_optional)
    return Finding(part.name, True, ", ".join(map(_release, part.modules)) or "nothing else is needed", is_optional)


def _modules(part: _Part) -> list[str]:
    return [entry.partition("=")[0] for entry in part.modules]


def _package(module: str) -> str:
    return module.partition(".")[0]


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _failures() -> dict[str, str]:
    """Import what the parts rest on, since what is installed may still be broken; return what fails, with the reason.

    All is imported in one process, as many packages import the same others. Where a module brings it down, a further
    process begins with that module, and if it does so again, one from behind it.
    """
    named = dict.fromkeys(module for part in _PARTS for module in _modules(part))
    left = [module for module in named if _is_installed(_package(module))]
    failed: dict[str, str] = {}
    while left:
        try:
            printed, end = _python(_IMPORTS.format(left)), ""
        except _UnavailableError as error:
            printed, end = error.printed, str(error)
        found = [line.split("\t") for line in printed.splitlines() if line.startswith("lookalike\t")]
        failed |= {module: reason for _, module, reason in found if reason}
        left = left[len(found) :]
        if end and left and not found:  # else it is imported once more, without what came before
            failed[left.pop(0)] = end
    return failed


def _release(entry: str) -> str:
    module, _, distribution = entry.partition("=")
    try:
        return f"{distribution or module} {version(distribution or module)}"
    except PackageNotFoundError:
        return distribution or module


def _python(code: str) -> str:
    """Run code in a process of its own, which a broken package may bring down, and return what it prints."""
    hidden = "sys.modules['openvino_telemetry'] = None"  # see lookalike.encoders.openvino_runtime
    call = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {hidden}\n{code}"]
    try:
        done = subprocess.run(  # noqa: S603 - the code is written here
            call, capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        msg = f"it takes more than {_PATIENCE} seconds"
        printed = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        raise _UnavailableError(msg, printed) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        is_killed = done.returncode < 0 or not lines
        raise _UnavailableError(
            f"it ends the process with code {done.returncode}" if is_killed else lines[-1], done.stdout
        )
    return done.stdout


class _UnavailableError(Exception):
    """A part does not work here; the message says why."""

    def __init__(self, reason: str, printed: str = "") -> None:
        super().__init__(reason)
        self.printed = printed


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


def _embedded_bf16() -> str:
    from lookalike.encoders.loading import load_encoder

    load_encoder(precision="bf16")
    return "native in this processor: `index --precision bf16` is faster"


def _bf16() -> str:
    from lookalike.encoders.openvino_runtime import has_bf16

    if not has_bf16():
        msg = "it has no instructions for it, so models run in f32 or int8"
        raise _UnavailableError(msg)
    return "it has instructions for it"


def _cache() -> str:
    from lookalike.encoders.conversion_cache import cache_folder

    folder = cache_folder()
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        msg = f"{nearest} cannot be written, so models are converted at each start; name another with LOOKALIKE_CACHE"
        raise _UnavailableError(msg)
    return str(folder)


def _avif() -> str:
    from PIL import features

    if not features.check("avif"):
        msg = "this Pillow reads none; run: pip install --upgrade pillow"
        raise _UnavailableError(msg)
    return f"libavif {features.version('avif')} in Pillow"


def _gpu() -> str:
    if importlib.util.find_spec("torch") is None:
        msg = 'PyTorch is not installed; run: pip install "lookalike[hf]"'
        raise _UnavailableError(msg)
    name = _python(
        "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() "
        "else 'Apple MPS' if torch.backends.mps.is_available() else '')"
    ).strip()
    if not name:
        msg = "PyTorch sees none; models run on the processor"
        raise _UnavailableError(msg)
    return name


def _terminal() -> str:
    import numpy as np

    from lookalike.exports.terminal import preview

    dot = np.zeros((2, 2, 3), np.uint8)
    if preview(dot, columns=2, environ=os.environ, stream_is_tty=sys.stderr.isatty()) is None:
        msg = "this terminal shows none; `search --save FILE.png` or `--save FILE.html` does"
        raise _UnavailableError(msg)
    return "`search --preview` draws the hits"
