"""The OpenVINO runtime, without its telemetry.

``import openvino`` reports its use to Google Analytics, from a forked process, if ``openvino-telemetry`` is installed,
which it always is as a requirement of it. Nothing that lookalike does is anybody's business but the user's: the package
is hidden while the runtime is imported, which then falls back to a stub of its own.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.cores import usable_cores
from lookalike.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

_TELEMETRY = "openvino_telemetry"


@contextlib.contextmanager
def hidden_telemetry() -> Iterator[None]:
    """Make imports of the telemetry package fail, as if it were not installed."""
    loaded = sys.modules.get(_TELEMETRY)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        yield
    finally:
        del sys.modules[_TELEMETRY]
        if loaded is not None:
            sys.modules[_TELEMETRY] = loaded


def _import_openvino() -> tuple[Any, Any]:
    with contextlib.nullcontext() if "openvino" in sys.modules else hidden_telemetry():
        import openvino
        from openvino import opset13
    return openvino, opset13


ov, ops = _import_openvino()


def has_bf16() -> bool:
    """Say whether this CPU computes in bf16."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def check_precision(precision: str) -> None:
    """Refuse a precision that this CPU does not compute in.

    Raises
    ------
    EncoderError : if so.
    """
    if precision == "bf16" and not has_bf16():
        msg = (
            "this CPU does not compute in bf16; use precision f32, and for a gallery that was made in bf16 index its "
            "images again"
        )
        raise EncoderError(msg)


def compile_model(model: Any, precision: str, hint: str = "LATENCY") -> Any:
    """Return a model ready to run on the CPU.

    Parameters
    ----------
    model : an ``openvino.Model``, or the path of its XML file.
    precision : ``f32`` or ``bf16``, pinned: left to itself, OpenVINO takes bf16 wherever the CPU has it.
    hint : ``LATENCY``: one request at a time, on all cores; or ``THROUGHPUT``: several side by side.

    Raises
    ------
    EncoderError : if this CPU does not compute in bf16.
    """
    check_precision(precision)
    return ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": precision})


class Inference:
    """Runs a model of one input and one output: a single item on all cores, and a batch in parts side by side.

    The parts do not wait for one another's threads, as those of one request do: that takes less time, and much less
    where other threads want the cores too, such as those that decode images. A batch that comes while others are
    embedded takes the first part of the machine that falls idle, so with a few batches at once no core waits for the
    slowest part of one; so does a single item. The model is compiled when first needed.

    Parameters
    ----------
    model, precision : see :func:`compile_model`.
    holds_both : keep what embeds a single item beside what embeds batches, so that both are quick; the weights are
        held twice then.
    """

    def __init__(self, model: Any, precision: str, *, holds_both: bool = False) -> None:
        self._model = model
        self._precision = precision
        self._holds_both = holds_both
        self._single: _Idle | None = None
        self._side_by_side: _Idle | None = None
        self._compiling = threading.Lock()

    def __call__(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the outputs for n > 0 inputs, stacked along the first axis. May be called from several threads.

        Parameters
        ----------
        batch : of the type that the model takes.

        Raises
        ------
        EncoderError : if this CPU does not compute in the precision.
        RuntimeError : of OpenVINO, if it cannot run the model.
        """
        idle = self._for(len(batch))
        running: list[Any] = []
        outputs: list[npt.NDArray[np.float32]] = []
        try:
            idle.take(len(batch), running)
            parts = np.array_split(np.ascontiguousarray(batch), len(running))
            for request, part in zip(running, parts, strict=True):
                request.start_async([part], share_inputs=True)
            while running:
                running[0].wait()
                outputs.append(np.array(running[0].get_output_tensor(0).data, np.float32))
                idle.put(running.pop(0))
        finally:
            while running:
                try:
                    with contextlib.suppress(RuntimeError):
                        running[0].wait()  # the inputs are this call's own
                finally:
                    idle.put(running.pop(0))
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _for(self, count: int) -> _Idle:
        with self._compiling:
            busy = self._side_by_side
            if count == 1 and (busy is None or (self._holds_both and busy.all_are_here)):
                if self._single is None:
                    self._single = _Idle(compile_model(self._model, self._precision), 1)
                return self._single
            if self._side_by_side is None:
                compiled = compile_model(self._model, self._precision, "THROUGHPUT")
                number = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
                self._side_by_side = _Idle(compiled, number)
            return self._side_by_side


class _Idle(queue.SimpleQueue[Any]):
    """The requests of a compiled model that run nothing now."""

    def __init__(self, compiled: Any, number: int) -> None:
        self._number = number
        for _ in range(number):
            self.put(compiled.create_infer_request())

    @property
    def all_are_here(self) -> bool:
        """Whether nothing is run by any of them at the moment."""
        return self.qsize() == self._number

    def take(self, most: int, into: list[Any]) -> None:
        """Wait for one, and add it to a list with as many others as there are, up to ``most``."""
        into.append(self.get())
        with contextlib.suppress(queue.Empty):
            while len(into) < most:
                into.append(self.get_nowait())


def batches_at_once(size: int) -> int:
    """Return how many batches of a size keep all cores busy if they are embedded by :class:`Inference` together."""
    return 1 + -(-usable_cores() // size)
