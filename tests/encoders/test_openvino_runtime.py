"""The runtime is loaded without the reports that it makes of its use."""

from __future__ import annotations

import subprocess
import sys

_RUN = """
import os, sys
forks = []
os.register_at_fork(before=lambda: forks.append(True))
import lookalike
encoder = lookalike.load_encoder()
print(encoder.spec.dim, len(forks), [name for name in sys.modules if name.startswith("openvino_telemetry")])
"""


def test_the_embedded_encoder_loads_no_telemetry_and_forks_no_process():
    done = subprocess.run([sys.executable, "-c", _RUN], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "1280 0 []"


def test_the_package_can_still_be_imported_by_who_wants_it():
    run = "import lookalike; lookalike.load_encoder(); import openvino_telemetry; print(openvino_telemetry.__name__)"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "openvino_telemetry"
