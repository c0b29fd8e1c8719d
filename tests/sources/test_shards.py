from __future__ import annotations

import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from lookalike.errors import InputError, SourceError
from lookalike.sources.folder import FolderSource
from lookalike.sources.resolve import open_source
from lookalike.sources.shards import ShardsSource
from tests.sources.trees import ids, picture, plant


def pack(path, members, **options):
    """Write a tar archive of (name, bytes or the type of a member in a tuple)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", **options) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                (info.type,), info.linkname = content, "/etc/hostname"
                archive.addfile(info)


def sample(key, shade, **notes):
    return [(f"{key}.jpg", picture(shade)), *((f"{key}.{suffix}", text.encode()) for suffix, text in notes.items())]


def test_samples_have_their_keys_and_notes(tmp_path):
    pack(
        tmp_path / "x.tar",
        [
            ("b/1.cls", b"3\n"),
            *sample("b/1", 1, txt="a leaf ", json=json.dumps({"n": 1, "list": [1], "good": True, "none": None})),
            *sample("b/2", 2, json=json.dumps({"n": 2.5, "url": "http://a"})),
            ("alone.txt", b"no image"),
            *sample("c", 3, json="no json", npy="x"),
        ],
    )
    source = open_source(tmp_path / "x.tar", base=tmp_path)
    refs = list(source)
    assert [ref.id for ref in refs] == ["x.tar/b/1", "x.tar/b/2", "x.tar/c"]
    assert [ref.attributes for ref in refs] == [
        {"label": "3", "text": "a leaf", "n": 1.0, "good": True, "none": None},
        {"n": 2.5, "url": "http://a"},
        {},
    ]
    assert isinstance(refs[0].attributes["n"], float)
    assert [source.read(ref) for ref in refs] == [picture(1), picture(2), picture(3)]
    assert [ref.size for ref in refs] == [len(picture(shade)) for shade in (1, 2, 3)]
    assert refs[0].uri == f"tar:{tmp_path}/x.tar#b/1.jpg"
    assert list(source) == refs
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.tar"], "nothing is unpacked"


def test_several_images_of_a_sample_are_listed(tmp_path):
    pack(tmp_path / "x.tar", [("k.left.jpg", picture(1)), ("k.right.PNG", picture(2)), ("k.json", b'{"a": 1}')])
    source = ShardsSource([tmp_path / "x.tar"], base=tmp_path)
    assert [(ref.id, ref.attributes, source.read(ref)) for ref in source] == [
        ("x.tar/k", {"a": 1}, picture(1)),
        ("x.tar/k#2", {"a": 1}, picture(2)),
    ]


def test_a_range_of_shards_is_one_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        pack(tmp_path / "in" / f"x-{number:03}.tar", sample("k", number))
    expected = [f"in/x-{number:03}.tar/k" for number in range(3)]
    for spec in ("in/x-{000..002}.tar", "in/*.tar", [f"in/x-{number:03}.tar" for number in range(3)]):
        source = open_source(spec, base=tmp_path)
        assert isinstance(source, ShardsSource)
        assert ids(source) == expected
        assert [source.read(ref) for ref in source] == [picture(number) for number in range(3)]
    with pytest.raises(SourceError, match=r"it names 4 files, and 1 of them are not there, such as in/x-003\.tar"):
        open_source("in/x-{000..003}.tar", base=tmp_path)
    with pytest.raises(SourceError, match=r"it names 10 files, and none of them is there, such as in/y-0\.tar"):
        open_source("in/y-{0..9}.tar", base=tmp_path)


def test_it_covers_members_present_or_past(tmp_path):
    pack(tmp_path / "in" / "x.tar", sample("k", 0))
    source = ShardsSource([tmp_path / "in" / "x.tar"], base=tmp_path)
    assert all(map(source.covers, ("in/x.tar/k", "in/x.tar/gone", "in/x.tar/a/b#2")))
    assert not any(map(source.covers, ("in/x.tar", "x.tar/k", "in/y.tar/k", "in", "in/x.tarx/k")))
    assert not FolderSource(tmp_path, base=tmp_path).covers("in/x.tar/k#2"), "nor would a folder take it for its own"
    outside = ShardsSource([tmp_path / "in" / "x.tar"], base=tmp_path / "elsewhere")
    assert ids(outside) == [f"{tmp_path}/in/x.tar/k"]
    assert outside.covers(f"{tmp_path}/in/x.tar/k")


def test_names_that_lead_out_of_the_archive_lead_nowhere(tmp_path):
    plant(tmp_path, ["out.jpg"])
    names = ["../out.jpg", "/out2.jpg", "./a/../b.jpg", "..", "a/..", "../../out.jpg"]
    pack(tmp_path / "in" / "x.tar", [(name, picture(at + 1)) for at, name in enumerate(names)])
    source = ShardsSource([tmp_path / "in" / "x.tar"], base=tmp_path)
    found = {ref.id: source.read(ref) for ref in source}
    assert found == {"in/x.tar/out": picture(1), "in/x.tar/out2": picture(2), "in/x.tar/a/b": picture(3)}


def test_links_devices_and_hidden_members_are_left_out(tmp_path):
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE)
    hidden = ["._k.jpg", ".git/k.jpg", "__MACOSX/k.jpg", ".jpg"]
    members = [*((f"{at}.jpg", (kind,)) for at, kind in enumerate(kinds)), *((name, picture()) for name in hidden)]
    pack(tmp_path / "x.tar", [*members, *sample("good", 5)])
    assert ids(ShardsSource([tmp_path / "x.tar"], base=tmp_path)) == ["x.tar/good"]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_every_form_of_archive_is_read(tmp_path, form):
    folder = "d" * 90 if form == tarfile.USTAR_FORMAT else "ä" * 200
    pack(tmp_path / "x.tar", [(f"{folder}/{'k' * 60}.jpg", picture(1))], format=form)
    source = ShardsSource([tmp_path / "x.tar"], base=tmp_path)
    assert [(ref.id, source.read(ref)) for ref in source] == [(f"x.tar/{folder}/{'k' * 60}", picture(1))]


def test_names_that_are_no_text_are_kept_apart(tmp_path):
    pack(tmp_path / "x.tar", [("\udcff.jpg", picture(1)), ("\udcfe.jpg", picture(2))], format=tarfile.GNU_FORMAT)
    source = ShardsSource([tmp_path / "x.tar"], base=tmp_path)
    assert [(ref.id, source.read(ref)) for ref in source] == [
        ("x.tar/file:%FF", picture(1)),
        ("x.tar/file:%FE", picture(2)),
    ]
    assert all(ref.uri.encode() for ref in source)


def test_a_shard_that_was_written_anew_has_other_stamps(tmp_path):
    pack(tmp_path / "x.tar", sample("k", 1))
    (first,) = ShardsSource([tmp_path / "x.tar"], base=tmp_path)
    pack(tmp_path / "x.tar", [*sample("k", 2), *sample("l", 3)])
    assert next(iter(ShardsSource([tmp_path / "x.tar"], base=tmp_path))).stamp != first.stamp


def test_damage_is_noticed(tmp_path):
    path = tmp_path / "x.tar"
    pack(path, [*sample("a", 1), ("b.jpg", picture() * 100), *sample("c", 2)])
    whole = path.read_bytes()
    middle = whole.index(b"b.jpg")
    damages = {
        "unexpected end of data": whole[: middle + 3000],
        "no entry can be read at byte 1024": whole[: middle + 200],
        "no entry can be read at byte": whole[:middle] + b"x" * 512 + whole[middle + 512 :],
        "no plain tar archive": b"\x1f\x8b" + whole,
        "empty file": b"",
    }
    for reason, data in damages.items():
        path.write_bytes(data)
        with pytest.raises(
            SourceError, match=f"x\\.tar: it is damaged, or no plain tar archive: .*|{reason}"
        ) as caught:
            list(ShardsSource([path], base=tmp_path))
        assert reason in str(caught.value)
    path.write_bytes(whole[: -len(whole) % 512 or None].rstrip(b"\0") + b"\0" * 512)
    assert ids(ShardsSource([path], base=tmp_path)) == ["x.tar/a", "x.tar/b", "x.tar/c"]


def test_an_archive_cut_after_its_listing_fails_that_picture(tmp_path):
    pack(tmp_path / "x.tar", sample("a", 1))
    source = ShardsSource([tmp_path / "x.tar"], base=tmp_path)
    (ref,) = source
    (tmp_path / "x.tar").write_bytes((tmp_path / "x.tar").read_bytes()[:530])
    with pytest.raises(SourceError, match="the archive ends before the picture does"):
        source.read(ref)
    (tmp_path / "x.tar").unlink()
    with pytest.raises(OSError, match="No such file"):
        source.read(ref)
    with pytest.raises(SourceError, match=r"x\.tar: there is no such file"):
        list(source)


def test_what_holds_no_images_or_is_packed_says_so(tmp_path):
    pack(tmp_path / "x.tar", [("a.txt", b"x")])
    with pytest.raises(SourceError, match=r"x\.tar: holds no images"):
        list(ShardsSource([tmp_path / "x.tar"], base=tmp_path))
    for name in ("x.tar.gz", "x.tgz", "x.zip", "x.tar.zst"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(InputError, match=f"{name}' is a packed archive, .*; unpack it"):
            open_source(tmp_path / name, base=tmp_path)


def test_threads_read_at_once(tmp_path):
    pack(tmp_path / "x.tar", [member for key in range(200) for member in sample(f"{key}", key)])
    source = ShardsSource([tmp_path / "x.tar"], base=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(source.read, source)) == [picture(key) for key in range(200)]
    with pytest.raises(SourceError, match="it is not in"):
        plant(tmp_path, ["1.png"])
        source.read(next(iter(FolderSource(tmp_path, base=tmp_path))))
