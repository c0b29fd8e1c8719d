from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.errors import InputError, SourceError
from lookalike.sources.folder import FolderSource
from lookalike.sources.resolve import open_source
from lookalike.sources.table import split_table, table_source
from tests.sources.trees import ids, picture, plant
from tests.sources.web import serving

TREE = ["in/a/1.png", "in/2.png", "out/3.png"]
ROWS = [
    {"file_name": "a/1.png", "count": 1, "score": 0.5, "name": "x", "good": True},
    {"file_name": "2.png", "count": 2, "score": 1.0, "name": "y, z", "good": False},
    {"file_name": "../out/3.png", "count": None, "score": None, "name": None, "good": None},
]
WRITERS = {
    "parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path),
    "csv": lambda path: path.write_text(
        'file_name,count,score,name,good\na/1.png,1,0.5,x,true\n2.png,2,1,"y, z",false\n../out/3.png,,,,\n'
    ),
    "tsv": lambda path: path.write_text(
        "file_name\tcount\tscore\tname\tgood\na/1.png\t1\t0.5\tx\ttrue\n"
        "2.png\t2\t1\ty, z\tfalse\n../out/3.png\t\t\t\t\n"
    ),
    "json": lambda path: path.write_text(json.dumps(ROWS, indent=1)),
    "jsonl": lambda path: path.write_text("\n".join(map(json.dumps, ROWS))),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_paths_are_the_files_of_their_folders_with_attributes(tmp_path, suffix):
    plant(tmp_path, TREE)
    WRITERS[suffix](tmp_path / "in" / f"metadata.{suffix}")
    source = open_source(tmp_path / "in" / f"metadata.{suffix}", base=tmp_path)
    refs = list(source)
    there = {ref.id: ref for ref in FolderSource(tmp_path, base=tmp_path)}
    assert [ref.id for ref in refs] == TREE
    for ref, row, at in zip(refs, ROWS, range(3), strict=True):
        plain = there[ref.id]
        assert (ref.uri, ref.stamp, ref.size) == (plain.uri, plain.stamp, plain.size)
        expected = {name: value for name, value in row.items() if name != "file_name"}
        assert ref.attributes == {**plain.attributes, **expected}
        assert [type(ref.attributes[name]) for name in expected] == [type(value) for value in expected.values()]
        assert source.read(ref) == picture(at)
        assert source.covers(ref.id)
    assert list(source) == refs
    assert not source.covers("in/4.png")


@pytest.mark.parametrize("column", ["image", "IMG", "path", "File_Name", "filename", "image_url", "url", "file"])
def test_the_column_is_found_by_its_name(tmp_path, column):
    plant(tmp_path, ["1.png"])
    (tmp_path / "t.csv").write_text(f"label,{column}\nx,1.png\n")
    (ref,) = table_source(tmp_path / "t.csv", base=tmp_path)
    assert (ref.id, ref.attributes) == ("1.png", {"folder": tmp_path.name, "label": "x"})


def test_the_column_can_be_named(tmp_path):
    plant(tmp_path, ["1.png", "2.png"])
    (tmp_path / "t.csv").write_text("path,leaf\n1.png,2.png\n")
    assert ids(open_source(f"{tmp_path}/t.csv", base=tmp_path)) == ["1.png"]
    (ref,) = open_source(f"{tmp_path}/t.csv#leaf", base=tmp_path)
    assert (ref.id, ref.attributes["path"]) == ("2.png", "1.png")
    with pytest.raises(InputError, match=r"t\.csv: there is no column 'twig'; its columns: path, leaf\. Name the one"):
        open_source(f"{tmp_path}/t.csv#twig", base=tmp_path)


def test_a_table_without_pictures_names_its_columns(tmp_path):
    (tmp_path / "t.csv").write_text("leaf,n\n1.png,2\n")
    with pytest.raises(
        InputError, match=r"no column holds pictures by its name; its columns: leaf, n\. Name .*#COLUMN"
    ):
        table_source(tmp_path / "t.csv", base=tmp_path)
    (tmp_path / "t.jsonl").write_text('{"image": [1]}\n')
    with pytest.raises(InputError, match="its columns: image"):
        table_source(tmp_path / "t.jsonl", base=tmp_path)
    with pytest.raises(InputError, match="the column 'n' holds int64, and pictures are paths, URLs or bytes"):
        table_source(tmp_path / "t.csv", "n", base=tmp_path)


def test_urls_are_fetched(tmp_path):
    with serving() as server:
        url = server.put("/1.png", picture(7))
        (tmp_path / "t.jsonl").write_text(json.dumps({"url": url, "text": "leaf"}))
        source = table_source(tmp_path / "t.jsonl", base=tmp_path)
        (ref,) = source
        assert (ref.id, ref.attributes, source.read(ref)) == (url, {"text": "leaf"}, picture(7))


def test_an_empty_cell_fails_alone(tmp_path):
    plant(tmp_path, ["1.png"])
    (tmp_path / "t.csv").write_text("path,n\n,1\n1.png,2\n")
    source = table_source(tmp_path / "t.csv", base=tmp_path)
    empty, good = source
    assert (empty.id, good.id) == ("t.csv#0", "1.png")
    with pytest.raises(SourceError, match="it names no picture"):
        source.read(empty)


def images(path, values, *, kind=None, rows=None, **columns):
    table = pa.table({"image": pa.array(values, kind), **columns})
    pq.write_table(table, path, row_group_size=rows)


@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.large_binary(), pa.struct({"bytes": pa.binary(), "path": pa.string()})]
)
def test_pictures_in_the_table_are_read_by_row(tmp_path, kind):
    wrap = (lambda data: {"bytes": data, "path": "x.png"}) if pa.types.is_struct(kind) else lambda data: data
    images(tmp_path / "t.parquet", [wrap(picture(row)) for row in range(200)], kind=kind, rows=30, n=list(range(200)))
    source = open_source(tmp_path / "t.parquet", base=tmp_path)
    refs = list(source)
    assert [ref.id for ref in refs] == [f"t.parquet#{row}" for row in range(200)]
    assert [ref.attributes for ref in refs] == [{"n": row} for row in range(200)]
    assert [source.read(ref) for ref in refs] == [picture(row) for row in range(200)]
    assert list(source) == refs
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(source.read, refs[::-1])) == [picture(row) for row in reversed(range(200))]
    assert source.covers("t.parquet#1000")
    assert not any(map(source.covers, ("t.parquet#x", "t.parquet", "other.parquet#1", "t.parquet#image/1", "1")))


