"""What the README shows with the ``datasets`` library runs as it stands there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import lookalike
from tests.docs.readme import blocks

datasets = pytest.importorskip("datasets")


@pytest.fixture
def folder(beans, tmp_path, monkeypatch):
    """A working directory as the README's reader has it."""
    pictures = sorted((beans / "test").rglob("*.jpg"))[::10]
    (tmp_path / "photos").mkdir()
    for number, picture in enumerate(pictures[1:]):
        shutil.copy(picture, tmp_path / "photos" / f"leaf{number}.jpg")
    (tmp_path / "photos" / "damaged.jpg").write_bytes(b"no picture")
    shutil.copy(pictures[0], tmp_path / "query.jpg")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# the forked processes embed and nothing else: they use no gallery, and none of this process's threads
@pytest.mark.filterwarnings("ignore:lance is not fork-safe:UserWarning")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_examples_run(folder):
    gallery = lookalike.open("photos")
    assert gallery.add("photos").added == 12
    namespace = {"lookalike": lookalike, "gallery": gallery}
    mapping, searching = blocks("python", "### With the datasets library")

    exec(mapping, namespace)
    embedded = {Path(row["image"]["path"]).name: row["embedding"] for row in namespace["photos"]}
    assert embedded.pop("damaged.jpg") is None
    assert len(embedded) == 12
    for name, vector in embedded.items():
        np.testing.assert_allclose(vector, gallery.embed(f"id:{name}"), rtol=1e-4, atol=1e-5)

    exec(searching, namespace)
    hits = gallery.search("query.jpg", k=5)
    assert namespace["examples"]["id"] == list(hits.ids)
    np.testing.assert_allclose(namespace["scores"], hits.scores, atol=1e-5)
    assert [image.size for image in namespace["examples"]["image"]] == [(500, 500)] * 5
