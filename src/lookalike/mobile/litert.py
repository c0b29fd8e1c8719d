"""LiteRT, the runtime of TFLite models, and what comes with it; an optional part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import BackendMissingError, InputError, first_line
from lookalike.mobile.streams import STDERR, silenced

try:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter
except ImportError as error:
    raise BackendMissingError("ai-edge-litert", "mobile") from error  # noqa: EM101

if TYPE_CHECKING:
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
            with silenced(STDERR):  # the runtime greets there, and knows no setting for that
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
