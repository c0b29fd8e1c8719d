"""A gallery follows its source, and no image is embedded that need not be."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.building.build import BuildOptions, build
from lookalike.errors import EncoderError, InputError, SourceError
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.location import Location
from lookalike.gallery.manifest import Manifest
from lookalike.gallery.skipped_store import SkippedStore
from lookalike.images.decode import Limits
from lookalike.sources.resolve import open_source
from tests.building.sources import MemorySource
from tests.toys import ToyEncoder, pixels_of, plant, png, refuse, toy_embedding

NO_PICTURE = "not a picture in a format that lookalike reads"
STAYS = f"{NO_PICTURE}; its earlier version stays in the gallery"
COUNTS = ("added", "updated", "unchanged", "removed", "reused", "embedded", "total")


def new_store(folder: Path) -> LanceStore:
    spec = ToyEncoder().spec
    return LanceStore.create(Location(folder / ".lookalike"), Manifest(encoder=spec.to_dict(), dim=spec.dim))


@pytest.fixture
def store(tmp_path):
    return new_store(tmp_path)


@pytest.fixture
def encoder():
    return ToyEncoder()


def run(store, source, encoder=refuse, **options):
    """Build, and return what it counted that is not zero, and why items failed."""
    source = source if hasattr(source, "read") else open_source(source, base=store.location.base)
    make = (lambda: encoder) if isinstance(encoder, ToyEncoder) else encoder
    report = build(store, source, make, BuildOptions(workers=2, **options))
    counts = {name: getattr(report, name) for name in COUNTS}
    counts["failed"] = [failure.reason for failure in report.failed]
    return {name: count for name, count in counts.items() if count}


def embeddings(store):
    """Return the embedding of each item, and check that there is one row of each."""
    rows = [row for batch in store.scan(["id", "embedding"]) for row in batch.to_pylist()]
    found = {row["id"]: row["embedding"] for row in rows}
    assert len(found) == len(rows)
    return found


def of(seed):
    return toy_embedding(pixels_of(seed)).tolist()


def skipped(store):
    return [item.id for item in SkippedStore(store.location).items()]


class TestFolders:
    """Files that come, change, move and go."""

    def test_a_second_run_does_nothing(self, store, tmp_path, encoder):
        plant(tmp_path, range(5))
        assert run(store, tmp_path, encoder) == {"added": 5, "embedded": 5, "total": 5}
        version = store.version
        files = sorted(str(path) for path in store.location.folder.rglob("*"))
        assert run(store, tmp_path) == {"unchanged": 5, "total": 5}
        assert store.version == version
        assert sorted(str(path) for path in store.location.folder.rglob("*")) == files
        assert embeddings(store) == {f"{seed:04d}.png": of(seed) for seed in range(5)}

    def test_what_changed_is_embedded_again_and_nothing_else(self, store, tmp_path, encoder):
        plant(tmp_path, range(5))
        run(store, tmp_path, encoder)
        (tmp_path / "0003.png").write_bytes(png(33))
        plant(tmp_path, [9])
        assert run(store, tmp_path, encoder) == {"added": 1, "updated": 1, "unchanged": 4, "embedded": 2, "total": 6}
        assert encoder.images == 7
        assert embeddings(store)["0003.png"] == of(33)

    def test_what_is_gone_leaves(self, store, tmp_path, encoder):
        plant(tmp_path / "a", range(3))
        plant(tmp_path / "b", range(3, 6))
        run(store, tmp_path, encoder)
        (tmp_path / "a" / "0001.png").unlink()
        shutil.rmtree(tmp_path / "b")
        assert run(store, tmp_path) == {"unchanged": 2, "removed": 4, "total": 2}
        assert sorted(embeddings(store)) == ["a/0000.png", "a/0002.png"]

    def test_what_is_renamed_copied_or_moved_is_recognised(self, store, tmp_path, encoder):
        plant(tmp_path, range(6))
        run(store, tmp_path, encoder)
        (tmp_path / "0000.png").rename(tmp_path / "renamed.png")
        (tmp_path / "sub").mkdir()
        (tmp_path / "0001.png").rename(tmp_path / "sub" / "moved.png")
        shutil.copy(tmp_path / "0002.png", tmp_path / "copy.png")
        assert run(store, tmp_path) == {"added": 3, "reused": 3, "unchanged": 4, "removed": 2, "total": 7}
        found = embeddings(store)
        assert [found[name] for name in ("renamed.png", "sub/moved.png", "copy.png")] == [of(0), of(1), of(2)]
        rows = store.take(store.row_ids(), ["id", "folder", "uri"]).to_pylist()
        assert {"sub": "./sub/moved.png"}.items() <= {row["folder"]: row["uri"] for row in rows}.items()

    def test_a_whole_folder_that_is_renamed_is_recognised(self, store, tmp_path, encoder):
        plant(tmp_path / "a", range(300))
        run(store, tmp_path, encoder)
        (tmp_path / "a").rename(tmp_path / "b")
        assert run(store, tmp_path) == {"added": 300, "reused": 300, "removed": 300, "total": 300}
        assert embeddings(store) == {f"b/{seed:04d}.png": of(seed) for seed in range(300)}

    def test_names_that_change_hands_keep_embeddings_with_their_pixels(self, store, tmp_path, encoder):
        plant(tmp_path, range(300))
        run(store, tmp_path, encoder)
        for seed in range(300):
            (tmp_path / f"{seed:04d}.png").write_bytes(png(299 - seed))
        report = run(store, tmp_path, encoder)
        assert report["updated"] + report.get("unchanged", 0) == 300
        assert embeddings(store) == {f"{seed:04d}.png": of(299 - seed) for seed in range(300)}

    def test_a_file_that_is_only_touched_is_not_embedded(self, store, tmp_path, encoder):
        plant(tmp_path, range(2))
        run(store, tmp_path, encoder)
        os.utime(tmp_path / "0000.png", (1, 1))
        assert run(store, tmp_path) == {"unchanged": 2, "total": 2}
        assert store.find("0000.png", ["stamp"])["stamp"][0].as_py().partition(":")[2].startswith("1000000000#")
        assert run(store, tmp_path) == {"unchanged": 2, "total": 2}

    def test_one_source_does_not_remove_what_another_brought(self, store, tmp_path, encoder):
        plant(tmp_path / "a", range(3))
        plant(tmp_path / "b", range(3, 6))
        run(store, tmp_path / "a", encoder)
        assert run(store, tmp_path / "b", encoder) == {"added": 3, "embedded": 3, "total": 6}
        assert run(store, str(tmp_path / "a" / "0000.png")) == {"unchanged": 1, "total": 6}
        assert run(store, [str(tmp_path / "a"), str(tmp_path / "b")]) == {"unchanged": 6, "total": 6}

    @pytest.mark.parametrize("loss", ["emptied", "removed", "replaced by a file"])
    def test_a_source_that_is_lost_removes_nothing(self, store, tmp_path, encoder, loss):
        folder = tmp_path / "photos"
        plant(folder, range(3))
        run(store, folder, encoder)
        source = open_source(folder, base=tmp_path)
        shutil.rmtree(folder)
        if loss == "emptied":
            folder.mkdir()
        elif loss == "replaced by a file":
            folder.write_text("x")
        with pytest.raises(SourceError):
            run(store, source)
        assert len(embeddings(store)) == 3

    def test_a_lost_source_among_others_removes_nothing(self, store, tmp_path, encoder):
        plant(tmp_path / "a", range(3))
        plant(tmp_path / "b", range(3, 6))
        both = [str(tmp_path / "a"), str(tmp_path / "b")]
        run(store, both, encoder)
        (tmp_path / "a" / "0000.png").unlink()
        shutil.rmtree(tmp_path / "b")
        (tmp_path / "b").mkdir()
        with pytest.raises(SourceError, match="holds no images"):
            run(store, both)
        assert len(embeddings(store)) == 6

    def test_names_that_are_no_text_follow_too(self, store, tmp_path, encoder):
        plant(tmp_path, range(2))
        odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.png"))
        odd.write_bytes(png(7))
        assert run(store, tmp_path, encoder) == {"added": 3, "embedded": 3, "total": 3}
        assert run(store, tmp_path) == {"unchanged": 3, "total": 3}
        odd.rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xfd.png"))
        assert run(store, tmp_path) == {"added": 1, "reused": 1, "removed": 1, "unchanged": 2, "total": 3}
        assert "file:%FD.png" in embeddings(store)


class TestBadImages:
    """They never stop a run, are listed, and are tried again when that may help."""

    def test_good_ones_are_indexed_and_bad_ones_listed(self, store, tmp_path, encoder):
        plant(tmp_path, range(3))
        jpeg = BytesIO()
        Image.fromarray(pixels_of(1, 64)).save(jpeg, "JPEG")
        for name, data in {"text.jpg": b"hello", "cut.jpg": jpeg.getvalue()[:600], "zero.png": b""}.items():
            (tmp_path / name).write_bytes(data)
        report = run(store, tmp_path, encoder)
        reasons = report.pop("failed")
        assert report == {"added": 3, "embedded": 3, "total": 3}
        assert reasons == [
            "the JPEG is truncated",
            NO_PICTURE,
            "the file is empty",
        ]
        assert skipped(store) == ["cut.jpg", "text.jpg", "zero.png"]

    def test_only_bad_ones_make_an_empty_gallery(self, store, tmp_path, encoder):
        (tmp_path / "text.jpg").write_bytes(b"hello")
        assert run(store, tmp_path, encoder) == {"failed": [NO_PICTURE]}

    def test_it_is_not_read_again_until_it_changes(self, store, encoder):
        source = MemorySource({"good": png(1), "bad": b"hello"})
        run(store, source, encoder)
        assert source.reads == {"good": 1, "bad": 1}
        assert run(store, source) == {"unchanged": 1, "total": 1, "failed": [NO_PICTURE]}
        assert source.reads == {"good": 1, "bad": 1}
        source.images["bad"] = b"other"
        run(store, source, encoder)
        assert source.reads["bad"] == 2
        source.images["bad"] = png(2)
        assert run(store, source, encoder) == {"added": 1, "unchanged": 1, "embedded": 1, "total": 2}
        assert skipped(store) == []

    def test_it_is_read_again_when_the_limits_rise(self, store, encoder):
        source = MemorySource({"small": png(1), "large": png(2, side=30)})
        assert "megapixels" in run(store, source, encoder, limits=Limits(max_pixels=100))["failed"][0]
        run(store, source, refuse, limits=Limits(max_pixels=100))
        assert source.reads["large"] == 1
        assert run(store, source, encoder) == {"added": 1, "unchanged": 1, "embedded": 1, "total": 2}
        assert skipped(store) == []

    def test_a_file_above_the_limit_is_not_even_read(self, store, encoder):
        source = MemorySource({"small": png(1), "large": png(2, side=90)})
        assert "--max-bytes" in run(store, source, encoder, limits=Limits(max_bytes=1_000))["failed"][0]
        assert source.reads == {"small": 1}

    def test_one_without_a_stamp_is_read_each_time(self, store, encoder):
        source = MemorySource({"good": png(1), "bad": b"hello"}, has_stamps=False)
        run(store, source, encoder)
        run(store, source, encoder)
        assert source.reads["bad"] == 2
        assert skipped(store) == ["bad"]

    def test_what_turns_bad_keeps_its_row(self, store, tmp_path, encoder):
        plant(tmp_path, range(2))
        run(store, tmp_path, encoder)
        (tmp_path / "0001.png").write_bytes(b"overwritten")
        for make in (encoder, refuse):
            assert run(store, tmp_path, make) == {"unchanged": 1, "total": 2, "failed": [STAYS]}
            assert embeddings(store)["0001.png"] == of(1)
            assert [item.reason for item in SkippedStore(store.location).items()] == [STAYS]
        assert skipped(store) == ["0001.png"]

    @pytest.mark.parametrize("has_stamps", [True, False])
    def test_what_becomes_as_it_was_is_no_failure_any_more(self, store, encoder, has_stamps):
        source = MemorySource({"a": png(1), "b": png(2)}, has_stamps=has_stamps)
        run(store, source, encoder)
        source.images["b"] = b"broken"
        run(store, source, encoder)
        assert skipped(store) == ["b"]
        source.images["b"] = png(2)
        assert run(store, source) == {"unchanged": 2, "total": 2}
        assert skipped(store) == []

    def test_one_that_is_gone_is_forgotten(self, store, tmp_path, encoder):
        plant(tmp_path, range(1))
        (tmp_path / "bad.jpg").write_bytes(b"x")
        run(store, tmp_path, encoder)
        (tmp_path / "bad.jpg").unlink()
        run(store, tmp_path)
        assert skipped(store) == []

    def test_another_source_does_not_forget_it(self, store, tmp_path, encoder):
        plant(tmp_path / "a", range(1))
        plant(tmp_path / "b", range(1))
        (tmp_path / "a" / "bad.jpg").write_bytes(b"x")
        run(store, tmp_path / "a", encoder)
        run(store, tmp_path / "b", encoder)
        assert skipped(store) == ["a/bad.jpg"]

    def test_one_that_vanishes_between_listing_and_reading_is_listed(self, store, tmp_path, encoder):
        plant(tmp_path, range(3))
        source = open_source(tmp_path, base=tmp_path)
        read = source.read

        def read_late(ref):
            Path(ref.uri).unlink()
            return read(ref)

        source.read = read_late
        assert run(store, source, encoder) == {"failed": ["No such file or directory"] * 3}


class TestWhatSourcesSay:
    """Attributes, stamps, thumbnails."""

    def test_attributes_come_along_with_what_the_image_says(self, store, encoder):
        source = MemorySource({"a": png(1, side=9)}, {"a": {"label": "cat", "score": 0.5}})
        run(store, source, encoder)
        row = store.find("a", ["label", "score", "width", "height"]).to_pylist()[0]
        assert {name: row[name] for name in ("label", "score", "width", "height")} == {
            "label": "cat",
            "score": 0.5,
            "width": 9,
            "height": 9,
        }

    def test_changed_attributes_are_written_without_embedding(self, store, encoder):
        source = MemorySource({"a": png(1), "b": png(2)}, {"a": {"label": "cat"}})
        run(store, source, encoder)
        source.attributes["a"] = {"label": "dog"}
        assert run(store, source) == {"updated": 1, "unchanged": 1, "total": 2}
        assert store.find("a", ["label"])["label"].to_pylist() == ["dog"]
        assert embeddings(store)["a"] == of(1)

    def test_without_stamps_everything_is_read_and_nothing_embedded(self, store, encoder):
        source = MemorySource({"a": png(1), "b": png(2)}, has_stamps=False)
        run(store, source, encoder)
        assert run(store, source) == {"unchanged": 2, "total": 2}
        assert source.reads == {"a": 2, "b": 2}
        source.images["b"] = png(3)
        assert run(store, source, encoder) == {"updated": 1, "unchanged": 1, "embedded": 1, "total": 2}

    def test_an_attribute_of_another_type_is_one_sentence_and_loses_nothing(self, store, encoder):
        run(store, MemorySource({"a": png(1)}, {"a": {"number": 1}}), encoder)
        source = MemorySource({"a": png(1), "b": png(2)}, {"a": {"number": 1}, "b": {"number": "many"}})
        with pytest.raises(InputError, match="'number' is 'many' here"):
            run(store, source, encoder)
        assert list(embeddings(store)) == ["a"]
        source.attributes["b"] = {"number": 2}
        assert run(store, source, encoder) == {"added": 1, "unchanged": 1, "embedded": 1, "total": 2}

    def test_what_has_no_file_keeps_a_small_picture(self, store, tmp_path, encoder):
        plant(tmp_path, [1])
        run(store, tmp_path, encoder)
        run(store, MemorySource({"m1": png(1), "m2": png(2, side=900)}, prefix="m"), encoder)
        assert encoder.images == 2  # one was recognised by the file's content
        rows = {row["id"]: row["thumbnail"] for row in store.take(store.row_ids(), ["id", "thumbnail"]).to_pylist()}
        assert rows["0001.png"] is None
        assert Image.open(BytesIO(rows["m1"])).size == (8, 8)
        assert Image.open(BytesIO(rows["m2"])).size == (256, 256)


class TestEncodersThatFail:
    def test_what_was_embedded_before_stays(self, store, tmp_path, encoder):
        plant(tmp_path, range(100))

        class Tired(ToyEncoder):
            def encode_images(self, images):
                if self.images >= 64:
                    msg = "out of memory; use another device"
                    raise EncoderError(msg)
                return super().encode_images(images)

        with pytest.raises(EncoderError, match="another device"):
            run(store, tmp_path, Tired())
        assert len(embeddings(store)) == 64
        assert run(store, tmp_path, encoder) == {"added": 36, "unchanged": 64, "embedded": 36, "total": 100}

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (np.full((3, 12), np.nan), "not finite"),
            (np.full((3, 12), np.inf), "not finite"),
            (np.zeros((3, 11)), r"\(3, 11\)"),
            (np.zeros((2, 12)), r"\(2, 12\)"),
            (np.zeros(12), r"\(12,\)"),
        ],
    )
    def test_what_is_no_embedding_is_not_kept(self, store, tmp_path, answer, words):
        plant(tmp_path, range(3))

        class Wrong(ToyEncoder):
            def encode_images(self, images):
                return answer

        with pytest.raises(EncoderError, match=words):
            run(store, tmp_path, Wrong())
        assert embeddings(store) == {}

    def test_other_precisions_are_taken(self, store, tmp_path):
        plant(tmp_path, range(3))

        class Double(ToyEncoder):
            def encode_images(self, images):
                return super().encode_images(images).astype(np.float64)

        assert run(store, tmp_path, Double())["added"] == 3
        assert embeddings(store)["0001.png"] == of(1)


class Log:
    """Sums up the progress that is told."""

    def __init__(self) -> None:
        self.expected = self.items = self.failed = 0

    def expect(self, items):
        self.expected += items

    def advance(self, items, failed):
        self.items += items
        self.failed += failed

    def waiting(self, holder):
        pass

    def note(self, text):
        pass


def test_progress_adds_up(store, tmp_path, encoder):
    plant(tmp_path, range(70))
    (tmp_path / "bad.jpg").write_bytes(b"x")
    log = Log()
    run(store, tmp_path, encoder, progress=log)
    assert (log.expected, log.items, log.failed) == (71, 71, 1)
    log = Log()
    run(store, tmp_path, progress=log)
    assert (log.expected, log.items, log.failed) == (0, 0, 0)


class Turmoil:
    """A folder to which anything happens."""

    NAMES = tuple(f"{folder}{name}.png" for folder in ("", "a/", "a/b/", "c/") for name in range(6))
    ACTIONS = ("write", "write", "copy", "move", "swap", "remove", "damage", "touch")

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.dice = random.Random(seed)
        self.fresh = itertools.count(1)
        self.files: dict[str, int | None] = {"never-changed.png": 0}
        """By name: the seed of the pixels, or None for a damaged file."""

    def happen(self) -> None:
        """Do one thing."""
        name, other = self.dice.sample(self.NAMES, 2)
        getattr(self, self.dice.choice(self.ACTIONS))(name, other)

    def write(self, name, other):
        self.files[name] = next(self.fresh)

    def damage(self, name, other):
        self.files[name] = None

    def remove(self, name, other):
        self.files.pop(name, 0)

    def copy(self, name, other):
        self.files[other] = self.files.get(name, 0)

    def move(self, name, other):
        self.files[other] = self.files.pop(name, 0)

    def swap(self, name, other):
        self.files[name], self.files[other] = self.files.get(other, 0), self.files.get(name, 0)

    def touch(self, name, other):
        if (self.root / name).exists():
            os.utime(self.root / name, (self.dice.random(), self.dice.random()))

    def save(self) -> None:
        """Bring the files on disk up to date."""
        for path in self.root.rglob("*.png"):
            if path.relative_to(self.root).as_posix() not in self.files:
                path.unlink()
        for name, seed in self.files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = b"damaged" if seed is None else png(seed)
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_follows_a_folder_through_anything(store, tmp_path, encoder, seed):
    folder = Turmoil(tmp_path, seed)
    held: dict[str, int] = {}
    for _ in range(12):
        for _ in range(folder.dice.randint(1, 8)):
            folder.happen()
        folder.save()
        known, before = set(held.values()), encoder.images
        report = run(store, tmp_path, encoder)
        damaged = sorted(name for name, image in folder.files.items() if image is None)
        reasons = [STAYS if name in held else NO_PICTURE for name in damaged]
        held = {name: held.get(name) if image is None else image for name, image in folder.files.items()}
        held = {name: image for name, image in held.items() if image is not None}
        assert embeddings(store) == {name: of(image) for name, image in held.items()}
        assert sorted(report.get("failed", [])) == sorted(reasons)
        assert skipped(store) == damaged
        # only pixels that the gallery did not hold are embedded
        assert encoder.images - before <= sum(image not in known for image in held.values())
        assert report["total"] == len(held)
        assert run(store, tmp_path).keys() <= {"unchanged", "total", "failed"}
