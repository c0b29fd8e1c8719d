"""A checkpoint embeds the same whatever runs it, and says what does and why."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import openvino
import pytest

from lookalike.encoders.base import StagedEncoder, TextEncoder
from lookalike.encoders.loading import load_encoder, load_encoder_for
from lookalike.encoders.probe import probe_images
from lookalike.errors import EncoderError, InputError, SpaceMismatchError, UnknownNameError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.encoders import checkpoints  # noqa: E402  # needs torch
from tests.encoders.odd_models import save_odd  # noqa: E402

HAS_BF16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
CPU = {"device": "cpu"}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def images() -> list[Any]:
    return probe_images()


def least_cosine(first: np.ndarray, second: np.ndarray) -> float:
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / lengths).min())


def state(folder) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}


KINDS = {
    "vit": (checkpoints.save_vit, "auto"),
    "vit mean": (checkpoints.save_vit, "mean"),
    "vit layer": (checkpoints.save_vit, "gem@1"),
    "classifier": (checkpoints.save_vit_classifier, "auto"),
    "swin": (checkpoints.save_swin, "auto"),
    "convnext": (checkpoints.save_convnext, "auto"),
    "regnet": (checkpoints.save_regnet, "auto"),
    "regnet average": (checkpoints.save_regnet, "average"),
    "dinov2": (checkpoints.save_dinov2, "auto"),
    "clip": (checkpoints.save_clip, "auto"),
    "siglip": (checkpoints.save_siglip, "auto"),
}


@pytest.mark.parametrize(("save", "pooling"), KINDS.values(), ids=KINDS)
def test_openvino_embeds_as_pytorch_does(save, pooling, images, tmp_path):
    folder = str(save(tmp_path / "model"))
    encoder = load_encoder(folder, pooling=pooling, **CPU)
    assert encoder.runtime == "openvino"
    assert isinstance(encoder, StagedEncoder)
    vectors = encoder.encode_images(images)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(images), encoder.spec.dim)
    # whose embeddings are compared with those of transformers alone by other tests
    expected = load_encoder(folder, pooling=pooling, runtime="torch", **CPU).encode_images(images)
    assert least_cosine(vectors, expected) > 0.99999
    np.testing.assert_allclose(vectors, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("save", [checkpoints.save_vit, checkpoints.save_convnext, checkpoints.save_clip])
def test_the_runtime_is_no_part_of_the_identity(save, images, tmp_path):
    folder = str(save(tmp_path / "model"))
    by_openvino = load_encoder(folder, runtime="openvino")
    by_torch = load_encoder(folder, runtime="torch", **CPU)
    assert (by_openvino.runtime, by_torch.runtime) == ("openvino", "torch")
    assert by_openvino.spec == by_torch.spec
    assert by_openvino.spec.pooling_reason == by_torch.spec.pooling_reason
    assert isinstance(by_openvino, TextEncoder) == isinstance(by_torch, TextEncoder)
    assert load_encoder_for(by_torch.spec, **CPU).runtime == "openvino"
    assert load_encoder_for(by_openvino.spec, runtime="torch", **CPU).runtime == "torch"


@pytest.mark.machine
@pytest.mark.skipif(not HAS_BF16, reason="this CPU does not compute in bf16")
@pytest.mark.parametrize("save", [checkpoints.save_vit, checkpoints.save_swin, checkpoints.save_regnet])
def test_half_precision_is_one_space_by_either_runtime(save, images, tmp_path):
    folder = str(save(tmp_path / "model"))
    half = load_encoder(folder, precision="bf16", **CPU)
    by_torch = load_encoder(folder, precision="bf16", runtime="torch", **CPU)
    full = load_encoder(folder, **CPU)
    assert half.runtime == "openvino"
    assert half.spec == by_torch.spec
    assert half.spec.space != full.spec.space
    exact = full.encode_images(images)
    assert np.abs(half.encode_images(images) - exact).max() > 1e-4
    assert least_cosine(half.encode_images(images), exact) > 0.999
    assert least_cosine(half.encode_images(images), by_torch.encode_images(images)) > 0.999


def test_half_precision_falls_back_where_the_cpu_lacks_it(monkeypatch, tmp_path):
    class Core(openvino.Core):
        def get_property(self, *_):
            return ["FP32"]

    monkeypatch.setattr(openvino, "Core", Core)
    folder = str(checkpoints.save_vit(tmp_path / "model"))
    encoder = load_encoder(folder, precision="bf16", **CPU)
    assert (encoder.runtime, encoder.spec.precision) == ("torch", "bf16")
    assert "does not compute in bf16" in encoder.notice
    with pytest.raises(EncoderError, match="does not compute in bf16; use the runtime torch"):
        load_encoder(folder, precision="bf16", runtime="openvino")


@pytest.mark.parametrize("save", [checkpoints.save_vit, checkpoints.save_regnet, checkpoints.save_clip])
def test_an_embedding_does_not_depend_on_its_batch(save, images, tmp_path):
    encoder = load_encoder(str(save(tmp_path / "model")), **CPU)
    many = images * 7
    inputs = np.stack([encoder.prepare(image) for image in many])
    inputs.flags.writeable = False
    alone = np.concatenate([encoder.encode_prepared(one[np.newaxis]) for one in inputs])
    np.testing.assert_allclose(encoder.encode_images(many), alone, rtol=1e-4, atol=1e-5)
    for size in (2, 3, len(many)):
        np.testing.assert_allclose(encoder.encode_prepared(inputs[:size]), alone[:size], rtol=1e-4, atol=1e-5)
    assert encoder.encode_images([]).shape == (0, encoder.spec.dim)


@pytest.mark.parametrize("save", [checkpoints.save_clip, checkpoints.save_siglip])
def test_texts_stay_in_the_space_of_the_images(save, images, tmp_path):
    folder = str(save(tmp_path / "model"))
    texts = ["a photo of the leaf", "rust", "bean " * 40]
    encoder, by_torch = load_encoder(folder, **CPU), load_encoder(folder, runtime="torch", **CPU)
    assert encoder.spec.modalities == ("image", "text")
    np.testing.assert_allclose(encoder.encode_texts(texts), by_torch.encode_texts(texts), rtol=1e-5, atol=1e-5)


def test_texts_are_refused_when_the_checkpoint_has_changed(tmp_path):
    folder = checkpoints.save_clip(tmp_path / "model")
    encoder = load_encoder(str(folder), **CPU)
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(EncoderError, match="has other weights by now"):
        encoder.encode_texts(["a leaf"])


def test_a_second_load_converts_nothing(images, tmp_path):
    folder = str(checkpoints.save_vit(tmp_path / "model"))
    first = load_encoder(folder, **CPU)
    written = state(tmp_path / "cache")
    assert any(path.endswith("model.bin") for path in written)
    again = load_encoder_for(first.spec, **CPU)
    assert again.spec == first.spec
    np.testing.assert_allclose(again.encode_images(images), first.encode_images(images), rtol=1e-5, atol=1e-6)
    load_encoder(folder, pooling="cls", **CPU)
    assert state(tmp_path / "cache") == written


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
import numpy as np
from lookalike.encoders.loading import load_encoder
from lookalike.encoders.probe import probe_images
np.save(sys.argv[2], load_encoder(sys.argv[1], pooling=sys.argv[3]).encode_images(probe_images()))
"""


