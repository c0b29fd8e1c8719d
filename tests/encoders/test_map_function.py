"""Encoders as functions for ``Dataset.map``."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.loading import load_encoder
from lookalike.encoders.map_function import map_function
from lookalike.errors import ImageDecodeError, InputError, SourceError, UnknownNameError
from lookalike.images.decode import decode
from tests.encoders import checkpoints

datasets = pytest.importorskip("datasets")


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


@pytest.fixture(autouse=True)
def _no_bars():
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


@pytest.fixture
def paths(beans: Path) -> list[str]:
    return [str(path) for path in sorted((beans / "test").rglob("*.jpg"))[:12]]


def _rows(values, *, is_decoded: bool):
    return datasets.Dataset.from_dict({"image": values}).cast_column("image", datasets.Image(decode=is_decoded))


def _png(colour: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((40, 40, 3), colour, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


class MeanColour:
    """The smallest encoder that there can be; notes how many images it is given."""

    def __init__(self, weights: str = "0") -> None:
        self.spec = EncoderSpec("mean-colour", "1", weights, "mean", "none", "f32", 3)
        self.seen = 0

    def encode_images(self, images):
        self.seen += len(images)
        return np.array([image.mean((0, 1)) for image in images], np.float32).reshape(-1, 3)


def test_decoded_pictures_are_embedded_as_encode_images_does(encoder, paths):
    mapped = _rows(paths, is_decoded=True).map(encoder.as_map_function(), batched=True, batch_size=5)
    pixels = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    expected = encoder.encode_images(pixels)
    np.testing.assert_allclose(np.array(mapped["embedding"]), expected, rtol=1e-4, atol=1e-5)
    assert mapped.column_names == ["image", "embedding"]
    assert mapped.data.schema.field("embedding").type.value_type == "float"
    assert isinstance(mapped[0]["image"], Image.Image)


def test_encoded_pictures_are_embedded_as_a_gallery_does(encoder, paths):
    mapped = _rows(paths, is_decoded=False).map(encoder.as_map_function(), batched=True)
    pixels = [decode(Path(path).read_bytes(), min_side=encoder.decode_side).pixels for path in paths]
    expected = encoder.encode_images(pixels)
    np.testing.assert_allclose(np.array(mapped["embedding"]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("feature", ["string", "binary"])
def test_a_column_of_paths_or_files_will_do(feature, tmp_path, monkeypatch):
    encoder = MeanColour()
    png = _png(90)
    monkeypatch.chdir(tmp_path)
    Path("picture.png").write_bytes(png)
    rows = datasets.Dataset.from_dict({"photo": ["picture.png" if feature == "string" else png]})
    mapped = rows.map(map_function(encoder, image_column="photo", embedding_column="vector"), batched=True)
    assert mapped["vector"][:] == [[90.0, 90.0, 90.0]]


# the forked processes embed and nothing else: they use no gallery, and none of this process's threads
@pytest.mark.filterwarnings("ignore:lance is not fork-safe:UserWarning")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_two_processes_embed_as_one_does(encoder, paths):
    rows = _rows(paths, is_decoded=False)
    function = encoder.as_map_function()
    alone = np.array(rows.map(function, batched=True)["embedding"])
    shared = np.array(rows.map(function, batched=True, num_proc=2)["embedding"])
    np.testing.assert_allclose(shared, alone, rtol=1e-4, atol=1e-5)


# In a process of its own, with a limit: what is tested is that it ends.
_FORK_AFTER_USE = """
import sys
import datasets, numpy as np, torch, transformers
from lookalike.encoders.loading import load_encoder
torch.manual_seed(0)
config = transformers.ViTConfig(hidden_size=192, num_hidden_layers=2, num_attention_heads=3, intermediate_size=768)
transformers.ViTModel(config).save_pretrained("model")
transformers.ViTImageProcessor().save_pretrained("model")
encoder = load_encoder("model", device="cpu")
rows = datasets.Dataset.from_dict({"image": sys.argv[1:]}).cast_column("image", datasets.Image())
function = encoder.as_map_function()
alone, shared = (np.array(rows.map(function, batched=True, num_proc=n)["embedding"]) for n in (None, 2))
np.testing.assert_allclose(shared, alone, rtol=1e-3, atol=1e-4)
"""


def test_two_processes_embed_with_pytorch_that_was_used_before(paths, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    command = [sys.executable, "-c", _FORK_AFTER_USE, *paths]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_another_process_needs_an_encoder_that_can_be_loaded_by_name():
    function = pickle.loads(pickle.dumps(map_function(MeanColour())))
    with pytest.raises(UnknownNameError, match="mean-colour"):
        function({"image": [_png(1)]})


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_another_process_runs_the_encoder_by_what_this_one_does(tmp_path, runtime):
    encoder = load_encoder(str(checkpoints.save_vit(tmp_path)), device="cpu", runtime=runtime)
    function = pickle.loads(pickle.dumps(encoder.as_map_function()))
    assert function.runtime == runtime
    found = function({"image": [{"bytes": _png(10), "path": None}]})["embedding"]
    assert function._encoder.runtime == runtime
    np.testing.assert_allclose(found[0], encoder.encode_images([np.full((8, 8, 3), 10, np.uint8)])[0], atol=1e-5)


def test_the_same_encoder_is_not_run_again(tmp_path):
    _rows([{"bytes": _png(colour), "path": None} for colour in (10, 20, 30)], is_decoded=False).save_to_disk(tmp_path)
    rows = datasets.load_from_disk(tmp_path)
    first, same, other = MeanColour(), MeanColour(), MeanColour(weights="1")
    fingerprints = [rows.map(map_function(e), batched=True)._fingerprint for e in (first, same, other)]
    assert (first.seen, same.seen, other.seen) == (3, 0, 3)
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_two_loads_of_the_embedded_encoder_have_one_fingerprint(encoder):
    hashes = [datasets.fingerprint.Hasher.hash(e.as_map_function()) for e in (encoder, load_encoder())]
    named = datasets.fingerprint.Hasher.hash(encoder.as_map_function(image_column="photo"))
    assert hashes[0] == hashes[1] != named


def test_the_pickle_holds_no_weights(encoder):
    assert len(pickle.dumps(encoder.as_map_function())) < 1000


def test_rows_without_a_readable_picture_get_none():
    values = [{"bytes": data, "path": None} for data in (_png(10), b"no picture", _png(30)[:60], _png(40))]
    rows = _rows([*values, None], is_decoded=False)
    mapped = rows.map(map_function(MeanColour()), batched=True, batch_size=3)
    assert mapped["embedding"][:] == [[10.0] * 3, None, None, [40.0] * 3, None]


def test_no_row_has_a_picture():
    rows = _rows([None, None], is_decoded=False)
    assert rows.map(map_function(MeanColour()), batched=True)["embedding"][:] == [None, None]


def test_a_damaged_picture_that_datasets_decodes_names_the_remedy():
    rows = _rows([{"bytes": b"no picture", "path": None}], is_decoded=True)
    with pytest.raises(ImageDecodeError, match=r"cast_column\('image', datasets.Image\(decode=False\)\)"):
        rows.map(map_function(MeanColour()), batched=True)


def test_a_missing_file_is_named():
    with pytest.raises(SourceError, match=r"gone\.jpg: No such file"):
        _rows(["gone.jpg"], is_decoded=False).map(map_function(MeanColour()), batched=True)


def test_a_column_that_there_is_not():
    rows = _rows([None], is_decoded=False)
    with pytest.raises(InputError, match=r"no column 'photo' \(there are: image\)"):
        rows.map(map_function(MeanColour(), image_column="photo"), batched=True)


def test_a_column_that_holds_no_pictures():
    rows = datasets.Dataset.from_dict({"image": [1, 2]})
    with pytest.raises(InputError, match=r"column 'image', row 0 of a batch: builtins.int is not a picture"):
        rows.map(map_function(MeanColour()), batched=True)


@pytest.mark.parametrize("is_decoded", [True, False])
def test_single_rows_are_refused(is_decoded):
    rows = _rows([{"bytes": _png(1), "path": None}], is_decoded=is_decoded)
    with pytest.raises(InputError, match="batched=True"):
        rows.map(map_function(MeanColour()))
