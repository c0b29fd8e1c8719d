"""FAISS (https://faiss.ai), whose matrix products suit this processor.

Its wheels bring an OpenBLAS of 2021, which takes a processor that is newer than itself for one of 2004 and multiplies
five times slower than it could. Which kernels it is to use can be said as it is loaded, by ``OPENBLAS_CORETYPE``
(https://github.com/OpenMathLib/OpenBLAS#support-for-multiple-targets-in-a-single-library). Those of a FAISS that has
been loaded by something else before stay what they are.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy  # noqa: F401, ICN001  # loaded first, as its own OpenBLAS knows better

_PROCESSOR = Path("/proc/cpuinfo")
_VARIABLE = "OPENBLAS_CORETYPE"
_KERNELS = {
    "SKYLAKEX": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "fma"},
    "HASWELL": {"avx2", "fma"},
}


def suitable_kernels(processor: str) -> str | None:
    """Return OpenBLAS's name for the best kernels that a processor can run; None where that is not known.

    Parameters
    ----------
    processor : what Linux says about it (``/proc/cpuinfo``).
    """
    line = next((line for line in processor.splitlines() if line.startswith("flags")), "")
    flags = set(line.partition(":")[2].split())
    return next((name for name, needed in _KERNELS.items() if needed <= flags), None)


def _processor() -> str:
    try:
        return _PROCESSOR.read_text("utf-8", errors="replace")
    except OSError:
        return ""


_kernels = None if _VARIABLE in os.environ or "faiss" in sys.modules else suitable_kernels(_processor())
if _kernels is not None:
    os.environ[_VARIABLE] = _kernels
try:
    import faiss
finally:
    if _kernels is not None:
        os.environ.pop(_VARIABLE, None)  # other libraries, and processes, choose for themselves

__all__ = ["faiss", "suitable_kernels"]
