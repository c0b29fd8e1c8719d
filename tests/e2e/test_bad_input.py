"""Whatever a folder holds and wherever a gallery lies, a user gets one clear sentence."""

from __future__ import annotations

import struct
import sys
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import LookalikeError
from tests.e2e.children import python
from tests.toys import ToyEncoder, pixels_of, plant, png


def encoded(kind: str, side: int = 64) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels_of(1, side)).save(buffer, kind)
    return buffer.getvalue()


def bomb() -> bytes:
    """Return a small PNG file that claims to hold 10^10 pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


BAD = {
    "text.jpg": (b"hello, this is a text\n", "not a picture"),
    "page.png": (b"<!doctype html><html></html>", "not a picture"),
    "zero.jpg": (b"", "empty"),
    "cut.jpg": (encoded("JPEG")[:700], "truncated"),
    "cut.png": (encoded("PNG")[:5000], "truncated"),
    "head.jpg": (b"\xff\xd8\xff\xe0", "JPEG"),
    "bomb.png": (bomb(), "10,000 megapixels, above the limit of 200"),
    "noise.webp": (b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(8), "WebP"),
    "zip.bmp": (b"PK\x03\x04" + bytes(100), "not a picture"),
    "nul.tif": (bytes(500), "not a picture"),
}
GOOD = {
    "one.png": encoded("PNG", 1),
    "line.jpg": encoded("JPEG", 64),
    "wrong-suffix.jpg": encoded("PNG"),
    "odd.gif": encoded("GIF"),
}


def test_good_files_are_indexed_and_bad_ones_listed_with_a_reason_each(tmp_path):
    for name, (data, _) in BAD.items():
        (tmp_path / name).write_bytes(data)
    for name, data in GOOD.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "nothing.jpg").symlink_to(tmp_path / "missing.jpg")
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    report = gallery.add(tmp_path)
    assert report.added == report.total == len(GOOD)
    reasons = {failure.uri.rpartition("/")[2]: failure.reason for failure in report.failed}
    assert reasons.keys() == BAD.keys()
    for name, (_, words) in BAD.items():
        assert words in reasons[name]
        assert "\n" not in reasons[name]
        assert len(reasons[name]) < 160
    assert sorted(gallery.search(np.ones(12), k=99).ids) == sorted(GOOD)
    for name, (_, words) in BAD.items():
        with pytest.raises(LookalikeError, match=words) as raised:
            gallery.search(tmp_path / name)
        assert name in str(raised.value)


def test_the_wrong_place_for_a_gallery_is_one_sentence(tmp_path):
    plant(tmp_path / "photos", range(2))
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", "/dev/null", "/proc/none/g"):
        with pytest.raises(LookalikeError) as raised:
            lookalike.open(place, encoder=ToyEncoder()).add(tmp_path / "photos")
        message = str(raised.value)
        assert str(place) in message
        assert "--gallery" in message
        assert "\n" not in message


ORDINARY = """
    import sys
    from pathlib import Path
    from tests.e2e.children import heed_permissions
    heed_permissions()
    import lookalike
    from lookalike.errors import LookalikeError
    from tests.toys import ToyEncoder, pixels_of, png
    folder = Path(sys.argv[1])
    def tell(use):
        try:
            print(use())
        except LookalikeError as error:
            print(type(error).__name__, error)
    gallery = lookalike.open(folder, encoder=ToyEncoder())
