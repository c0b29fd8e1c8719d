"""Labels are taken from the same place by a later run that is not told where."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lookalike
from lookalike.api.label_rules import recalled
from lookalike.errors import InputError
from lookalike.sources.resolve import open_source
from tests.toys import ToyEncoder, plant, png


def opened(folder):
    return lookalike.open(folder / ".lookalike", encoder=ToyEncoder())


def labels(gallery):
    hits = gallery.search(np.ones(12, np.float32), k=99)
    return dict(zip(hits.ids, hits.labels, strict=True))


def table(path, kinds):
    images = [png(seed) for seed in range(50, 50 + len(kinds))]
    pq.write_table(pa.table({"image": images, "kind": kinds}), path)
    return path


def test_each_source_keeps_its_own_rule(tmp_path):
    plant(tmp_path / "a" / "cats", range(2))
    plant(tmp_path / "c" / "birds", range(4, 5))
    rows = table(tmp_path / "rows.parquet", ["x", "y"])
    opened(tmp_path).add(tmp_path / "a", label_from="parent")
    opened(tmp_path).add(rows, label_from="kind")
    report = opened(tmp_path).add([tmp_path / "a", rows, tmp_path / "c"])
    assert (report.added, report.updated, report.unchanged) == (1, 0, 4)
    assert sorted(str(label) for label in labels(opened(tmp_path)).values()) == ["None", "cats", "cats", "x", "y"]


def test_the_rule_of_a_folder_holds_inside_and_moves_with_the_gallery(tmp_path):
    home = tmp_path / "home"
    plant(home / "a" / "cats", range(2))
    plant(home / "b", range(2, 4))
    opened(home).add(home / "a", label_from="parent")
    shutil.move(home, tmp_path / "moved")
    moved = opened(tmp_path / "moved")
    plant(tmp_path / "moved" / "a" / "dogs", range(7, 8))
    moved.add(sorted((tmp_path / "moved" / "a" / "dogs").iterdir()))
    moved.add(str(tmp_path / "moved" / "*" / "*.png"))
    moved.add(tmp_path / "moved")
    assert sorted(str(label) for label in labels(moved).values()) == ["None", "None", "cats", "cats", "dogs"]


def test_a_rule_of_an_outer_folder_replaces_those_inside_and_none_ends_one(tmp_path):
    plant(tmp_path / "a" / "cats", range(2))
    gallery = opened(tmp_path)
    gallery.add(tmp_path / "a" / "cats", label_from="none")
    gallery.add(tmp_path, label_from="parent")
    gallery.add(tmp_path / "a")
    assert set(labels(gallery).values()) == {"cats"}
    gallery.add(tmp_path / "a" / "cats", label_from="none")
    gallery.add(tmp_path)
    assert set(labels(gallery).values()) == {None}
    gallery.add(tmp_path, label_from="none")
    assert gallery.store.manifest.label_rules == {}


def test_a_far_source_is_read_as_it_asks_also_with_rules(tmp_path):
    (tmp_path / "list.txt").write_text("http://127.0.0.1:9/a.png\n")
    listed = open_source(tmp_path / "list.txt", base=tmp_path)
    again = recalled(listed, {"elsewhere": "parent"}, base=tmp_path)
    assert [ref.uri for ref in again] == ["http://127.0.0.1:9/a.png"]
    assert again.concurrency == listed.concurrency > 1


def test_a_rule_that_failed_is_not_kept(tmp_path):
    plant(tmp_path / "a", range(2))
    gallery = opened(tmp_path)
    gallery.add(tmp_path / "a", label_from="parent")
    with pytest.raises(InputError, match="colour"):
        gallery.add(tmp_path / "a", label_from="colour")
    assert gallery.add(tmp_path / "a").unchanged == 2
