"""A name finds its encoder, or one sentence says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from lookalike.encoders.base import Encoder, EncoderSpec
from lookalike.encoders.loading import load_encoder, load_encoder_for
from lookalike.errors import BackendMissingError, EncoderError, InputError, SpaceMismatchError, UnknownNameError


def test_the_default_is_the_embedded_encoder():
    encoder = load_encoder()
    assert isinstance(encoder, Encoder)
    assert encoder.spec == load_encoder("efficientnet-lite0").spec
    assert encoder.spec.name == "embedded"


def test_choosing_a_name_imports_nothing_heavy():
    code = (
        "import sys, lookalike.encoders.loading;"
        "print(sorted({'openvino', 'torch', 'transformers', 'cv2', 'PIL'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"


def test_an_unknown_name_is_met_with_a_near_one():
    with pytest.raises(UnknownNameError, match="did you mean 'embedded'"):
        load_encoder("embeded")


def test_a_folder_without_a_model_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match=r"holds no model \(no config.json in it\)"):
        load_encoder(str(tmp_path / "photos"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="the folder photos holds no model"):
        load_encoder("photos")


def test_a_name_of_any_length_is_one_sentence():
    with pytest.raises(UnknownNameError):
        load_encoder("a" * 5000)
    with pytest.raises(InputError, match="there is no folder"):
        load_encoder("/" + "a" * 5000)


@pytest.mark.parametrize("name", ["/nowhere/model", "./nowhere", "~/nowhere/at/all", "../nowhere"])
def test_a_missing_folder_is_one_sentence(name):
    with pytest.raises(InputError, match="there is no folder"):
        load_encoder(name)


def test_a_hub_that_cannot_be_reached_is_one_sentence(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    # another process: the libraries read these variables once
    code = "from lookalike.encoders.loading import load_encoder; load_encoder('owner/model')"
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path), "PATH": ""}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    last = shown.stderr.strip().splitlines()[-1]
    assert last.startswith(f"{EncoderError.__module__}.EncoderError: the encoder owner/model cannot be loaded (")
    assert last.endswith("check the name and the network, or give a folder that save_pretrained wrote")


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_names_its_extra(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    for module in ("checkpoints", "transformers_encoder", "pooling"):
        monkeypatch.delitem(sys.modules, f"lookalike.encoders.{module}", raising=False)
    with pytest.raises(BackendMissingError, match=r'pip install "lookalike\[hf\]"'):
        load_encoder("owner/model")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("pooling", "cls"),
        ("preprocessing", "resize-crop"),
        ("precision", "int3"),
        ("device", "cuda"),
    ],
)
def test_an_option_without_meaning_for_the_embedded_encoder_is_refused(option, value):
    with pytest.raises(InputError, match=option):
        load_encoder("embedded", **{option: value})


def test_a_stored_spec_makes_its_encoder_again():
    spec = EncoderSpec.from_dict(load_encoder().spec.to_dict())
    again = load_encoder_for(spec)
    assert again.spec == spec
    image = np.random.default_rng(0).integers(0, 256, (80, 60, 3), np.uint8)
    np.testing.assert_array_equal(again.encode_images([image]), load_encoder().encode_images([image]))


def test_a_new_revision_of_the_same_weights_is_the_same_space():
    spec = replace(load_encoder().spec, revision="of another day")
    assert load_encoder_for(spec).spec.weights_digest == spec.weights_digest


@pytest.mark.parametrize(
    "change", [{"weights_digest": "0" * 32}, {"pooling": "max"}, {"preprocessing": "squash"}, {"dim": 640}]
)
def test_another_space_is_refused_with_the_remedy(change):
    spec = replace(load_encoder().spec, **change)
    with pytest.raises(SpaceMismatchError, match=r"this gallery was made by embedded .* index its images again"):
        load_encoder_for(spec)


def test_a_reason_is_kept_and_changes_nothing():
    spec = load_encoder().spec
    with_reason = replace(spec, pooling_reason="a token stands for the whole image")
    assert (with_reason, with_reason.space) == (spec, spec.space)
    assert EncoderSpec.from_dict(with_reason.to_dict()).pooling_reason == with_reason.pooling_reason
    older = {name: value for name, value in spec.to_dict().items() if name != "pooling_reason"}
    assert EncoderSpec.from_dict(older).pooling_reason == ""


def test_a_device_that_the_encoder_lacks_is_no_other_space():
    spec = load_encoder().spec
    with pytest.raises(InputError, match="takes device auto or cpu, not 'cuda'"):
        load_encoder_for(spec, device="cuda")


HUB = """
import sys
from dataclasses import replace
import numpy as np
from lookalike.encoders.loading import load_encoder, load_encoder_for
spec = load_encoder("owner/model").spec
print(spec.revision, spec.weights_digest)
main = sys.argv[1]
open(main, "w").write(sys.argv[2])  # the model's newest commit is another one now
print(load_encoder("owner/model").spec.revision)
again = load_encoder_for(spec)
print(again.spec == spec)
gone = replace(spec, revision="f" * 40)
try:
    load_encoder_for(gone, runtime="torch")  # the conversion of the right weights would do
except ValueError as error:
    print(type(error).__name__, error)
open(main, "w").write(spec.revision)
print(load_encoder_for(gone, runtime="torch").spec == spec)
"""


def test_the_recorded_revision_of_a_checkpoint_on_the_hub_is_loaded_again(tmp_path):
    pytest.importorskip("transformers", reason="needs the extra hf")
    from tests.encoders.checkpoints import save_vit

    # the cache of the hub's library: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
    cached = tmp_path / "hub" / "models--owner--model"
    old, new = "0" * 39 + "1", "0" * 39 + "2"
    save_vit(cached / "snapshots" / old, seed=1)
    save_vit(cached / "snapshots" / new, seed=2)
    (cached / "refs").mkdir()
    main = cached / "refs" / "main"
    main.write_text(old)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    environment.pop("HF_HUB_CACHE", None)
    command = [sys.executable, "-c", HUB, str(main), new]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    made, newest, is_same, refusal, is_as_good = done.stdout.splitlines()
    assert made.startswith(old)
    assert newest == new
    assert (is_same, is_as_good) == ("True", "True")
    assert refusal.startswith("SpaceMismatchError this gallery was made by owner/model")
