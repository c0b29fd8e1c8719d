"""Labels taken from the folder or another attribute."""

from __future__ import annotations

import pytest
from PIL import Image

from lookalike.errors import InputError
from lookalike.sources.labelled import labelled_by
from lookalike.sources.resolve import open_source


@pytest.fixture
def source(tmp_path):
    for name in ("cats/1.png", "dogs/2.png"):
        path = tmp_path / name
        path.parent.mkdir()
        Image.new("RGB", (4, 4)).save(path)
    return open_source(tmp_path, base=tmp_path)


def test_takes_the_parents_name(source):
    labelled = labelled_by(source, "parent")
    assert [(ref.id, ref.attributes["label"]) for ref in labelled] == [("cats/1.png", "cats"), ("dogs/2.png", "dogs")]
    assert [labelled.read(ref) for ref in labelled] == [source.read(ref) for ref in source]
    assert labelled.covers("cats/9.png") and not labelled.covers("/elsewhere/9.png")
    assert labelled.uri == source.uri
    assert list(labelled.unreadable) == []


def test_a_missing_attribute_names_those_there_are(source):
    with pytest.raises(InputError, match=r"no attribute 'colour'.*it has: folder"):
        list(labelled_by(source, "colour"))