def test_a_row_is_no_file_for_those_who_have_the_gallery_only(tmp_path):
    images(tmp_path / "t.parquet", [picture()])
    (ref,) = table_source(tmp_path / "t.parquet", base=tmp_path)
    assert ref.uri == f"table:{tmp_path}/t.parquet#0"


def test_a_changed_table_changes_the_stamps(tmp_path):
    images(tmp_path / "t.parquet", [picture(1)])
    (first,) = table_source(tmp_path / "t.parquet", base=tmp_path)
    images(tmp_path / "t.parquet", [picture(2)] * 2)
    assert next(iter(table_source(tmp_path / "t.parquet", base=tmp_path))).stamp != first.stamp


def test_another_column_of_pictures_has_ids_of_its_own(tmp_path):
    images(tmp_path / "t.parquet", [picture(1)], mask=pa.array([picture(2)]))
    plain, mask = (table_source(tmp_path / "t.parquet", column, base=tmp_path) for column in ("image", "mask"))
    assert (ids(plain), ids(mask)) == (["t.parquet#0"], ["t.parquet#mask/0"])
    assert [mask.read(ref) for ref in mask] == [picture(2)]
    assert mask.covers("t.parquet#mask/4")
    assert not mask.covers("t.parquet#4")


def test_rows_without_bytes(tmp_path):
    plant(tmp_path, ["1.png"])
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    values = [{"bytes": None, "path": "1.png"}, {"bytes": None, "path": None}, None, {"bytes": b"", "path": "1.png"}]
    images(tmp_path / "t.parquet", values, kind=kind)
    source = table_source(tmp_path / "t.parquet", base=tmp_path)
    refs = list(source)
    assert source.read(refs[0]) == picture()
    for ref in refs[1:]:
        with pytest.raises(SourceError, match=r"t\.parquet#\d: the row holds no picture"):
            source.read(ref)
    with pytest.raises(SourceError, match="it is not a row of"):
        source.read(next(iter(FolderSource(tmp_path, base=tmp_path))))


def test_types_of_arrow_become_attributes_and_nested_ones_do_not(tmp_path):
    when = datetime(2024, 5, 1, 12, 30, tzinfo=timezone.utc)
    columns = {
        "int8": pa.array([3], pa.int8()),
        "hash": pa.array([2**64 - 1], pa.uint64()),
        "half": pa.array([0.5], pa.float32()),
        "none": pa.array([float("nan")], pa.float64()),
        "price": pa.array([Decimal("1.25")]),
        "word": pa.array(["a"]).dictionary_encode(),
        "long": pa.array(["b"], pa.large_string()),
        "view": pa.array(["c"], pa.string_view()),
        "day": pa.array([date(2024, 5, 1)]),
        "when": pa.array([when], pa.timestamp("ns", "Europe/Rome")),
        "nano": pa.array([1_700_000_000_000_000_001], pa.timestamp("ns")),
        "null": pa.nulls(1),
        "list": pa.array([[1]]),
        "struct": pa.array([{"a": 1}]),
        "raw": pa.array([b"x"]),
        "span": pa.array([5], pa.duration("s")),
    }
    images(tmp_path / "t.parquet", [picture()], **columns)
    (ref,) = table_source(tmp_path / "t.parquet", base=tmp_path)
    assert ref.attributes == {
        **{"int8": 3, "hash": str(2**64 - 1), "half": 0.5, "none": None, "price": 1.25},
        **{"word": "a", "long": "b", "view": "c"},
        **{
            "day": datetime(2024, 5, 1),
            "when": when,
            "nano": datetime.fromtimestamp(1_700_000_000, timezone.utc).replace(tzinfo=None),
        },
    }


def test_names_of_class_labels_that_datasets_wrote_are_used(tmp_path):
    features = {"image": {"_type": "Image"}, "labels": {"names": ["healthy", "rust"], "_type": "ClassLabel"}}
    table = pa.table({"image": [{"bytes": picture(), "path": None}] * 3, "labels": [1, 0, -1]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "t.parquet")
    source = table_source(tmp_path / "t.parquet", base=tmp_path)
    assert [ref.attributes for ref in source] == [{"label": "rust"}, {"label": "healthy"}, {"label": None}]


def test_a_table_without_rows_is_an_error(tmp_path):
    images(tmp_path / "t.parquet", [], kind=pa.binary())
    (tmp_path / "t.csv").write_text("path\n")
    for name in ("t.parquet", "t.csv"):
        with pytest.raises(SourceError, match=r"the table has no rows|the list is empty"):
            list(table_source(tmp_path / name, base=tmp_path))


def test_tables_and_columns_are_told_apart():
    assert split_table("a/b.parquet#x y") == ("a/b.parquet", "x y")
    assert split_table("B.CSV") == ("B.CSV", None)
    assert split_table("b.csv/1.jpg") is None
    assert split_table("b.jpg#x") is None
