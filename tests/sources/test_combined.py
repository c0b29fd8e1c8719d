"""Several sources as one, of which some are damaged."""

from __future__ import annotations

import tarfile

import pytest
from PIL import Image

import lookalike
from lookalike.errors import InputError, SourceError, SourceGoneError
from lookalike.sources.resolve import open_source


def picture(path, seed):
    Image.effect_noise((40, 40), 20 + seed).convert("RGB").save(path)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(3):
        picture(folder / f"{seed}.png", seed)
    return folder


def archive(path, photos, names, *, cut=None):
    with tarfile.open(path, "w") as tar:
        for name in names:
            tar.add(photos / f"{name}.png", f"{name}.png")
    if cut is not None:
        path.write_bytes(path.read_bytes()[:cut])


def damaged(folder):
    """Write damaged sources of each kind and return their names."""
    files = {
        "rows.csv": b"file,label\n0.png,a\n1.png,b,c\n",
        "rows.jsonl": b'{"file": "0.png"}\n{"file": \n',
        "rows.parquet": b"PAR1 and no more PAR1",
        "embeddings.tar": b"\x1f\x8b no tar",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in files]


def test_what_is_damaged_is_told_and_the_others_are_indexed(photos, tmp_path):
    gallery = lookalike.open(tmp_path / "gallery")
    names = damaged(tmp_path)
    report = gallery.add([names[0], str(photos), *names[1:]])
    assert (report.added, report.total) == (3, 3)
    assert sorted(failure.uri for failure in report.failed) == sorted(names)
    assert all(failure.reason for failure in report.failed)


def test_where_all_are_damaged_nothing_is_made(tmp_path):
    with pytest.raises(SourceError, match=r"rows\.csv: the table cannot be read"):
        lookalike.open(tmp_path / "gallery").add(damaged(tmp_path))
    assert not (tmp_path / "gallery").exists()


def test_what_is_not_there_is_a_mistake_that_ends_the_run(photos, tmp_path):
    gallery = lookalike.open(tmp_path / "gallery")
    for absent in ("none.csv", "none-*.csv", "none-{0..1}.tar", "none"):
        with pytest.raises(SourceGoneError):
            gallery.add([str(photos), str(tmp_path / absent)])
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="column"):
        gallery.add([str(photos), str(tmp_path / "numbers.csv")])
    assert not (tmp_path / "gallery").exists()


def test_a_damaged_source_keeps_what_was_indexed_of_it(photos, tmp_path):
    gallery = lookalike.open(tmp_path / "gallery")
    shards = [tmp_path / "0.tar", tmp_path / "1.tar"]
    archive(shards[0], photos, "012")
    archive(shards[1], photos, "01")
    table = tmp_path / "rows.csv"
    table.write_text("".join(["file,label\n", *(f"photos/{seed}.png,l{seed}\n" for seed in range(3))]))
    sources = [*map(str, shards), str(table)]
    assert gallery.add(sources).added == 8

    whole = shards[0].read_bytes()
    shards[0].write_bytes(whole[: len(whole) // 3])
    table.write_text("file,label\nphotos/0.png,l0\nphotos/1.png,l1,x\n")
    archive(shards[1], photos, "1")  # that one was taken out is known
    report = gallery.add(sources)
    assert {failure.uri for failure in report.failed} == {str(shards[0]), str(table)}
    assert (report.removed, report.total) == (1, 7)

    shards[0].write_bytes(whole)
    table.write_text("file,label\nphotos/0.png,l0\n")  # what a table listed once cannot be told
    report = gallery.add(sources)
    assert (report.failed, report.removed, report.total) == ([], 0, 7)


def test_what_was_listed_before_the_damage_is_read(photos, tmp_path):
    archive(tmp_path / "0.tar", photos, "012")
    archive(tmp_path / "1.tar", photos, "01")
    data = (tmp_path / "0.tar").read_bytes()
    (tmp_path / "0.tar").write_bytes(data[: data.index(b"2.png") + 700])
    source = open_source([str(tmp_path / "{0..1}.tar"), str(photos)], base=tmp_path)
    refs = list(source)
    assert [ref.id for ref in refs[:4]] == ["0.tar/0", "0.tar/1", "1.tar/0", "1.tar/1"]
    assert all(source.read(ref) == (photos / f"{ref.id[-1]}.png").read_bytes() for ref in refs[:4])
    assert not source.covers("0.tar/2")
    assert source.covers("1.tar/2")
    assert [error.uri for error in source.broken] == [str(tmp_path / "0.tar")]


def test_a_source_that_is_named_twice_is_listed_once(photos, tmp_path):
    table = tmp_path / "rows.csv"
    table.write_text("file\nphotos/0.png\nphotos/absent.png\n")
    gallery = lookalike.open(tmp_path / "gallery")
    report = gallery.add([str(table), str(table), str(photos), str(photos)])
    assert (report.added, [failure.uri for failure in report.failed]) == (3, [str(photos / "absent.png")])
