from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lookalike import cores
from lookalike.cores import usable_cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes are not bound to cores here")
def test_a_process_uses_the_cores_that_it_is_bound_to():
    code = """
import os
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from lookalike.building.build import BuildOptions
from lookalike.encoders.batching import cpu_batch_size
print(BuildOptions().workers, cpu_batch_size((3, 224, 224)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "4"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000\n", 8), ("150000 100000\n", 2), ("1000 100000\n", 1), ("9900000 100000\n", 8), (None, 8)],
)
def test_a_container_may_allow_fewer(tmp_path, monkeypatch, text, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert usable_cores() == expected