@pytest.mark.parametrize(("save", "pooling"), [(checkpoints.save_vit, "cls"), (checkpoints.save_clip, "auto")])
def test_a_converted_checkpoint_needs_no_pytorch(save, pooling, images, tmp_path):
    folder = str(save(tmp_path / "model"))
    encoder = load_encoder(folder, **CPU)
    target = tmp_path / "vectors.npy"
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH, folder, str(target), pooling], check=True)
    np.testing.assert_allclose(np.load(target), encoder.encode_images(images), rtol=1e-4, atol=1e-5)


def test_a_processor_of_its_own_kind_is_kept_with_the_conversion(images, tmp_path):
    folder = checkpoints.save_vit(tmp_path / "model")
    transformers.LevitImageProcessor(size={"shortest_edge": 32}, crop_size=32).save_pretrained(folder)
    encoder = load_encoder(str(folder), **CPU)
    again, by_torch = load_encoder(str(folder), **CPU), load_encoder(str(folder), runtime="torch", **CPU)
    expected = by_torch.encode_images(images)
    for found in (encoder, again):
        assert found.runtime == "openvino"
        assert least_cosine(found.encode_images(images), expected) > 0.99999


def test_another_processor_is_another_conversion(images, tmp_path):
    """The same weights with another size of input: a conversion holds the size."""
    folder = checkpoints.save_convnext(tmp_path / "model")
    load_encoder(str(folder), **CPU)
    transformers.ConvNextImageProcessor(size={"shortest_edge": 48}).save_pretrained(folder)
    wide = load_encoder(str(folder), **CPU)
    assert wide.prepare(images[0]).shape == (3, 48, 48)
    by_torch = load_encoder(str(folder), runtime="torch", **CPU)
    assert least_cosine(wide.encode_images(images), by_torch.encode_images(images)) > 0.99999


