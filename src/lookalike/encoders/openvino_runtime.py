"""The OpenVINO runtime, without its telemetry.

``import openvino`` reports its use to Google Analytics, from a forked process, if ``openvino-telemetry`` is installed,
which it always is as a requirement of it. Nothing that lookalike does is anybody's business but the user's: the package
is hidden while the runtime is imported, which then falls back to a stub of its own.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from lookalike.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TELEMETRY = "openvino_telemetry"


@contextlib.contextmanager
def hidden_telemetry() -> Iterator[None]:
    """Make imports of the telemetry package fail, as if it were not installed."""
    if _TELEMETRY in sys.modules:
        yield
        return
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        yield
    finally:
        del sys.modules[_TELEMETRY]


def _import_openvino() -> tuple[Any, Any]:
    with contextlib.nullcontext() if "openvino" in sys.modules else hidden_telemetry():
        import openvino
        from openvino import opset13
    return openvino, opset13


ov, ops = _import_openvino()


def has_bf16() -> bool:
    """Say whether this CPU computes in bf16."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def compile_model(model: Any, precision: str) -> Any:
    """Return a model, or the file of one, ready to run on the CPU.

    Parameters
    ----------
    model : an ``openvino.Model``, or the path of its XML file.
    precision : ``f32`` or ``bf16``, pinned: left to itself, OpenVINO takes bf16 wherever the CPU has it.

    Raises
    ------
    EncoderError : if this CPU does not compute in bf16.
    """
    if precision == "bf16" and not has_bf16():
        msg = (
            "this CPU does not compute in bf16; use precision f32, and for a gallery that was made in bf16 index its "
            "images again"
        )
        raise EncoderError(msg)
    # one stream over all cores: on few cores no slower than several streams, and far quicker for a single image
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    return ov.Core().compile_model(model, "CPU", options)
