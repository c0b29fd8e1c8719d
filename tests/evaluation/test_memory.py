from __future__ import annotations

import json
import subprocess
import sys

_GROW = """
import json, sys
from lookalike.evaluation.memory import peak_bytes
before = peak_bytes()
block = bytearray(300_000_000)
for place in range(0, len(block), 4096):
    block[place] = 1
del block
print(json.dumps([before, peak_bytes()]))
"""


def test_the_peak_is_of_this_process_and_stays_when_memory_is_given_back():
    ballast = bytearray(400_000_000)  # which a child must not take for its own
    ballast[::4096] = b"x" * len(ballast[::4096])
    done = subprocess.run([sys.executable, "-c", _GROW], capture_output=True, text=True, check=True)
    before, after = json.loads(done.stdout)
    assert 0 < before < 200_000_000
    assert 290_000_000 < after - before < 320_000_000
