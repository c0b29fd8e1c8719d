from __future__ import annotations

import os
import socket

import pytest

from lookalike.errors import SourceError
from lookalike.images.formats import IMAGE_SUFFIXES
from lookalike.sources.folder import FolderSource
from tests.sources.trees import as_nobody, ids, open_to_all, picture, plant


def test_images_are_listed_folder_by_folder_in_order_of_name(tmp_path):
    plant(tmp_path, ["b.jpg", "a.PNG", "cats/2.webp", "cats/10.webp", "cats/deep/er/x.TIFF", "ants/1.gif", "z.heic"])
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "jpg").write_text("no suffix")
    source = FolderSource(tmp_path, base=tmp_path)
    expected = ["a.PNG", "b.jpg", "z.heic", "ants/1.gif", "cats/10.webp", "cats/2.webp", "cats/deep/er/x.TIFF"]
    assert ids(source) == expected
    assert ids(source) == expected, "a listing is repeatable"
    assert source.unreadable == []


def test_every_suffix_is_listed_in_any_case(tmp_path):
    names = [f"1{suffix}" for suffix in IMAGE_SUFFIXES] + [f"2{suffix.upper()}" for suffix in IMAGE_SUFFIXES]
    plant(tmp_path, names)
    assert sorted(ids(FolderSource(tmp_path, base=tmp_path))) == sorted(names)
    assert {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif"} <= IMAGE_SUFFIXES


def test_a_reference_tells_path_folder_stamp_and_size(tmp_path):
    plant(tmp_path, ["cats/1.png"])
    path = tmp_path / "cats" / "1.png"
    os.utime(path, ns=(5, 1_234_567_890_123_456_789))
    (ref,) = FolderSource(tmp_path, base=tmp_path)
    assert ref.uri == str(path)
    assert ref.attributes == {"folder": "cats"}
    assert ref.size == len(picture())
    assert ref.stamp == f"{len(picture())}:1234567890123456789"
    assert FolderSource(tmp_path, base=tmp_path).read(ref) == picture()


def test_an_id_is_relative_inside_the_base_and_absolute_outside(tmp_path):
    plant(tmp_path, ["gallery/in/1.png", "out/2.png"])
    base = tmp_path / "gallery"
    assert ids(FolderSource(base / "in", base=base)) == ["in/1.png"]
    assert ids(FolderSource(tmp_path / "out", base=base)) == [(tmp_path / "out/2.png").as_posix()]
    assert sorted(ids(FolderSource(tmp_path, base=base))) == sorted(["in/1.png", (tmp_path / "out/2.png").as_posix()])


def test_an_id_does_not_depend_on_how_the_folder_was_named(tmp_path, monkeypatch):
    plant(tmp_path, ["gallery/in/1.png"])
    base = tmp_path / "gallery"
    (tmp_path / "alias").symlink_to(base)
    monkeypatch.chdir(base)
    for name in ("in", "./in/", "../gallery/in", tmp_path / "alias" / "in"):
        assert ids(FolderSource(name, base=base)) == ["in/1.png"]
    assert ids(FolderSource(base / "in", base=tmp_path / "alias")) == ["in/1.png"]


def test_hidden_and_system_files_and_folders_are_left_out(tmp_path):
    hidden = [".git/a.png", "@eaDir/a.png", "__MACOSX/._a.png", "$RECYCLE.BIN/a.png", "System Volume Information/a.png"]
    plant(tmp_path, [*hidden, "node_modules/x/logo.png", "deep/.cache/a.png", "._a.png", ".jpg", "deep/a.png"])
    source = FolderSource(tmp_path, base=tmp_path)
    assert ids(source) == ["deep/a.png"]
    assert ids(FolderSource(tmp_path / ".git", base=tmp_path)) == [".git/a.png"], "one that is named is listed"


def test_loops_of_links_end_and_each_folder_is_listed_once_by_its_plain_path(tmp_path):
    plant(tmp_path, ["root/real/1.png", "root/real/sub/2.png", "elsewhere/3.png"])
    root = tmp_path / "root"
    (root / "a-link").symlink_to(root / "real")
    (root / "real" / "up").symlink_to(root)
    (root / "real" / "sub" / "self").symlink_to(root / "real" / "sub" / "self")
    (root / "real" / "sub" / "self.jpg").symlink_to(root / "real" / "sub" / "self.jpg")
    (root / "other").symlink_to(tmp_path / "elsewhere")
    (root / "linked.png").symlink_to(tmp_path / "elsewhere" / "3.png")
    (root / "gone.png").symlink_to(tmp_path / "nowhere.png")
    source = FolderSource(root, base=root)
    assert ids(source) == ["linked.png", "real/1.png", "real/sub/2.png", "other/3.png"]
    assert source.unreadable == []


def test_what_is_not_a_file_is_never_opened(tmp_path, monkeypatch):
    plant(tmp_path, ["1.png"])
    os.mkfifo(tmp_path / "pipe.jpg")
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
        (tmp_path / "device.jpg").symlink_to("/dev/null")
        (tmp_path / "folder.jpg").mkdir()
        assert ids(FolderSource(tmp_path, base=tmp_path)) == ["1.png"]


ODD = ["naïve.png", "nai\u0308ve.png", "日本/猫.jpg", "new\nline.png", "a%20b.png", "file:%FF.png", "-.png", "😀.gif"]


def test_any_name_is_listed_by_a_valid_id_and_read_back(tmp_path):
    plant(tmp_path, [*ODD, b"\xff\xfe.png", b"caf\xe9/1.png", b"%FF.png", b"\xff.png"])
    source = FolderSource(tmp_path, base=tmp_path)
    refs = list(source)
    assert len({ref.id for ref in refs}) == len({ref.uri for ref in refs}) == len(ODD) + 4
    for ref in refs:
        ref.id.encode()
        ref.uri.encode()
        ref.attributes["folder"].encode()
        assert source.read(ref).startswith(b"\x89PNG")
        assert source.covers(ref.id)
    listed = {ref.id: ref.uri for ref in refs}
    assert listed["file:%FF.png"] == f"file://{tmp_path}/%FF.png", "undecodable"
    assert listed["%FF.png"] == f"{tmp_path}/%FF.png", "named so"
    assert listed["file:caf%E9/1.png"] == f"file://{tmp_path}/caf%E9/1.png"
    assert {"日本/猫.jpg", "new\nline.png", "a%20b.png", "😀.gif", "file:file%3A%25FF.png"} <= set(listed)


def test_a_folder_of_an_undecodable_name_outside_the_base(tmp_path):
    plant(tmp_path, [b"\xff/1.png"])
    source = FolderSource(tmp_path / "\udcff", base=tmp_path / "gallery")
    (ref,) = source
    assert ref.id == ref.uri == f"file://{tmp_path}/%FF/1.png"
    assert source.read(ref) == picture()
    assert source.covers(ref.id)
    source.uri.encode()


def test_it_covers_what_it_would_list_if_it_existed(tmp_path):
    plant(tmp_path, ["cats/1.png"])
    source = FolderSource(tmp_path / "cats", base=tmp_path)
    assert ids(source) == ["cats/1.png"]
    for covered in ("cats/1.png", "cats/gone.jpg", "cats/gone/2.PNG"):
        assert source.covers(covered)
    for other in ("dogs/1.png", "catsup/1.png", "cats", "cats/a.txt", "cats/train/0", "cats/.git/a.png", "cats/.a.png"):
        assert not source.covers(other)
    assert not FolderSource(tmp_path, base=tmp_path).covers("https://host/cats/1.png")
    assert not FolderSource(tmp_path, base=tmp_path).covers("s3://bucket/1.png")
    outside = FolderSource(tmp_path / "cats", base=tmp_path / "gallery")
    assert outside.covers((tmp_path / "cats/9.png").as_posix())
    assert not outside.covers("cats/9.png")


def test_the_root_of_the_file_system_covers_everything(tmp_path):
    assert FolderSource("/", base=tmp_path).covers("cats/1.png")
    assert FolderSource("/", base="/").covers("etc/1.png")


def test_a_closed_folder_is_remembered_and_not_covered(tmp_path):
    open_to_all(tmp_path)
    plant(tmp_path, ["open/1.png", "closed/2.png", "unlisted/3.png", "open/inner/4.png"])
    (tmp_path / "closed").chmod(0)
    (tmp_path / "unlisted").chmod(0o444)  # names can be listed, files not examined
    (tmp_path / "link.png").symlink_to(tmp_path / "closed" / "2.png")
    try:
        lines = as_nobody(
            """
            source = open_source(sys.argv[1], base=Path(sys.argv[1]))
            print([ref.id for ref in source])
            print(sorted(path.rpartition("/")[2] for path in source.unreadable))
            asked = ("open/9.png", "closed/2.png", "closed/x/2.png", "unlisted/3.png", "link.png")
            print([source.covers(item) for item in asked])
            """,
            str(tmp_path),
        )
    finally:
        (tmp_path / "closed").chmod(0o755)
        (tmp_path / "unlisted").chmod(0o755)
    assert lines == [
        "['open/1.png', 'open/inner/4.png']",
        "['closed', 'link.png', 'unlisted']",
        "[True, False, False, False, False]",
    ]


def test_a_closed_root_and_a_closed_file_are_errors(tmp_path):
    open_to_all(tmp_path)
    plant(tmp_path, ["closed/1.png", "open/2.png"])
    (tmp_path / "closed").chmod(0)
    (tmp_path / "open" / "2.png").chmod(0)
    try:
        lines = as_nobody(
            """
            base = Path(sys.argv[1])
            try:
                list(open_source(base / "closed", base=base))
            except OSError as error:
                print(type(error).__name__, error)
            source = open_source(base / "open", base=base)
            (ref,) = source
            try:
                source.read(ref)
            except OSError as error:
                print(type(error).__name__)
            try:
                open_source(base / "closed" / "1.png", base=base)
            except OSError as error:
                print(type(error).__name__, error)
            """,
            str(tmp_path),
        )
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert lines == [
        f"SourceError {tmp_path}/closed: it cannot be entered; check its permissions",
        "PermissionError",
        f"SourceError {tmp_path}/closed/1.png: Permission denied",
    ]


def test_a_folder_on_a_disk_that_is_gone_is_not_covered(tmp_path):
    plant(tmp_path, ["photos/1.png", "disk/2.png"])
    (tmp_path / "photos" / "disk").symlink_to(tmp_path / "disk")
    source = FolderSource(tmp_path / "photos", base=tmp_path)
    assert ids(source) == ["photos/1.png", "photos/disk/2.png"]
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    assert ids(source) == ["photos/1.png"]
    assert source.unreadable == [str(tmp_path / "photos" / "disk")]
    assert not source.covers("photos/disk/2.png")
    (tmp_path / "unmounted").rename(tmp_path / "disk")
    assert ids(source) == ["photos/1.png", "photos/disk/2.png"]
    assert source.covers("photos/disk/2.png")


def test_a_folder_without_images_says_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(SourceError, match=r"holds no images \(looked for \.avif, .*\.jpg") as caught:
        list(FolderSource(tmp_path, base=tmp_path))
    assert str(tmp_path) in str(caught.value)


def test_a_missing_folder_offers_a_similar_name(tmp_path):
    plant(tmp_path, ["photos/1.png"])
    with pytest.raises(SourceError, match=r"no such file or folder; did you mean .*/photos\?"):
        list(FolderSource(tmp_path / "photo", base=tmp_path))
    with pytest.raises(SourceError, match=r"no such file or folder; did you mean .*/photos\?"):
        list(FolderSource(tmp_path / "phtos" / "deep" / "er", base=tmp_path))
    with pytest.raises(SourceError, match=r"no such file or folder$"):
        list(FolderSource(tmp_path / "zzz", base=tmp_path))


def test_a_file_that_vanishes_is_an_error_of_that_item(tmp_path):
    plant(tmp_path, ["1.png"])
    source = FolderSource(tmp_path, base=tmp_path)
    (ref,) = source
    (tmp_path / "1.png").unlink()
    with pytest.raises(OSError, match="No such file"):
        source.read(ref)