def test_changed_weights_are_another_space(tmp_path):
    folder = checkpoints.save_vit(tmp_path / "model")
    spec = load_encoder(str(folder), **CPU).spec
    checkpoints.save_vit(folder, seed=1)
    with pytest.raises(SpaceMismatchError, match="index its images again"):
        load_encoder_for(spec, **CPU)
    assert load_encoder(str(folder), **CPU).spec.weights_digest != spec.weights_digest


@pytest.mark.parametrize("damage", ["model.bin", "model.xml", "reference.npy", "about.json"])
def test_a_damaged_conversion_is_made_again(damage, images, tmp_path):
    folder = str(checkpoints.save_vit(tmp_path / "model"))
    expected = load_encoder(folder, **CPU).encode_images(images)
    (path,) = (tmp_path / "cache").rglob(damage)
    whole = path.read_bytes()
    damaged = whole[: len(whole) // 2] + bytes(100)
    path.write_bytes(damaged)
    np.testing.assert_allclose(load_encoder(folder, **CPU).encode_images(images), expected, rtol=1e-4, atol=1e-5)
    assert path.read_bytes() != damaged


def test_two_processes_convert_at_once(images, tmp_path):
    folder = str(checkpoints.save_vit(tmp_path / "model"))
    code = WITHOUT_TORCH.replace(WITHOUT_TORCH.splitlines()[2], "")
    targets = [tmp_path / f"{number}.npy" for number in range(2)]
    running = [subprocess.Popen([sys.executable, "-c", code, folder, str(target), "auto"]) for target in targets]
    assert [process.wait() for process in running] == [0, 0]
    np.testing.assert_allclose(np.load(targets[0]), np.load(targets[1]), rtol=1e-4, atol=1e-5)
    entries = [path.name for path in (tmp_path / "cache" / "encoders").iterdir() if path.name != "names"]
    assert len(entries) == 1
    assert entries[0].startswith("f32-")


def test_a_cache_that_cannot_be_written_is_done_without(images, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "file" / "cache"))
    folder = str(checkpoints.save_vit(tmp_path / "model"))
    encoder = load_encoder(folder, **CPU)
    assert encoder.runtime == "openvino"
    assert "LOOKALIKE_CACHE" in encoder.notice
    by_torch = load_encoder(folder, runtime="torch", **CPU)
    assert least_cosine(encoder.encode_images(images), by_torch.encode_images(images)) > 0.99999


@pytest.mark.parametrize(
    ("oddity", "reason"),
    [("operation", "OpenVINO cannot convert the model"), ("branch", "its embeddings have a cosine of only")],
)
def test_what_openvino_cannot_run_pytorch_does_and_says_why(oddity, reason, images, tmp_path):
    folder = str(save_odd(tmp_path / "model", oddity))
    first = load_encoder(folder, **CPU)
    noted = state(tmp_path / "cache")
    again = load_encoder(folder, **CPU)
    assert state(tmp_path / "cache") == noted  # it is not tried again each time
    expected = load_encoder(folder, runtime="torch", **CPU).encode_images(images)
    for encoder in (first, again):
        assert encoder.runtime == "torch"
        assert reason in encoder.runtime_reason
        assert reason in encoder.notice
        assert "\n" not in encoder.notice
        np.testing.assert_array_equal(encoder.encode_images(images), expected)
    with pytest.raises(EncoderError, match=f"{reason}.*use the runtime torch"):
        load_encoder(folder, runtime="openvino")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runtime": "openvino", "device": "cuda"}, "the runtime openvino runs on the CPU, not on the device 'cuda'"),
        ({"precision": "int8", "device": "cuda"}, "the precision int8 runs on the CPU, not on the device 'cuda'"),
        ({"precision": "int8", "runtime": "torch"}, "int8 is computed by OpenVINO"),
        ({"precision": "int3"}, "f32, bf16, f16 or int8"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, words, tmp_path):
    with pytest.raises(InputError, match=words):
        load_encoder(str(checkpoints.save_vit(tmp_path / "model")), **options)


def test_an_unknown_runtime_is_met_with_a_near_one(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'openvino'"):
        load_encoder(str(checkpoints.save_vit(tmp_path / "model")), runtime="openvno")


def test_a_moved_model_is_converted_once(tmp_path):
    folder = checkpoints.save_vit(tmp_path / "model")
    spec = load_encoder(str(folder), **CPU).spec
    shutil.copytree(folder, tmp_path / "copy")
    other = load_encoder(str(tmp_path / "copy"), **CPU)
    assert other.spec.name == str(tmp_path / "copy")
    assert other.spec.space == spec.space
    assert len(list((tmp_path / "cache").rglob("model.bin"))) == 1
