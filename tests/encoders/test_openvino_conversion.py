"""What cannot be stored is no reason to stop."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from lookalike.encoders.loading import load_encoder
from lookalike.encoders.probe import probe_images

pytest.importorskip("torch")
pytest.importorskip("transformers")
resource = pytest.importorskip("resource", reason="limits of a process are those of Unix")

from tests.encoders import checkpoints  # noqa: E402  # needs torch

# with the limit no file can take the weights, wherever it lies
_LIMITED = """
import resource, sys
from lookalike.encoders import checkpoints
loads = []
load = checkpoints.load
checkpoints.load = lambda *given: loads.append(given) or load(*given)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
import numpy as np
from lookalike.encoders.loading import load_encoder
from lookalike.encoders.probe import probe_images
encoder = load_encoder(sys.argv[1], device="cpu")
vectors = encoder.encode_images(probe_images())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
np.save(sys.argv[2], vectors)
print(encoder.runtime, len(loads), encoder.notice, sep="|")
"""


def test_a_model_that_nothing_can_store_is_run_by_pytorch(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    folder = str(checkpoints.save_vit(tmp_path / "model"))
    command = [sys.executable, "-c", _LIMITED, folder, str(tmp_path / "vectors.npy"), "4096"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    runtime, loads, notice = done.stdout.strip().split("|")
    assert runtime == "torch"
    assert loads == "2"  # once to convert it, and once to run it
    assert "the converted model cannot be stored" in notice
    expected = load_encoder(folder, runtime="torch", device="cpu").encode_images(probe_images())
    np.testing.assert_allclose(np.load(tmp_path / "vectors.npy"), expected, rtol=1e-4, atol=1e-5)
    # and with room for it again, it is converted
    assert load_encoder(folder, device="cpu").runtime == "openvino"
