"""The real client in its own environment, and models that are quick to make."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lookalike.mobile.model_file import attach
from lookalike.mobile.model_metadata import ModelMetadata
from lookalike.mobile.tflite_graph import TFLiteGraph

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(__file__).with_name("client.py")


def client_python() -> Path:
    """Return the Python of the client's environment; skips where there can be none."""
    named = os.environ.get("LOOKALIKE_MOBILE_CLIENT")
    python = Path(named) if named else ROOT / ".venv-mobile-client" / "bin" / "python"
    if not python.is_file():
        pytest.skip(
            f"the client of the TFLite Task Library is not installed ({python}); `make mobile-client` does it, "
            "with Python 3.11 on Linux x86_64, which are all that it has wheels for"
        )
    return python


def converter_python() -> Path:
    """Return the Python of the environment that converts checkpoints; skips where there can be none."""
    named = os.environ.get("LOOKALIKE_MOBILE_MODELS")
    python = Path(named) if named else ROOT / ".venv-mobile-models" / "bin" / "python"
    if not python.is_file():
        pytest.skip(f"the converter of checkpoints is not installed ({python}); `make mobile-models` does it")
    return python


def client(what: str, *arguments: object, images: list[np.ndarray]):
    """Run the client over pictures and return what it printed."""
    stream = io.BytesIO()
    np.savez(stream, *images)
    command = [client_python(), "-I", CLIENT, what, *map(str, arguments)]
    done = subprocess.run(command, input=stream.getvalue(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


def in_client(code: str, data: bytes = b"") -> bytes:
    """Run code in the client's environment and return what it writes to standard output."""
    done = subprocess.run([client_python(), "-I", "-c", code], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout


def identity(height: int, width: int) -> bytes:
    """Return a model whose embedding is the pixels themselves."""
    graph = TFLiteGraph()
    pixels = graph.input((1, height, width, 3))
    outputs = graph.reshaped(pixels, (1, height * width * 3))
    return attach(graph.model(pixels, outputs), ModelMetadata("identity", "", (0.0,), (1.0,)).to_bytes())


def tiny(side: int = 8, *, is_unit: bool = True) -> bytes:
    """Return a model that embeds a picture as its pixels, of unit length if asked for, without metadata."""
    graph = TFLiteGraph()
    pixels = graph.input((1, side, side, 3))
    flat = graph.reshaped(pixels, (1, side * side * 3))
    return graph.model(pixels, graph.l2_normalised(flat) if is_unit else flat)


def lookalike_of(python: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``lookalike`` by another Python, from the sources at hand."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [python, "-m", "lookalike", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


__all__ = ["client", "client_python", "converter_python", "identity", "in_client", "lookalike_of", "tiny"]
