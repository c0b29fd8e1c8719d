"""The runtime is loaded without the reports that it makes of its use."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from lookalike.encoders.openvino_runtime import Inference, ops, ov
from lookalike.errors import EncoderError

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


@pytest.fixture
def tripled(tmp_path) -> str:
    """A model that returns its input three times over."""
    values = ops.parameter([-1, 5], np.float32)
    path = str(tmp_path / "model.xml")
    ov.save_model(ov.Model([ops.multiply(values, np.float32(3))], [values], "tripled"), path)
    return path


def test_any_number_of_inputs_gives_as_many_outputs_in_their_order(tripled):
    infer = Inference(tripled, "f32")
    for count in (1, 2, 3, 64, 5, 1, 7):
        batch = np.random.default_rng(count).standard_normal((count, 5)).astype(np.float32)
        batch.flags.writeable = False
        np.testing.assert_allclose(infer(batch), 3 * batch, rtol=1e-6)


def test_a_result_is_the_callers_own(tripled):
    infer = Inference(tripled, "f32")
    for count in (1, 4):
        first = infer(np.ones((count, 5), np.float32))
        infer(np.zeros((count, 5), np.float32))
        np.testing.assert_array_equal(first, np.full((count, 5), 3, np.float32))


def test_threads_get_their_own_results(tripled):
    infer = Inference(tripled, "f32")
    found: dict[int, list[np.ndarray]] = {number: [] for number in range(1, 6)}

    def run(number: int) -> None:
        for _ in range(20):
            found[number].append(infer(np.full((number, 5), number, np.float32)))

    threads = [threading.Thread(target=run, args=(number,)) for number in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, results in found.items():
        assert len(results) == 20
        for result in results:
            np.testing.assert_allclose(result, np.full((number, 5), 3 * number), rtol=1e-6)


def test_what_cannot_be_run_leaves_all_as_it_was(tripled):
    infer = Inference(tripled, "f32")
    infer(np.ones((4, 5), np.float32))
    for _ in range(20):
        with pytest.raises(RuntimeError):
            infer(np.ones((4, 3), np.float32))
    assert infer._side_by_side.all_are_here
    np.testing.assert_array_equal(infer(np.ones((4, 5), np.float32)), np.full((4, 5), 3, np.float32))


def test_a_precision_that_the_cpu_lacks_is_refused(monkeypatch, tripled):
    class Core(ov.Core):
        def get_property(self, *_):
            return ["FP32"]

    monkeypatch.setattr(ov, "Core", Core)
    with pytest.raises(EncoderError, match="does not compute in bf16"):
        Inference(tripled, "bf16")(np.ones((2, 5), np.float32))
