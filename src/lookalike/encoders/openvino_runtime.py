"""The OpenVINO runtime, without its telemetry.

``import openvino`` reports its use to Google Analytics, from a forked process, if ``openvino-telemetry`` is installed,
which it always is as a requirement of it. Nothing that lookalike does is anybody's business but the user's: the package
is hidden while the runtime is imported, which then falls back to a stub of its own.
"""

from __future__ import annotations

import sys
from typing import Any

_TELEMETRY = "openvino_telemetry"


def _import_openvino() -> tuple[Any, Any]:
    if "openvino" in sys.modules or _TELEMETRY in sys.modules:
        import openvino
        from openvino import opset13
    else:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # what makes an import of it fail
        try:
            import openvino
            from openvino import opset13
        finally:
            del sys.modules[_TELEMETRY]
    return openvino, opset13


ov, ops = _import_openvino()
