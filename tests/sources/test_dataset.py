from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from lookalike.errors import BackendMissingError, InputError, SourceError
from lookalike.sources.dataset import DatasetSource, hub_dataset
from lookalike.sources.resolve import open_source
from tests.sources.trees import ids, picture, plant

datasets = pytest.importorskip("datasets", reason="needs the extra hf")
Features, Image, ClassLabel, Value = datasets.Features, datasets.Image, datasets.ClassLabel, datasets.Value


@pytest.fixture(autouse=True)
def _quiet_and_private(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def beans(rows=3, **columns):
    features = {"image": Image(), "labels": ClassLabel(names=["healthy", "rust"])}
    values = {"image": [{"bytes": picture(row), "path": None} for row in range(rows)], "labels": [0, 1, -1][:rows]}
    for name, (feature, column) in columns.items():
        features[name], values[name] = feature, column
    return datasets.Dataset.from_dict(values, features=Features(features))


def test_rows_are_listed_with_their_labels_and_original_bytes():
    source = open_source(beans(), base=None)
    refs = list(source)
    assert [ref.id for ref in refs] == ["dataset/train/0", "dataset/train/1", "dataset/train/2"]
    assert [ref.uri for ref in refs] == [f"dataset:dataset#train/{row}" for row in range(3)]
    assert [ref.attributes for ref in refs] == [{"label": "healthy"}, {"label": "rust"}, {"label": None}]
    assert [source.read(ref) for ref in refs] == [picture(row) for row in range(3)]
    assert list(source) == refs
    assert len({ref.stamp for ref in refs}) == 3
    assert next(iter(open_source(beans(rows=2), base=None))).stamp != refs[0].stamp


def test_other_scalar_columns_are_attributes():
    source = DatasetSource(
        beans(
            name=(Value("string"), ["a", None, "c"]),
            count=(Value("int32"), [1, 2, 3]),
            score=(Value("float64"), [0.5, 1.5, 2.5]),
            good=(Value("bool"), [True, False, True]),
            when=(Value("timestamp[s]"), [datetime(2020, 1, 2)] * 3),
            day=(Value("date32"), [datetime(2020, 1, 2).date()] * 3),
            vector=(datasets.Sequence(Value("float32")), [[1.0]] * 3),
            raw=(Value("binary"), [b"x"] * 3),
        )
    )
    first = next(iter(source)).attributes
    assert first == {
        **{"name": "a", "count": 1, "score": 0.5, "good": True, "label": "healthy"},
        **{"when": datetime(2020, 1, 2), "day": datetime(2020, 1, 2)},
    }
    assert [type(first[name]) for name in ("count", "score", "good", "day")] == [int, float, bool, datetime]


def test_several_class_labels_keep_their_names():
    kinds = ClassLabel(names=["plant", "animal"])
    assert next(ref.attributes for ref in DatasetSource(beans(kind=(kinds, [1, 0, 0])))) == {
        "labels": "healthy",
        "kind": "animal",
    }


def test_a_label_column_of_its_own_is_not_overwritten():
    source = DatasetSource(beans(label=(Value("string"), ["x", "y", "z"])))
    assert next(iter(source)).attributes == {"label": "x", "labels": "healthy"}


def test_every_split_of_a_dictionary_is_listed():
    source = open_source(datasets.DatasetDict(train=beans(2), test=beans(1)), base=None)
    assert ids(source) == ["dataset/train/0", "dataset/train/1", "dataset/test/0"]


def test_it_covers_rows_of_its_splits_present_or_past():
    source = DatasetSource(datasets.DatasetDict(train=beans()), name="user/beans")
    assert ids(source)[0] == "user/beans/train/0"
    for covered in ("user/beans/train/0", "user/beans/train/99"):
        assert source.covers(covered)
    for other in ("user/beans/test/0", "beans/train/0", "user/beans/train/0.png", "user/beans/train/x", "user/beans"):
        assert not source.covers(other)


def test_a_row_that_is_not_there_or_holds_nothing():
    rows = datasets.Dataset.from_dict({"image": [None, picture()]}, features=Features({"image": Image()}))
    source = DatasetSource(rows)
    first, second = source
    assert source.read(second) == picture()
    with pytest.raises(SourceError, match="dataset:dataset#train/0: the row holds no picture"):
        source.read(first)
    with pytest.raises(SourceError, match="not in dataset:dataset"):
        DatasetSource(rows.select([0])).read(second)


def test_selected_filtered_and_formatted_rows_are_read_as_they_stand():
    rows = beans().select([2, 0]).with_format("numpy")
    source = DatasetSource(rows)
    assert [source.read(ref) for ref in source] == [picture(2), picture(0)]
    assert [ref.attributes["label"] for ref in source] == [None, "healthy"]
    shown = beans().with_transform(lambda batch: {"nothing": [0] * len(batch["image"])})
    assert next(ref.attributes for ref in DatasetSource(shown)) == {"label": "healthy"}


@pytest.mark.parametrize("column", ["image", "img", "path", "file_name"])
def test_a_column_of_paths_is_read(tmp_path, column):
    plant(tmp_path, ["1.png", "2.png"])
    paths = [str(tmp_path / "1.png"), str(tmp_path / "2.png"), str(tmp_path / "3.png")]
    source = DatasetSource(datasets.Dataset.from_dict({column: paths, "n": [1, 2, 3]}))
    refs = list(source)
    assert [source.read(ref) for ref in refs[:2]] == [picture(0), picture(1)]
    assert refs[1].attributes == {"n": 2}
    with pytest.raises(OSError, match=r"3\.png"):
        source.read(refs[2])


def test_an_image_column_of_paths_is_read_without_encoding_it_again(tmp_path):
    plant(tmp_path, ["1.png"])
    rows = datasets.Dataset.from_dict({"photo": [str(tmp_path / "1.png")]}).cast_column("photo", Image())
    source = DatasetSource(rows)
    assert [source.read(ref) for ref in source] == [picture()]


def test_columns_of_bytes_and_of_bytes_with_paths_are_read():
    for values in ([picture(1)], [{"bytes": picture(1), "path": "x.png"}]):
        source = DatasetSource(datasets.Dataset.from_dict({"image": values}))
        assert [source.read(ref) for ref in source] == [picture(1)]
        assert [ref.attributes for ref in source] == [{}]


def test_of_several_image_columns_the_usual_name_is_taken():
    images = [{"bytes": picture(9), "path": None}] * 3
    source = DatasetSource(beans(mask=(Image(), images)).select_columns(["mask", "labels", "image"]))
    assert source.read(next(iter(source))) == picture(0)


def test_a_dataset_without_pictures_names_its_columns():
    with pytest.raises(InputError, match=r"no column .* \(its columns: text, n\); cast one"):
        open_source(datasets.Dataset.from_dict({"text": ["a"], "n": [1]}), base=None)


def test_an_empty_dataset_is_an_error():
    with pytest.raises(SourceError, match="holds no rows"):
        list(DatasetSource(beans().select([])))


def test_a_streamed_dataset_is_refused():
    for streamed in (beans().to_iterable_dataset(), datasets.IterableDatasetDict(a=beans().to_iterable_dataset())):
        with pytest.raises(InputError, match="streaming"):
            open_source(streamed, base=None)


def test_a_dataset_saved_on_disk_is_named_by_its_path(tmp_path):
    beans().save_to_disk(tmp_path / "in" / "beans")
    datasets.DatasetDict(train=beans(1), test=beans(2)).save_to_disk(tmp_path / "both")
    source = open_source(str(tmp_path / "in" / "beans"), base=tmp_path)
    refs = list(source)
    assert [ref.id for ref in refs] == [f"in/beans/train/{row}" for row in range(3)]
    assert refs[1].uri == f"dataset:{tmp_path}/in/beans#train/1", "no path, which others would try to read"
    assert source.read(refs[1]) == picture(1)
    assert [ref.stamp for ref in open_source(tmp_path / "in" / "beans", base=tmp_path)] == [ref.stamp for ref in refs]
    assert ids(open_source(tmp_path / "both", base=tmp_path)) == ["both/train/0", "both/test/0", "both/test/1"]
    assert ids(open_source(tmp_path / "both", base=tmp_path / "in"))[0] == f"{tmp_path}/both/train/0"


def test_a_damaged_saved_dataset_is_an_error(tmp_path):
    beans().save_to_disk(tmp_path / "beans")
    (tmp_path / "beans" / "state.json").write_text("{}")
    with pytest.raises(SourceError, match="beans: the saved data set is damaged"):
        open_source(tmp_path / "beans", base=tmp_path)


def test_a_dataset_is_loaded_by_name_and_split(tmp_path, monkeypatch):
    plant(tmp_path / "leaves", ["train/healthy/1.png", "train/rust/2.png", "test/rust/3.png"])
    monkeypatch.chdir(tmp_path)
    source = open_source("hf:./leaves:train", base=tmp_path)
    refs = list(source)
    assert [ref.id for ref in refs] == ["./leaves/train/0", "./leaves/train/1"]
    assert [ref.uri for ref in refs] == ["hf:./leaves#train/0", "hf:./leaves#train/1"]
    assert [ref.attributes["label"] for ref in refs] == ["healthy", "rust"]
    assert [source.read(ref) for ref in refs] == [picture(0), picture(1)]
    assert len(ids(hub_dataset("hf:./leaves"))) == 3
    assert ids(hub_dataset("hf:./leaves:train[1:]")) == ["./leaves/train[1:]/0"]
    with pytest.raises(SourceError, match=r"hf:\./leaves:nope: Unknown split"):
        hub_dataset("hf:./leaves:nope")


def test_a_dataset_that_cannot_be_reached_is_an_error_in_one_line():
    with pytest.raises(SourceError, match=r"^hf:nobody/nothing: [^\n]*nobody/nothing[^\n]*$"):
        open_source("hf:nobody/nothing", base=None)
    with pytest.raises(InputError, match="names no data set; write hf:NAME"):
        open_source("hf::train", base=None)


def test_without_the_library_the_extra_is_named(monkeypatch, tmp_path):
    beans().save_to_disk(tmp_path / "beans")
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    for spec in ("hf:beans", tmp_path / "beans"):
        with pytest.raises(BackendMissingError, match=r'pip install "lookalike\[hf\]"'):
            open_source(spec, base=tmp_path)


def test_threads_read_at_once():
    rows = datasets.concatenate_datasets([beans()] * 40)
    source = DatasetSource(rows)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(source.read, source)) == [picture(row % 3) for row in range(120)]
