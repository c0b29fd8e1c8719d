"""LiteRT, the runtime of TFLite models, and what comes with it; an optional part."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import BackendMissingError, InputError, first_line

try:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter
except ImportError as error:
    raise BackendMissingError("ai-edge-litert", "mobile") from error  # noqa: EM101

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from lookalike.arrays import Vectors

__all__ = ["LiteRTModel", "flatbuffers", "schema"]


class LiteRTModel:
    """A model of one picture and one embedding, run on the CPU.

    Parameters
    ----------
    content : the model file.

    Raises
    ------
    InputError : if the runtime cannot run it.
    """

    def __init__(self, content: bytes) -> None:
        try:
            with _quiet():
                self._interpreter = Interpreter(model_content=content)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            msg = f"LiteRT cannot run the model ({first_line(error).rstrip('.:')}); use another model"
            raise InputError(msg) from error
        self.inputs: list[dict[str, Any]] = self._interpreter.get_input_details()
        """As LiteRT describes them."""
        self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()

    def __call__(self, pixels: npt.NDArray[Any]) -> Vectors:
        """Return the first output as floats, shape (dim,).

        Parameters
        ----------
        pixels : of the shape and type of the input.
        """
        self._interpreter.set_tensor(self.inputs[0]["index"], pixels)
        self._interpreter.invoke()
        output = self.outputs[0]
        values = self._interpreter.get_tensor(output["index"]).ravel()
        if values.dtype == np.float32:
            return np.array(values, np.float32)
        scale, zero = output["quantization"]
        return np.asarray((values.astype(np.float32) - zero) * scale, np.float32)


@contextmanager
def _quiet() -> Iterator[None]:
    """Send what the runtime says on the process's standard error away: it greets, and knows no setting for that."""
    kept, away = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(away, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(away)
