from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from lookalike.encoders.loading import load_encoder
from lookalike.encoders.staging import embed_image
from lookalike.errors import InputError
from lookalike.evaluation.retrieval import label_quality
from lookalike.evaluation.trial import Job, main, run


@pytest.fixture
def leaves(beans):
    """Eight test photos of each of two labels."""
    return [path for label in ("bean_rust", "healthy") for path in sorted((beans / "test" / label).iterdir())[:8]]


def job(paths, folder, *, by_labels, name="embedded", **choices):
    folder.mkdir(exist_ok=True)
    labels = tuple(path.parent.name for path in paths)
    return Job(name, choices, tuple(map(str, paths)), labels, by_labels, str(folder))


def test_a_trial_measures_what_the_encoder_makes_of_the_images(leaves, tmp_path):
    found = run(job(leaves, tmp_path, by_labels=True))
    encoder = load_encoder()
    vectors = np.concatenate([embed_image(encoder, path.read_bytes()) for path in sorted(leaves)])
    expected = label_quality(vectors, [path.parent.name for path in sorted(leaves)]).to_dict()
    assert found["quality"]["queries"] == 16
    assert found["quality"]["map"] == pytest.approx(expected["map"], abs=1e-6)
    assert found["quality"]["precision"] == pytest.approx(expected["precision"])
    assert (found["dim"], found["bytes_per_image"], found["images"], found["failed"]) == (1280, 5120, 16, 0)
    assert found["encoder"] == encoder.spec.to_dict()
    assert found["images_per_second"] > 0
    assert found["load_seconds"] > 0
    assert found["peak_bytes"] is None or found["peak_bytes"] > 50_000_000
    json.dumps(found)


def test_int8_is_calibrated_on_the_images_of_the_trial(leaves, tmp_path, monkeypatch):
    pytest.importorskip("nncf")
    from tests.encoders.checkpoints import save_vit

    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    vit = str(save_vit(tmp_path / "vit"))
    found = run(job(leaves, tmp_path / "trial", by_labels=True, name=vit, precision="int8"))
    assert found["encoder"]["precision"] == "int8"
    assert found["quality"]["queries"] == 16
    (about,) = (tmp_path / "cache" / "encoders").glob("int8-*/about.json")
    assert json.loads(about.read_text())["about"]["agreement"]["calibrated_on"] == 14  # two of 16 are held out


def test_without_labels_copies_find_their_originals(leaves, tmp_path):
    found = run(job(leaves[:5], tmp_path, by_labels=False))["quality"]
    assert found["queries"] == 25
    assert 0.8 < found["recall"]["1"] <= found["mrr"] <= 1.0
    assert found["recall_by_change"]["recompress"] == {"1": 1.0}


def test_damaged_images_are_counted_and_left_out(leaves, tmp_path):
    (tmp_path / "damaged.jpg").write_bytes(b"no picture")
    found = run(job([*leaves[:4], tmp_path / "damaged.jpg"], tmp_path / "trial", by_labels=False))
    assert (found["images"], found["failed"]) == (4, 1)
    with pytest.raises(InputError, match="none of the images could be embedded; the first: not a picture"):
        run(job([tmp_path / "damaged.jpg"], tmp_path / "other", by_labels=False))


def test_the_result_or_the_error_is_written(leaves, tmp_path):
    good = job(leaves[:3], tmp_path / "good", by_labels=False)
    values = {name: getattr(good, name) for name in Job.__slots__}
    source, target = tmp_path / "job.json", tmp_path / "result.json"
    source.write_text(json.dumps(values))
    main([str(source), str(target)])
    assert json.loads(target.read_text())["images"] == 3
    source.write_text(json.dumps({**values, "name": "embeded"}))
    main([str(source), str(target)])
    assert json.loads(target.read_text())["error"].endswith("did you mean 'embedded'?")
    shutil.rmtree(tmp_path / "good")
    source.write_text(json.dumps({**values, "paths": [str(tmp_path / "gone.jpg")], "labels": [None]}))
    main([str(source), str(target)])
    assert "no such file" in json.loads(target.read_text())["error"]