"""

linux = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")


def ordinary(code: str, *arguments: object) -> list[str]:
    """Run code as one whom permissions stop."""
    return python(ORDINARY + code, *arguments)


@pytest.fixture
def photos(tmp_path):
    plant(tmp_path / "photos" / "open", range(3))
    plant(tmp_path / "photos" / "shut", range(3, 6))
    lookalike.open(tmp_path / "photos", encoder=ToyEncoder()).add(tmp_path / "photos")
    yield tmp_path / "photos"
    for path in [tmp_path / "photos", *(tmp_path / "photos").rglob("*")]:
        path.chmod(0o755)


@linux
@pytest.mark.parametrize("has_snapshot", [True, False])
def test_a_gallery_that_may_only_be_read_is_searched(photos, has_snapshot):
    gallery = photos / ".lookalike"
    if not has_snapshot:
        for path in sorted((gallery / "indexes").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    for path in [gallery, *gallery.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    found, added = ordinary(
        """
    tell(lambda: gallery.search("id:open/0000.png", k=99, include_self=True).ids)
    (folder / "new.png").write_bytes(png(9))
    tell(lambda: gallery.add(folder))
    """,
        photos,
    )
    assert sorted(eval(found)) == [f"{'open' if i < 3 else 'shut'}/{i:04d}.png" for i in range(6)]
    assert added.startswith(f"StoreError {gallery} cannot be used (Permission denied)")


@linux
def test_a_gallery_that_may_not_be_looked_at_is_one_sentence(photos):
    (photos / ".lookalike").chmod(0)
    lines = ordinary(
        """
    tell(lambda: len(gallery))
    tell(lambda: gallery.search("id:open/0000.png"))
    tell(lambda: gallery.add(folder))
    tell(gallery.failures)
    """,
        photos,
    )
    assert len(lines) == 4
    for line in lines:
        assert line.startswith(f"StoreError {photos / '.lookalike'} cannot be used (Permission denied)")


@linux
def test_a_new_gallery_where_nothing_may_be_written_is_one_sentence(tmp_path):
    plant(tmp_path / "photos", range(2))
    (tmp_path / "photos").chmod(0o555)
    try:
        (line,) = ordinary("    tell(lambda: gallery.add(folder))", tmp_path / "photos")
    finally:
        (tmp_path / "photos").chmod(0o755)
    assert line.startswith(f"StoreError {tmp_path}/photos/.lookalike cannot be used (Permission denied)")


@linux
def test_what_may_not_be_read_is_listed_and_keeps_its_row(photos):
    (photos / "open" / "0001.png").chmod(0)
    (photos / "open" / "new.png").write_bytes(png(50))
    (photos / "open" / "new.png").chmod(0)
    (photos / "open" / "0002.png").write_bytes(png(60))
    (photos / "open" / "0002.png").chmod(0)
    (photos / "shut").chmod(0)
    lines = ordinary(
        """
    report = gallery.add(folder)
    print(report.added, report.updated, report.unchanged, report.removed, report.total)
    for failure in report.failed:
        print(failure.uri.removeprefix(str(folder)), failure.reason)
    tell(lambda: gallery.search("id:open/0000.png", k=99, include_self=True).ids)
    print([(item.id, item.uri.removeprefix(str(folder)), item.reason[:11]) for item in gallery.failures()])
    before = [(item.id, item.reason) for item in gallery.failures()]
    print(gallery.add(folder).unchanged == 2 and before == [(item.id, item.reason) for item in gallery.failures()])
    (folder / "shut").chmod(0o755)
    for path in (folder / "open").iterdir():
        path.chmod(0o644)
    report = gallery.add(folder)
    print(report.added, report.updated, report.unchanged, report.removed, report.total, report.failed)
    print(gallery.failures())
    """,
        photos,
    )
    assert lines[0] == "0 0 2 0 6"
    assert lines[1:4] == [
        "/open/0002.png Permission denied; its earlier version stays in the gallery",
        "/open/new.png Permission denied",
        "/shut this folder cannot be entered; check its permissions",
    ]
    assert len(eval(lines[4])) == 6
    assert eval(lines[5]) == [
        ("open/0002.png", "/open/0002.png", "Permission "),
        ("open/new.png", "/open/new.png", "Permission "),
        ("shut", "/shut", "this folder"),
    ]
    assert lines[6:] == ["True", "1 1 5 0 7 []", "[]"]


@linux
def test_a_closed_folder_is_among_the_errors_until_its_own_source_enters_it(photos):
    (photos / "shut" / "inner").mkdir()
    (photos / "shut" / "inner").chmod(0)
    lines = ordinary(
        """
    def told(source):
        gallery.add(source)
        print([item.id for item in gallery.failures()])
    told(str(folder / "**"))
    told(folder / "open")
    told([folder / "open", folder / "shut"])
    (folder / "shut" / "inner").rmdir()
    told(folder / "open")
    told([folder / "open", folder / "shut"])
    (folder / "shut" / "inner").mkdir(0)
    gallery.add(folder, label_from="parent")
    (folder / "shut" / "inner").rmdir()
    told(folder / "open")
    told(folder)
    """,
        photos,
    )
    assert lines == ["['shut/inner']"] * 4 + ["[]", "['shut/inner']", "[]"]


@linux
def test_a_query_that_may_not_be_read_is_one_sentence(photos):
    (photos / "open" / "0001.png").chmod(0)
    lines = ordinary(
        """
    tell(lambda: gallery.search(folder / "open" / "0001.png"))
    tell(lambda: gallery.search("id:open/0001.png", k=1).ids != [])
    """,
        photos,
    )
    assert lines == [f"SourceError {photos}/open/0001.png: Permission denied", "True"]
