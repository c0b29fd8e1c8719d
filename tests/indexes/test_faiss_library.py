"""FAISS is loaded with the kernels that its processor can run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.indexes.faiss_library import suitable_kernels

_CORE = """
import ctypes, os
import lookalike.indexes.faiss_library
paths = {line.split()[-1] for line in open("/proc/self/maps") if "faiss" in line and "openblas" in line}
for path in paths:
    name = ctypes.CDLL(path).openblas_get_corename
    name.restype = ctypes.c_char_p
    print(name().decode(), os.environ.get("OPENBLAS_CORETYPE"))
"""


def _core(**environment):
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"} | environment
    run = subprocess.run([sys.executable, "-c", _CORE], env=env, check=True, capture_output=True, text=True)
    return run.stdout.strip()


@pytest.mark.machine
def test_faiss_multiplies_with_the_best_kernels_of_its_processor():
    processor = Path("/proc/cpuinfo")
    expected = suitable_kernels(processor.read_text()) if processor.exists() else None
    if expected is None:
        pytest.skip("which kernels suit this processor is not known")
    name, variable = _core().split()
    assert (name.upper(), variable) == (expected, "None")


@pytest.mark.machine
@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="needs x86 and Linux")
def test_a_choice_of_the_users_stays():
    assert _core(OPENBLAS_CORETYPE="Nehalem") == "Nehalem Nehalem"


def _flags(*names):
    return f"processor : 0\nmodel name : avx512f of a name\nflags\t\t: fpu {' '.join(names)}\n"


_AVX512 = ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")


@pytest.mark.parametrize(
    ("processor", "kernels"),
    [
        (_flags("sse4_2"), None),
        (_flags("avx2"), None),
        (_flags("avx2", "fma"), "HASWELL"),
        (_flags("avx2", "fma", "avx512f"), "HASWELL"),
        (_flags("avx2", "fma", *_AVX512), "SKYLAKEX"),
        ("Features : asimd sve", None),
        ("", None),
    ],
)
def test_only_kernels_that_the_processor_can_run_are_suitable(processor, kernels):
    assert suitable_kernels(processor) == kernels
