"""A sample is spread over the beginning of a source, and leaves out what cannot be read."""

from __future__ import annotations

import numpy as np

from lookalike.building.sample import sample_images
from lookalike.cores import usable_cores
from lookalike.images.decode import Limits
from tests.building.sources import MemorySource
from tests.toys import pixels_of, png


def test_few_images_are_all_taken():
    source = MemorySource({str(seed): png(seed) for seed in range(3)})
    found = list(sample_images(source, count=10))
    assert len(found) == 3
    for seed, pixels in enumerate(found):
        np.testing.assert_array_equal(pixels, pixels_of(seed))


def test_many_are_taken_from_all_over():
    source = MemorySource({str(seed): png(seed) for seed in range(100)})
    assert len(list(sample_images(source, count=5))) == 5
    assert sorted(map(int, source.reads)) == [0, 20, 40, 60, 80]


def test_little_is_read_before_it_is_needed():
    source = MemorySource({str(seed): png(seed) for seed in range(500)})
    next(iter(sample_images(source, count=400)))
    assert source.reads.total() <= 2 * usable_cores() + 1


def test_what_cannot_be_used_is_left_out():
    class Source(MemorySource):
        def read(self, ref):
            if ref.id == "gone":
                raise OSError("gone")
            return super().read(ref)

    images = {"bad": b"no picture", "good": png(1), "gone": png(2), "large": png(3, side=40)}
    found = list(sample_images(Source(images), Limits(max_pixels=1000)))
    assert len(found) == 1
    np.testing.assert_array_equal(found[0], pixels_of(1))


def test_an_empty_source_gives_nothing():
    class Nothing(MemorySource):
        def __iter__(self):
            return iter(())

    assert list(sample_images(Nothing({}))) == []
