"""All that is read of a checkpoint on the hub is of the commit that its spec names."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from lookalike.encoders.loading import load_encoder
from lookalike.encoders.probe import probe_images

transformers = pytest.importorskip("transformers")
pytest.importorskip("torch")

from tests.encoders import checkpoints  # noqa: E402  # needs torch

# The newest commit becomes another one between loading and the first text, and before the encoder is made again.
_HUB = """
import sys
import numpy as np
from lookalike.encoders.loading import load_encoder, load_encoder_for
from lookalike.encoders.probe import probe_images
main, new, images, texts = sys.argv[1:]
encoder = load_encoder("owner/model", runtime="openvino", trust_remote_code=True, exact_preprocessing=True)
open(main, "w").write(new)
np.save(texts, encoder.encode_texts(["a leaf", "rust"]))
again = load_encoder_for(encoder.spec, runtime="openvino", trust_remote_code=True)
np.save(images, again.encode_images(probe_images()))
print(again.runtime, encoder.images.entry.about["prepare"])
"""


@pytest.mark.parametrize("changed", ["processor", "weights"])
def test_texts_and_processor_are_those_of_the_commit(changed, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    cached = tmp_path / "hub" / "models--owner--model"
    folders = [cached / "snapshots" / (f"{number}" * 40) for number in (1, 2)]
    for folder, size in zip(folders, (32, 40), strict=True):
        checkpoints.save_clip(folder)
        size = size if changed == "processor" else 32
        # one that no plain preprocessing equals
        transformers.LevitImageProcessor(size={"shortest_edge": size}, crop_size=32).save_pretrained(folder)
    if changed == "weights":
        weights = folders[1] / "model.safetensors"
        data = bytearray(weights.read_bytes())
        data[-2] ^= 1
        weights.write_bytes(data)
    # a conversion that is there already, of the same weights in a folder, says nothing of the commit
    load_encoder(str(folders[0]), runtime="openvino", trust_remote_code=True, exact_preprocessing=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(folders[0].name)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    environment.pop("HF_HUB_CACHE", None)
    files = [tmp_path / "images.npy", tmp_path / "texts.npy"]
    command = [sys.executable, "-c", _HUB, str(cached / "refs" / "main"), folders[1].name, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "openvino None\n"  # so the processor itself has to be loaded
    expected = load_encoder(str(folders[0]), runtime="torch", device="cpu", exact_preprocessing=True)
    np.testing.assert_allclose(np.load(files[0]), expected.encode_images(probe_images()), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(np.load(files[1]), expected.encode_texts(["a leaf", "rust"]), rtol=1e-4, atol=1e-5)
