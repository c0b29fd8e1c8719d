from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.errors import InputError
from lookalike.evaluation.sample import SampledSource, sample_of_gallery, sample_of_source, sampled
from lookalike.sources.folder import FolderSource
from lookalike.sources.labelled import labelled_by
from tests.building.sources import MemorySource
from tests.toys import ToyEncoder, plant, png


@pytest.fixture
def photos(tmp_path):
    plant(tmp_path / "photos" / "a", range(30))
    plant(tmp_path / "photos" / "b", range(30, 60))
    return tmp_path / "photos"


@pytest.fixture
def gallery(photos):
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos)
    return gallery


def test_of_a_gallery_any_of_its_images_the_same_ones_each_time(gallery, photos):
    found = sample_of_gallery(gallery.store, 20, label_from="parent")
    assert found == sample_of_gallery(gallery.store, 20, label_from="parent")
    assert len({image.path for image in found}) == 20
    assert all(Path(image.path).parent.name == image.label for image in found)
    assert {image.label for image in found} == {"a", "b"}


def test_of_a_gallery_files_that_are_gone_are_passed_over(gallery, photos):
    for path in sorted(photos.rglob("*.png"))[:-12]:
        path.unlink()
    found = sample_of_gallery(gallery.store, 50)
    assert [image.path for image in found] == [str(path) for path in sorted(photos.rglob("*.png"))]
    assert {image.label for image in found} == {None}
    for path in photos.rglob("*.png"):
        path.unlink()
    with pytest.raises(InputError, match="none of its pictures can be read here; name a folder"):
        sample_of_gallery(gallery.store, 20)


def test_the_attribute_label_is_taken_without_asking(photos):
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos, label_from="parent")
    assert {image.label for image in sample_of_gallery(gallery.store, 20)} == {"a", "b"}


def test_an_attribute_that_there_is_not_is_refused_with_those_that_there_are(gallery):
    with pytest.raises(InputError, match=r"no attribute 'breed'.*folder"):
        sample_of_gallery(gallery.store, 20, label_from="breed")


def test_of_a_folder_the_files_themselves(photos, tmp_path):
    source = labelled_by(FolderSource(photos, base=tmp_path), "parent")
    spare = tmp_path / "spare"
    spare.mkdir()
    found = sample_of_source(source, 10, spare)
    assert all(Path(image.path).is_relative_to(photos / image.label) for image in found)
    assert list(spare.iterdir()) == []


def test_of_what_is_in_no_files_copies(tmp_path):
    images = {f"{number}": png(number) for number in range(9)}
    source = MemorySource(images, attributes={name: {"label": f"l{int(name) % 2}"} for name in images})
    found = sample_of_source(source, 5, tmp_path)
    name_of = {data: name for name, data in images.items()}
    drawn = [name_of[Path(image.path).read_bytes()] for image in found]
    assert len(set(drawn)) == 5
    assert [image.label for image in found] == [f"l{int(name) % 2}" for name in drawn]


def test_a_source_lists_some_of_its_items_the_same_ones_each_time():
    source = MemorySource({str(seed): png(seed) for seed in range(30)})
    drawn = SampledSource(source, 7)
    names = [ref.id for ref in drawn]
    assert len(set(names)) == 7
    assert names == [ref.id for ref in drawn] == [ref.id for ref in SampledSource(source, 7)]
    assert [drawn.read(ref) for ref in drawn] == [source.images[name] for name in names]
    assert (drawn.uri, drawn.concurrency, drawn.covers(names[0])) == ("memory", 0, False)
    assert len(list(SampledSource(source, 99))) == 30


def test_some_positions_are_drawn_in_order():
    positions = np.arange(100, 200)
    drawn = sampled(positions, 20)
    assert len(set(drawn.tolist())) == 20
    assert drawn.tolist() == sorted(drawn.tolist()) == sampled(positions, 20).tolist()
    assert set(drawn.tolist()) <= set(positions.tolist())
    assert sampled(positions, 100).tolist() == positions.tolist()
